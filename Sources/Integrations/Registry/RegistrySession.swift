import Foundation
import HTTPTransport
import Synchronization
import ViridianConfiguration

/// Requests to one registry: authenticated as it requires, with its redirects followed, none while it limits requests, and every
/// failure as a `RegistryError`.
final class RegistrySession: Sendable {
    struct Request: Sendable {
        /// As the registry names it.
        var repository: String
        /// Percent-encoded: `/v2/blog/tags/list`.
        var path: String
        var accept: [String]
        /// Bytes.
        var largestBody: Int
        /// Whether the content is checked against a digest that was known before, so that it may come from anywhere.
        var isVerified = false
    }

    let transport: RegistryTransport
    /// User name and password as a header's value.
    let credentials: Secret?
    let now: @Sendable () -> ContinuousClock.Instant
    private let memory = Mutex(Memory())

    /// What is used for further requests.
    private struct Memory {
        var usesBasic = false
        /// By repository.
        var tokens: [String: Token] = [:]
        /// After 429.
        var pausedUntil: ContinuousClock.Instant?
    }

    struct Token: Sendable {
        /// A header's value.
        var authorization: Secret
        var until: ContinuousClock.Instant
    }

    init(
        _ configuration: RegistryConfiguration, deadline: Duration, environment: [String: String],
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        transport = RegistryTransport(configuration, deadline: deadline, environment: environment)
        credentials = configuration.username.map { user in
            let text = "\(user):\(configuration.password?.value ?? "")"
            return Secret("Basic " + Data(text.utf8).base64EncodedString())
        }
        self.now = now
    }

    var host: String { transport.address.host }

    /// - Returns: The response with status 200; `nil` for 404.
    func get(_ request: Request) async throws(RegistryError) -> HTTPConnection.Response? {
        try refuseWhilePaused()
        let sent = authorization(for: request.repository)
        var answer = try await transport.send(call(request, authorization: sent))
        var authorization = sent
        if answer.status == 401 {
            authorization = try await authorize(request.repository, answer, refused: sent)
            answer = try await transport.send(call(request, authorization: authorization))
            if answer.status == 401 {
                forget(request.repository)
                // With a token in hand, the credentials were right.
                throw credentials != nil && authorization != credentials
                    ? forbidden(request.repository, status: 401) : refusal(of: request.repository)
            }
        }
        let (last, server) = try await followingRedirects(request, answer, authorization)
        return try evaluate(last, of: server, request.repository)
    }

    private func call(_ request: Request, authorization: Secret?) -> HTTPConnection.Request {
        var call = HTTPConnection.Request("GET", request.path, largestBody: request.largestBody)
        call.headers["Accept"] = request.accept.joined(separator: ", ")
        call.headers["Authorization"] = authorization?.value
        return call
    }

    // MARK: - Redirects

    /// - Returns: The last response, and who sent it.
    private func followingRedirects(
        _ request: Request, _ first: HTTPConnection.Response, _ authorization: Secret?
    ) async throws(RegistryError) -> (HTTPConnection.Response, server: String) {
        guard let home = WebAddress(transport.address.url + request.path) else { return (first, host) }
        var (answer, place, server) = (first, home, host)
        // Credentials are for the registry, and only as long as no other host had a say in what is requested.
        var isHome = true
        for _ in 0..<Self.mostRedirects where Self.redirects.contains(answer.status) {
            guard let next = answer.headers["Location"].flatMap({ WebAddress($0, relativeTo: place) }) else {
                throw RegistryError(
                    .invalidAnswer, host: host, "\(server) returned a redirect without a valid location")
            }
            guard next.isSecure || !place.isSecure || request.isVerified else {
                throw RegistryError(
                    .insecure, host: host, "\(server) redirects to \(next.name) without TLS, which is not followed")
            }
            guard !next.isSecure || home.isSecure || next.host != home.host || next.path != home.path else {
                throw RegistryError(
                    .configuration, host: host, "\(host) redirects to HTTPS; configure it without plainHTTP")
            }
            isHome = isHome && next.origin == home.origin
            var call = call(request, authorization: isHome ? authorization : nil)
            if isHome {
                call.path = next.path
                answer = try await transport.send(call)
            } else {
                server = "\(next.name) (\(host) redirects to it)"
                answer = try await transport.send(call, to: next, server: server)
            }
            place = next
        }
        return (answer, server)
    }

    private static let redirects: Set = [301, 302, 303, 307, 308]
    private static let mostRedirects = 4

    // MARK: - Memory

    private func authorization(for repository: String) -> Secret? {
        memory.withLock { memory in
            if let token = memory.tokens[repository], token.until > now() { return token.authorization }
            return memory.usesBasic ? credentials : nil
        }
    }

    func remember(_ token: Token, for repository: String) {
        memory.withLock { memory in
            memory.tokens = memory.tokens.filter { $0.value.until > now() }
            memory.tokens[repository] = token
        }
    }

    func rememberBasic() {
        memory.withLock { $0.usesBasic = true }
    }

    private func forget(_ repository: String) {
        memory.withLock { memory in
            memory.tokens[repository] = nil
            memory.usesBasic = false
        }
    }

    func pause(for wait: Duration) {
        memory.withLock { $0.pausedUntil = now() + min(wait, Self.longestPause) }
    }

    /// A longer time is taken for a mistake.
    private static let longestPause = Duration.seconds(3600)

    private func refuseWhilePaused() throws(RegistryError) {
        guard let until = memory.withLock({ $0.pausedUntil }), until > now() else { return }
        let wait = now().duration(to: until)
        throw RegistryError(
            .tooManyRequests, host: host,
            "\(host) limits requests (429); the next one is sent \(wait.fromNow)",
            retryAfter: wait)
    }
}

extension Duration {
    /// `in 30 s`, in whole seconds, rounded up.
    var fromNow: String {
        "in \(components.seconds + (components.attoseconds > 0 ? 1 : 0)) s"
    }
}
