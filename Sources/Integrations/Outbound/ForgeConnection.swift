import Foundation
import HTTPTransport
import ReleaseMachine
import ViridianConfiguration

/// Calls to a forge's API: JSON in and out, with the errors that all forges share.
struct ForgeConnection: Sendable {
    /// `GitHub`, for messages.
    let name: String
    /// The host of its pages, as in the URLs of repositories.
    let host: String
    private let connection: HTTPConnection
    private let headers: HTTPConnection.Headers
    private let token: Secret
    private let clock: @Sendable () -> Date

    /// The time limit of one call. A delivery makes seven at most, which all end before another process takes the delivery over.
    static let deadline = Duration.seconds(15)

    /// - Throws: `TransportError` for an invalid URL, `ProxyError` for an invalid proxy.
    init(
        _ name: String, _ destination: ReportConfiguration.Destination, host: String,
        headers: HTTPConnection.Headers, environment: [String: String], clock: @escaping @Sendable () -> Date
    ) throws {
        let url = destination.api.absoluteString
        self.name = name
        self.host = host
        self.headers = headers
        token = destination.token
        self.clock = clock
        connection = try HTTPConnection(
            baseURL: url, proxy: try ProxyEnvironment(environment).proxy(for: url), connectionLimit: 2)
    }

    func shutdown() async { await connection.shutdown() }

    /// An answer of the API with a status below 500.
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPConnection.Headers
        var body: Data
        /// What the forge says of an error, in one line without secrets; empty where it says nothing.
        var message: String

        var isSuccess: Bool { (200..<300).contains(status) }
    }

    /// Sends a request. Follows redirects of the same server, which forges send for repositories that were renamed.
    /// - Throws: `DeliveryFailure` unless there is an answer that tells something about the request.
    func call(_ method: String, _ path: String, _ body: (any Encodable & Sendable)? = nil) async throws -> Answer {
        var path = path
        for _ in 0..<3 {
            let answer = try await send(method, path, body)
            guard (300..<400).contains(answer.status), let next = place(answer.headers["Location"]) else {
                if let failure = failure(answer) { throw failure }
                return answer
            }
            path = next
        }
        throw DeliveryFailure(.refused, "\(name) redirects without end")
    }

    private func send(_ method: String, _ path: String, _ body: (any Encodable & Sendable)?) async throws -> Answer {
        var request = HTTPConnection.Request(
            method, path, headers: headers, deadline: Self.deadline, largestBody: 8 << 20)
        if let body {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            request.body = try encoder.encode(body)
            request.headers["Content-Type"] = "application/json"
        }
        do {
            let response = try await connection.send(request)
            return Answer(
                status: response.status, headers: response.headers, body: response.body,
                message: message(in: response.body))
        } catch let error as TransportError {
            if case .invalidRequest = error.kind {
                throw DeliveryFailure(
                    .refused,
                    "\(hidingToken("\(error)")): check report.\(name.lowercased()).token for characters that are no part of it"
                )
            }
            throw DeliveryFailure(.unavailable(after: nil), "\(name) does not answer: \(hidingToken("\(error)"))")
        }
    }

    /// The path of a redirect to the same server, below the API's own; `nil` for any other place, where the token must not go.
    private func place(_ location: String?) -> String? {
        guard let location, let url = URL(string: location, relativeTo: connection.baseURL)?.absoluteURL,
            url.scheme == connection.baseURL.scheme, url.host == connection.baseURL.host,
            url.port == connection.baseURL.port, let parts = URLComponents(url: url, resolvingAgainstBaseURL: false)
        else { return nil }
        let base = connection.baseURL.path
        guard parts.percentEncodedPath.hasPrefix(base + "/") else { return nil }
        return String(parts.percentEncodedPath.dropFirst(base.count))
            + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
    }

    // MARK: - Errors

    /// What every request has in common: the forge is busy or down, or does not accept the token.
    private func failure(_ answer: Answer) -> DeliveryFailure? {
        let said = answer.message.isEmpty ? "" : " (\(answer.message))"
        switch answer.status {
        case 401:
            return DeliveryFailure(
                .refused,
                "\(name) does not accept the token\(said): put a valid one into report.\(name.lowercased()).token")
        case 300..<400:
            return DeliveryFailure(
                .refused,
                "\(name) answers \(answer.status) with another place: check report.\(name.lowercased()).api")
        case 403, 429:
            guard answer.status == 429 || isRateLimit(answer) else { return nil }
            return DeliveryFailure(
                .unavailable(after: wait(answer) ?? .seconds(60)), "\(name) limits the rate of requests\(said)")
        case 408, 423, 425, 500...:
            return DeliveryFailure(.unavailable(after: wait(answer)), "\(name) answers \(answer.status)\(said)")
        default: return nil
        }
    }

    /// GitHub answers 403 for its rate limits too:
    /// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    private func isRateLimit(_ answer: Answer) -> Bool {
        answer.headers["Retry-After"] != nil || answer.headers["X-RateLimit-Remaining"] == "0"
            || answer.message.lowercased().contains("rate limit")
    }

    /// `Retry-After`; else, where the limit is used up, the time at which it is reset, in seconds since 1970: `X-RateLimit-Reset` of GitHub,
    /// `RateLimit-Reset` of GitLab. GitHub sends its limit with every answer. An hour and a half at most.
    private func wait(_ answer: Answer) -> Duration? {
        let longest = Duration.seconds(5400)
        if let after = answer.headers.retryAfter { return min(after, longest) }
        for prefix in ["X-RateLimit", "RateLimit"] where answer.headers["\(prefix)-Remaining"] == "0" {
            guard let reset = answer.headers["\(prefix)-Reset"].flatMap(Double.init) else { continue }
            let seconds = reset - clock().timeIntervalSince1970
            return min(.seconds(max(seconds, 0).rounded(.up)), longest)
        }
        return nil
    }

    private func message(in body: Data) -> String {
        guard let json = try? JSONSerialization.jsonObject(with: body), let object = json as? [String: Any] else {
            return ""
        }
        var parts: [String] = []
        for key in ["message", "error", "error_description", "errors"] {
            if let value = object[key] { parts.append(Self.text(value)) }
        }
        let line = parts.joined(separator: "; ").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return hidingToken(line.count > 300 ? line.prefix(299) + "…" : line)
    }

    /// `ref: The branch or tag does not exist`
    private static func text(_ value: Any) -> String {
        switch value {
        case let text as String: text
        case let list as [Any]: list.map(text).joined(separator: ", ")
        case let members as [String: Any]:
            members.sorted { $0.key < $1.key }.map { "\($0.key): \(text($0.value))" }.joined(separator: ", ")
        default: "\(value)"
        }
    }

    private func hidingToken(_ text: some StringProtocol) -> String {
        String(text).hiding([token.value])
    }

    /// The answer's body as a value.
    func decode<Value: Decodable>(_ type: Value.Type, _ answer: Answer) throws(DeliveryFailure) -> Value {
        do {
            return try JSONDecoder().decode(type, from: answer.body)
        } catch {
            throw DeliveryFailure(
                .refused,
                "\(name) answers \(answer.status) with something else than its API's JSON: check report.\(name.lowercased()).api"
            )
        }
    }

    /// Whether a repository's host is this forge's. URLs for SSH do not tell the port of the pages.
    func isHome(of repository: SourceRepository) -> Bool {
        repository.host == host || !repository.host.contains(":") && repository.host == host.prefix { $0 != ":" }
    }
}
