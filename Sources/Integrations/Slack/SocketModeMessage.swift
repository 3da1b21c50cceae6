import Foundation
import ViridianConfiguration

/// What Slack sends in Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode
enum SocketModeMessage: Sendable, Hashable {
    enum DisconnectReason: Sendable, Hashable {
        /// The connection ends soon, because Slack renews them: a new one is to be opened.
        case refresh
        /// Somebody turned Socket Mode off for the app.
        case disabled
        /// The app has as many connections as Slack allows: ten.
        case tooMany
    }

    /// The connection is ready. How many the app has now, where Slack says so.
    case hello(connections: Int?)
    case disconnect(DisconnectReason)
    case envelope(SocketEnvelope)
    /// None of these: what it is, for the log.
    case other(String)

    init(_ text: String) {
        guard let message = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            self = .other("no JSON object")
            return
        }
        let type = message["type"] as? String ?? ""
        switch type {
        case "hello": self = .hello(connections: message["num_connections"] as? Int)
        case "disconnect": self = .disconnect(DisconnectReason(message["reason"] as? String))
        default:
            guard let envelope = SocketEnvelope(type: type, message) else {
                self = .other("the type \(Excerpt.quoted(type, limit: 40))")
                return
            }
            self = .envelope(envelope)
        }
    }
}

extension SocketModeMessage.DisconnectReason {
    fileprivate init(_ reason: String?) {
        switch reason {
        case "link_disabled": self = .disabled
        case "too_many_websockets": self = .tooMany
        // `warning`: in about ten seconds; `refresh_requested`: now.
        default: self = .refresh
        }
    }
}

/// What Socket Mode wraps around a request, so that it can be acknowledged.
package struct SocketEnvelope: Sendable, Hashable {
    package var id: String
    /// `slash_commands`, `interactive`, `events_api`, …
    package var type: String
    /// A JSON object.
    package var payload: [UInt8]
    /// Whether the acknowledgement may have a payload.
    package var acceptsResponse: Bool
    /// How often Slack has sent it before; `nil` the first time.
    package var retryAttempt: Int?
    package var retryReason: String?

    package init(
        id: String, type: String, payload: [UInt8], acceptsResponse: Bool = false, retryAttempt: Int? = nil,
        retryReason: String? = nil
    ) {
        self.id = id
        self.type = type
        self.payload = payload
        self.acceptsResponse = acceptsResponse
        self.retryAttempt = retryAttempt
        self.retryReason = retryReason
    }

    /// An id longer than this is none: Slack's are UUIDs.
    private static let longestID = 200

    fileprivate init?(type: String, _ message: [String: Any]) {
        guard let id = message["envelope_id"] as? String, !id.isEmpty, id.utf8.count <= Self.longestID else {
            return nil
        }
        let payload = message["payload"] as? [String: Any] ?? [:]
        guard let bytes = try? JSONSerialization.data(withJSONObject: payload, options: .withoutEscapingSlashes) else {
            return nil
        }
        self.init(
            id: id, type: type, payload: Array(bytes),
            acceptsResponse: message["accepts_response_payload"] as? Bool ?? false,
            retryAttempt: message["retry_attempt"] as? Int, retryReason: message["retry_reason"] as? String)
    }

    /// A request of a person. Everything else is acknowledged without being looked at.
    var isRequest: Bool { type == "slash_commands" || type == "interactive" }

    /// The acknowledgement: `{"envelope_id": "…"}`, with the answer as `payload`.
    func acknowledgement(_ answer: SocketAnswer?) -> String {
        struct Acknowledgement: Encodable {
            var id: String
            var payload: SocketAnswer?

            private enum CodingKeys: String, CodingKey {
                case id = "envelope_id"
                case payload
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try? encoder.encode(Acknowledgement(id: id, payload: acceptsResponse ? answer : nil))
        return String(decoding: json ?? Data(), as: UTF8.self)
    }
}

/// What a person is told with the acknowledgement of a request, as JSON.
package struct SocketAnswer: Sendable, Encodable {
    private let value: any Encodable & Sendable

    package init(_ value: some Encodable & Sendable) { self.value = value }

    package func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}
