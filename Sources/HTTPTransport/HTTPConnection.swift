import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// An HTTP client for one server: a base URL, a TLS identity and connection pools.
///
/// Redirects are not followed. A call has a deadline that covers everything up to the last byte of the body. Streams have
/// no deadline and use a pool of their own, so that they cannot block calls.
/// `shutdown()` closes the connections; so does deallocation.
package final class HTTPConnection: Sendable {
    /// The URL it was created with.
    package let baseURL: URL
    /// `host:port`, for messages.
    package let server: String

    private let prefix: String
    private let hostHeader: String?
    private let calls: HTTPClient
    private let streams: HTTPClient
    private let translation: ErrorTranslation
    private let pause: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - text: an http or https URL with a host; its path is the prefix of every request's path.
    ///   - tls: the trusted certificates and the client certificate, for https.
    ///   - proxy: the proxy to connect through; nil: none.
    ///   - address: where to connect to, whatever the URL's name resolves to; nil: where it resolves to. Not with a proxy, which resolves it.
    ///   - connectionLimit: the highest number of connections for calls; further calls wait for one.
    ///   - connectTimeout: the time limit for opening one connection.
    ///   - streamIdleLimit: a stream that receives nothing for this long fails; nil: no limit.
    ///   - pause: waits between attempts.
    /// - Throws: `TransportError` for an invalid URL, `TLSIdentityError` for unreadable certificates.
    package init(
        baseURL text: String,
        tls: TLSIdentity = .system,
        proxy: ProxyServer? = nil,
        address: IPAddress? = nil,
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
        // The client would repeat TLS failures for seconds; RetryPolicy decides about retries.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionLimit
        configuration.connectionPool.idleTimeout = .seconds(30)

        var requestHost = shownHost
        var hostHeader: String?
        if let name = tls.serverName, name != bareHost {
            // SNI and verification use the name in the URL; the override sets the address to connect to.
            configuration.dnsOverride = [name: bareHost]
            requestHost = name
            hostHeader = "\(shownHost):\(port)"
        } else if let address {
            configuration.dnsOverride = [bareHost: address.description]
        }

        let server = "\(shownHost):\(port)"
        configuration.proxy = proxy?.configuration
        if scheme == "https", tls.trust != .unverified, proxy != nil || tls.serverName != nil || address != nil {
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

        // A stream holds its connection until it ends, and the default limit of 8 is too low for that.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1024
        configuration.timeout.read = streamIdleLimit?.timeAmount
        streams = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        translation = ErrorTranslation(server: server, proxy: proxy, idleLimit: streamIdleLimit)
        self.pause = pause
    }

    deinit {
        // A client that is deallocated while it runs traps in debug builds. After shutdown() this does nothing.
        for client in [calls, streams] { client.shutdown(queue: .global()) { _ in } }
    }

    /// Closes every connection. Calls and streams in progress fail.
    package func shutdown() async {
        // The only possible error is that it has already been shut down.
        try? await calls.shutdown()
        try? await streams.shutdown()
    }

    // MARK: - Calls

    /// Sends a request, retries it as its policy allows, and returns the complete response, whatever its status.
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
            // When the deadline is before the next attempt, the last response or error is more useful than a deadline error.
            guard let delay, delay < clock.now.duration(to: end) else { return try result.get() }
            try await pause(delay)
            attempt += 1
        }
    }

    private func attemptOnce(_ request: Request, within limit: Duration) async throws -> Response {
        let prepared = try prepare(request)
        return try await translatingErrors(request) {
            // The client's deadline covers only the head; `withDeadline` covers the body.
            try await withDeadline(limit) { [calls] in
                let answer = try await calls.execute(prepared, deadline: .now() + limit.timeAmount)
                let body =
                    request.cutsBody
                    ? try await answer.body.beginning(request.largestBody)
                    : try await answer.body.collect(upTo: request.largestBody)
                return Response(answer, body: Data(body.readableBytesView))
            }
        }
    }

    // MARK: - Streams

    /// Sends a request once and returns when the response head has arrived. The deadline covers only the head.
    /// - Throws: `TransportError`, or `CancellationError` when the task was cancelled.
    package func lines(_ request: Request, limit: LineLimit = .standard) async throws -> LineStream {
        let prepared = try prepare(request)
        let answer = try await translatingErrors(request) { [streams] in
            try await streams.execute(prepared, deadline: .now() + request.deadline.timeAmount)
        }
        return LineStream(answer, limit: limit, translation: translation)
    }

    // MARK: - Requests

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

extension HTTPClientResponse.Body {
    /// The first bytes; the rest is not received.
    fileprivate func beginning(_ count: Int) async throws -> ByteBuffer {
        var beginning = ByteBuffer()
        for try await var part in self {
            let space = count - beginning.readableBytes
            let length = Swift.min(space, part.readableBytes)
            if var fitting = part.readSlice(length: length) { beginning.writeBuffer(&fitting) }
            guard beginning.readableBytes < count else { break }
        }
        return beginning
    }
}

/// An operation took longer than its limit.
struct DeadlinePassed: Error {}

/// Runs an operation and cancels it after `limit`.
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
