import Foundation
import HTTPTransport

/// What Slack answers to a call of its Web API: https://docs.slack.dev/apis/web-api/#responses
struct SlackAnswer: Sendable {
    private struct Envelope: Decodable {
        struct Metadata: Decodable { var messages: [String]? }

        var ok: Bool
        var error: String?
        var errors: [String]?
        var needed: String?
        var metadata: Metadata?

        private enum CodingKeys: String, CodingKey {
            case ok, error, errors, needed
            case metadata = "response_metadata"
        }
    }

    var status: Int
    var headers: HTTPConnection.Headers
    var body: Data
    /// Slack's code for what went wrong, `invalid_auth`; `nil` when nothing did.
    let error: String?
    /// The scopes that the token would need.
    let needed: String?
    /// What Slack says of the error.
    let details: [String]
    /// The body is one of Slack's.
    let isSlack: Bool

    init(_ response: HTTPConnection.Response) {
        (status, headers, body) = (response.status, response.headers, response.body)
        let envelope = try? JSONDecoder().decode(Envelope.self, from: response.body)
        isSlack = envelope != nil
        error = envelope.flatMap { $0.ok ? nil : $0.error ?? "unknown_error" }
        needed = envelope?.needed
        details = (envelope?.metadata?.messages ?? []) + (envelope?.errors ?? [])
    }
}
