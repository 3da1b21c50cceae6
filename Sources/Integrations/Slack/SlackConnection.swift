import Foundation
import HTTPTransport
import ViridianConfiguration

/// Calls to one server of Slack, with the errors that all of them share. Redirects are not followed: the token would go with them.
struct SlackConnection: Sendable {
    private let connection: HTTPConnection
    private let secrets: [String]
    private let failures: SlackFailures
    private let deadline: Duration

    private static let largestBody = 1 << 20

    /// `deadline` is the time limit of one call.
    init(
        _ url: String, secrets: [Secret], failures: SlackFailures, environment: [String: String], deadline: Duration
    ) throws {
        self.deadline = deadline
        self.secrets = secrets.map(\.value)
        self.failures = failures
        connection = try HTTPConnection(
            baseURL: url, proxy: try ProxyEnvironment(environment).proxy(for: url), connectionLimit: 4)
    }

    func shutdown() async { await connection.shutdown() }

    /// Calls a method that takes JSON.
    func call(_ method: String, json body: some Encodable, _ token: Secret) async throws -> SlackAnswer {
        try await call(method, try Self.json(body), type: "application/json; charset=utf-8", token)
    }

    /// Calls a method that takes a form.
    func call(_ method: String, form: [(name: String, value: String)], _ token: Secret) async throws -> SlackAnswer {
        let body = Data(PercentEncoding.query(form).dropFirst().utf8)
        return try await call(method, body, type: "application/x-www-form-urlencoded", token)
    }

    private func call(_ method: String, _ body: Data, type: String, _ token: Secret) async throws -> SlackAnswer {
        let answer = SlackAnswer(
            try await send(
                "/\(method)", body, ["Content-Type": type, "Authorization": "Bearer \(token.value)"],
                key: SlackFailures.key(of: method)))
        if let failure = failures.failure(answer, method: method) {
            throw hidingSecrets(failure)
        }
        return answer
    }

    /// Posts to a response_url, which needs no token and answers `ok`.
    func respond(_ path: String, _ body: some Encodable) async throws {
        let answer = try await send(path, try Self.json(body), ["Content-Type": "application/json; charset=utf-8"])
        guard !answer.isSuccess else { return }
        let isLimit = answer.status == 429
        throw DeliveryFailure(
            isLimit || answer.status >= 500 ? .unavailable(after: answer.retryAfter) : .refused,
            "Slack does not take the answer to a request any more: its response_url answers \(answer.status)")
    }

    /// The part of an answer that a method is called for.
    func decode<Value: Decodable>(_ type: Value.Type, _ answer: SlackAnswer, _ method: String) throws(DeliveryFailure)
        -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: answer.body)
        } catch {
            throw DeliveryFailure(
                .unavailable(after: nil), "Slack answers \(method) without what it should contain: check slack.api")
        }
    }

    /// `key` is the key of the configuration with the token in the headers.
    private func send(
        _ path: String, _ body: Data, _ headers: HTTPConnection.Headers, key: String = "slack.token"
    ) async throws -> HTTPConnection.Response {
        var headers = headers
        headers["User-Agent"] = "viridian"
        headers["Accept"] = "application/json"
        do {
            return try await connection.send(
                HTTPConnection.Request(
                    "POST", path, headers: headers, body: body, deadline: deadline, largestBody: Self.largestBody))
        } catch let error as TransportError {
            if case .invalidRequest = error.kind {
                // Probably in a header, where the token is.
                throw DeliveryFailure(
                    .unavailable(after: nil),
                    "\(hidingSecrets("\(error)")): check \(key) for characters that are no part of it")
            }
            throw DeliveryFailure(.unavailable(after: nil), "Slack does not answer: \(hidingSecrets("\(error)"))")
        }
    }

    private static func json(_ body: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(body)
    }

    private func hidingSecrets(_ error: any Error) -> any Error {
        switch error {
        case let failure as DeliveryFailure: DeliveryFailure(failure.kind, hidingSecrets(failure.description))
        case SlackError.contentRefused(let code, let detail):
            SlackError.contentRefused(hidingSecrets(code), detail: hidingSecrets(detail))
        case SlackError.messageNotFound(let code): SlackError.messageNotFound(hidingSecrets(code))
        default: error
        }
    }

    private func hidingSecrets(_ text: String) -> String { text.hiding(secrets) }
}
