import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// Calls to one server: a base URL, a TLS identity and pools of connections.
///
/// Redirects are never followed. Ordinary calls have a deadline that covers everything up to the last byte of the body;
/// streams have none, and connections of their own, so that many of them never starve the calls.
/// `shutdown()` ends it; one that is dropped without it closes its connections by itself.
package final class HTTPConnection: Sendable {
    /// The URL it was created with.
    package let baseURL: URL
    /// `host:port`, as errors name it.
    package let server: String

    private let prefix: String
    private let hostHeader: String?
    private let calls: HTTPClient
    private let streams: HTTPClient
    private let translation: ErrorTranslation
    private let pause: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - text: `http://` or `https://` with a host; a path is put before the path of every request.
    ///   - tls: whom an `https` server must be, and as whom this client comes.
    ///   - proxy: who connects to the server instead of this program.
    ///   - connectionLimit: how many connections ordinary calls may hold at once; further calls wait for one.
    ///   - connectTimeout: for one connection, before its first request.
    ///   - streamIdleLimit: a stream that says nothing for this long ends with an error; nil: it may be silent for ever.
    ///   - pause: how to wait between attempts.
    /// - Throws: `TransportError` for a URL that is none, `TLSIdentityError` for unreadable certificates.
    package init(
        baseURL text: String,
        tls: TLSIdentity = .system,
        proxy: ProxyServer? = nil,
        connectionLimit: Int = 32,
        connectTimeout: Duration = .seconds(10),
        streamIdleLimit: Duration? = nil,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = url.host, !host.isEmpty
        else {
            throw TransportError(
                .invalidRequest("\(text.withoutUserInfo) is not an http or https URL"), server: text.withoutUserInfo)
        }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        let bareHost = host.trimmingCharacters(in: ["[", "]"])
        let shownHost = bareHost.contains(":") ? "[\(bareHost)]" : bareHost

        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try tls.configuration(),
            redirectConfiguration: .disallow,
            timeout: .init(connect: connectTimeout.timeAmount)
        )
        // Retrying here would repeat TLS failures for seconds; RetryPolicy decides instead.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionLimit
        configuration.connectionPool.idleTimeout = .seconds(30)

        var requestHost = shownHost
        var hostHeader: String?
        if let name = tls.serverName, name != bareHost {
            // The name in the URL is what SNI and verification use; the override is where the connection goes.
            configuration.dnsOverride = [name: bareHost]
            requestHost = name
            hostHeader = "\(shownHost):\(port)"
        }

        let server = "\(shownHost):\(port)"
        configuration.proxy = proxy?.configuration
        if scheme == "https", tls.trust != .unverified, proxy != nil || tls.serverName != nil {
            configuration.tlsConfiguration?.certificateVerification = .noHostnameVerification
            let name = CertificateName(tls.serverName ?? bareHost)
            configuration.http1_1ConnectionDebugInitializer = { name.check($0, server: server) }
            configuration.http2ConnectionDebugInitializer = { name.check($0, server: server) }
        }

        baseURL = url
        self.server = server
        self.hostHeader = hostHeader
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        prefix = "\(scheme)://\(requestHost):\(port)\(path)"
        calls = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)

        // A stream holds its connection for as long as it lives, and the default limit of 8 is soon used up.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1024
        configuration.timeout.read = streamIdleLimit?.timeAmount
        streams = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        translation = ErrorTranslation(server: server, proxy: proxy, idleLimit: streamIdleLimit)
        self.pause = pause
    }

    deinit {
        // A client that is dropped while it runs traps in debug builds. After shutdown() this does nothing.
        for client in [calls, streams] { client.shutdown(queue: .global()) { _ in } }
    }

    /// Closes every connection. Calls and streams that are under way fail.
    package func shutdown() async {
        // The only error is that it has been shut down before.
        try? await calls.shutdown()
        try? await streams.shutdown()
    }

    // MARK: - Calls

    /// Sends a request, again where its policy allows that, and returns the whole answer, whatever its status.
    /// - Throws: `TransportError`, or `CancellationError` when the task was cancelled.
    package func send(_ request: Request) async throws -> Response {
        let clock = ContinuousClock()
        let end = clock.now + request.deadline
        var attempt = 1
        while true {
            let delay: Duration?
            let result: Result<Response, TransportError>
            do {
                let answer = try await attemptOnce(request, within: clock.now.duration(to: end))
                delay = request.retry.delay(after: answer, method: request.method, attempt: attempt)
                result = .success(answer)
            } catch let error as TransportError {
                delay = request.retry.delay(after: error, method: request.method, attempt: attempt)
                result = .failure(error)
            }
            // Better the last answer now than a deadline that says less later.
            guard let delay, delay < clock.now.duration(to: end) else { return try result.get() }
            try await pause(delay)
            attempt += 1
        }
    }

    private func attemptOnce(_ request: Request, within limit: Duration) async throws -> Response {
        let prepared = try prepare(request)
        return try await translatingErrors(request) {
            // The client's own deadline ends with the head, so the body needs a clock of its own.
            try await withDeadline(limit) { [calls] in
                let answer = try await calls.execute(prepared, deadline: .now() + limit.timeAmount)
                let body = try await answer.body.collect(upTo: request.largestBody)
                return Response(answer, body: Data(body.readableBytesView))
            }
        }
    }

    // MARK: - Streams

    /// Sends a request once and returns as soon as the head of the answer is there; its deadline covers only that.
    /// - Throws: `TransportError`, or `CancellationError` when the task was cancelled.
    package func lines(_ request: Request, limit: LineLimit = .standard) async throws -> LineStream {
        let prepared = try prepare(request)
        let answer = try await translatingErrors(request) { [streams] in
            try await streams.execute(prepared, deadline: .now() + request.deadline.timeAmount)
        }
        return LineStream(answer, limit: limit, translation: translation)
    }

    // MARK: - Both

    private func prepare(_ request: Request) throws(TransportError) -> HTTPClientRequest {
        var prepared = HTTPClientRequest(url: prefix + (request.path.hasPrefix("/") ? "" : "/") + request.path)
        prepared.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers.fields { prepared.headers.add(name: name, value: value) }
        if let hostHeader, !prepared.headers.contains(name: "Host") {
            prepared.headers.add(name: "Host", value: hostHeader)
        }
        if request.closesConnection { prepared.headers.replaceOrAdd(name: "Connection", value: "close") }
        if let body = request.body { prepared.body = .bytes(ByteBuffer(bytes: body)) }
        guard URL(string: prepared.url) != nil else {
            throw TransportError(.invalidRequest("\(request.path) is not a path"), server: server)
        }
        return prepared
    }

    private func translatingErrors<Value: Sendable>(
        _ request: Request, _ operation: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await operation()
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw translation(error, deadline: request.deadline, largestBody: request.largestBody)
        }
    }
}

/// The time given to an operation is over.
struct DeadlinePassed: Error {}

/// Runs an operation and cancels it when it takes longer than `limit`.
func withDeadline<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw DeadlinePassed() }
        return value
    }
}

extension Duration {
    var timeAmount: TimeAmount {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return .nanoseconds(overflow ? .max / 4 : min(whole + attoseconds / 1_000_000_000, .max / 4))
    }
}
