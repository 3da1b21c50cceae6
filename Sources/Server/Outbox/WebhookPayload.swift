import Controller
import Foundation
import Integrations
import ReleaseMachine
import ViridianConfiguration

/// What a message of the format `standard-webhooks` has in its body: documented in docs/notifications.md. Fields are added, never renamed.
package struct WebhookPayload: Codable, Sendable, Hashable {
    package struct Contents: Codable, Sendable, Hashable {
        /// What happened, in one sentence.
        package var summary: String
        /// The release's page.
        package var url: String?
        /// The app's own address.
        package var appURL: String?
        /// The release as the API has it at that moment.
        package var release: ReleaseView
    }

    /// `release.paused`
    package var type: String
    /// When it happened.
    package var timestamp: String
    package var data: Contents

    init(_ event: WebhookEvent, server: String?, host: String?) {
        let order = event.release.order
        type = "release.\(event.trigger.rawValue)"
        timestamp = event.at.iso8601
        data = Contents(
            summary: event.sentence, url: server.map { "\($0)/apps/\(order.app)/releases/\(order.number)" },
            appURL: host.map { "https://\($0)" }, release: ReleaseView(event.release))
    }

    /// The same for every attempt to deliver a message about a release, whoever makes it, and no other message's of any installation: a
    /// release is told by when it was requested.
    static func id(app: String, number: Int, message: String, requested: Timestamp) -> String {
        "msg_\(app)_\(number)_\(message)_\(String(requested.milliseconds, radix: 36))"
    }
}

/// What a test sends.
struct WebhookTest: Encodable, Sendable {
    struct Contents: Encodable, Sendable {
        var summary: String
        var url: String?
    }

    var type = "test"
    var timestamp: String
    var data: Contents
}
