import Foundation
import HTTPTransport

/// What a receiver of webhooks answered, and what that means for the message.
struct WebhookAnswer: Sendable {
    private let status: Int
    private let retryAfter: Duration?
    /// What it said, in one line; empty where it said nothing that helps.
    private let text: String

    private static let longestText = 300
    private static let longestWait = Duration.seconds(3600)

    init(_ response: HTTPConnection.Response, hiding secrets: [String]) {
        status = response.status
        retryAfter = response.retryAfter.map { min($0, Self.longestWait) }
        let line = String(decoding: response.body, as: UTF8.self).inOneLine
        let shown = line.hasPrefix("<") ? "an HTML page" : line.hiding(secrets)
        text = shown.count > Self.longestText ? shown.prefix(Self.longestText - 1) + "…" : shown
    }

    /// - Returns: how it was accepted.
    /// - Throws: `DeliveryFailure` where it was not.
    func sentence() throws(DeliveryFailure) -> String {
        let said = text.isEmpty ? "\(status)" : "\(status): \(text)"
        switch status {
        case 200..<300: return said
        case 300..<400:
            throw DeliveryFailure(
                .refused, "the receiver redirects (\(status)), which is not followed: put its final url into notify")
        case 410:
            throw DeliveryFailure(
                .refused, "the receiver does not want messages any more (\(said)): remove it from notify")
        case 429: throw DeliveryFailure(.limited(after: retryAfter ?? .seconds(30)), "the receiver limits (\(said))")
        case 408, 425, 500...:
            throw DeliveryFailure(.unavailable(after: retryAfter), "the receiver answers \(said)")
        case 401, 403:
            throw DeliveryFailure(
                .refused,
                "the receiver does not accept the message (\(said)): check that secret and url in notify are the receiver's"
            )
        case 404, 405:
            throw DeliveryFailure(.refused, "nothing takes messages there (\(said)): check the url in notify")
        default:
            throw DeliveryFailure(
                .refused,
                "the receiver does not accept the message (\(said)): check that url and format in notify are what it takes"
            )
        }
    }
}

extension String {
    /// Without characters that control terminals or the direction of text, and with single spaces.
    var inOneLine: String {
        let printable = unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: " "
            default: scalar
            }
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: printable)
        return String(text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
