import Foundation
import HTTPTransport
import Synchronization
import ViridianConfiguration

/// Asks one registry: authenticates as it demands, follows its redirects, waits when it said so, and turns what goes wrong into
/// `RegistryError`.
final class RegistrySession: Sendable {
    struct Question: Sendable {
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
    let credentials: Credentials?
    let now: @Sendable () -> ContinuousClock.Instant
    private let memory = Mutex(Memory())

    /// What is sent again without being demanded again.
    private struct Memory {
        var usesBasic = false
        /// By repository.
        var tokens: [String: Token] = [:]
        /// After 429.
        var pausedUntil: ContinuousClock.Instant?
    }

    struct Token: Sendable {
        var authorization: String
        var until: ContinuousClock.Instant
    }

    struct Credentials: Sendable {
        /// A header's value.
        var basic: String

        init?(_ configuration: RegistryConfiguration) {
            guard let user = configuration.username else { return nil }
            basic = "Basic " + Data("\(user):\(configuration.password?.value ?? "")".utf8).base64EncodedString()
        }
    }

    init(
        _ configuration: RegistryConfiguration, deadline: Duration, environment: [String: String],
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        transport = RegistryTransport(configuration, deadline: deadline, environment: environment)
        credentials = Credentials(configuration)
        self.now = now
    }

    var host: String { transport.address.host }

    /// - Returns: The answer with status 200; `nil` for 404.
    func ask(_ question: Question) async throws(RegistryError) -> HTTPConnection.Response? {
        try refuseWhilePaused()
        let sent = authorization(for: question.repository)
        var answer = try await transport.send(request(question, authorization: sent))
        var authorization = sent
        if answer.status == 401 {
            authorization = try await authorize(question.repository, answer, refused: sent)
            answer = try await transport.send(request(question, authorization: authorization))
            if answer.status == 401 {
                forget(question.repository)
                // With a token in hand, the credentials were right.
                throw credentials != nil && authorization != credentials?.basic
                    ? forbidden(question.repository, status: 401) : refusal(of: question.repository)
            }
        }
        let (last, server) = try await followingRedirects(question, answer, authorization)
        return try evaluate(last, of: server, question.repository)
    }

    private func request(_ question: Question, authorization: String?) -> HTTPConnection.Request {
        var request = HTTPConnection.Request("GET", question.path, largestBody: question.largestBody)
        request.headers["Accept"] = question.accept.joined(separator: ", ")
        request.headers["Authorization"] = authorization
        return request
    }

    // MARK: - Redirects

    /// - Returns: The last answer, and who gave it.
    private func followingRedirects(
        _ question: Question, _ first: HTTPConnection.Response, _ authorization: String?
    ) async throws(RegistryError) -> (HTTPConnection.Response, server: String) {
        guard let home = WebAddress(transport.address.url + question.path) else { return (first, host) }
        var (answer, place, server) = (first, home, host)
        for _ in 0..<Self.mostRedirects where Self.redirects.contains(answer.status) {
            guard let next = answer.headers["Location"].flatMap({ WebAddress($0, relativeTo: place) }) else {
                throw RegistryError(.invalidAnswer, host: host, "\(server) redirects to nowhere")
            }
            guard next.isSecure || !place.isSecure || question.isVerified else {
                throw RegistryError(
                    .insecure, host: host, "\(server) redirects to \(next.name) without TLS, which is not followed")
            }
            var request = request(question, authorization: nil)
            if next.origin == home.origin, server == host {
                request.headers["Authorization"] = authorization
                request.path = next.path
                answer = try await transport.send(request)
            } else {
                server = next.origin == home.origin ? next.name : "\(next.name), to which \(host) redirects,"
                answer = try await transport.send(request, to: next, server: server)
            }
            place = next
        }
        return (answer, server)
    }

    private static let redirects: Set = [301, 302, 303, 307, 308]
    private static let mostRedirects = 4

    // MARK: - Memory

    private func authorization(for repository: String) -> String? {
        memory.withLock { memory in
            if let token = memory.tokens[repository], token.until > now() { return token.authorization }
            return memory.usesBasic ? credentials?.basic : nil
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

    /// What a registry asks for beyond this is not believed.
    private static let longestPause = Duration.seconds(3600)

    private func refuseWhilePaused() throws(RegistryError) {
        guard let until = memory.withLock({ $0.pausedUntil }), until > now() else { return }
        let wait = now().duration(to: until)
        throw RegistryError(
            .tooManyRequests, host: host,
            "\(host) answered a moment ago that it gets too many requests (429); it is asked again \(wait.fromNow)",
            retryAfter: wait)
    }
}

extension Duration {
    /// `in 30 s`, in whole seconds, rounded up.
    var fromNow: String {
        "in \(components.seconds + (components.attoseconds > 0 ? 1 : 0)) s"
    }
}
