import Foundation
import ReleaseMachine
import ViridianConfiguration

/// A message as incoming webhooks of Slack take it, and those of Mattermost, Rocket.Chat and Discord (at `/slack`).
///
/// <https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments>,
/// <https://developers.mattermost.com/integrate/webhooks/incoming>, <https://discord.com/developers/docs/resources/webhook>
package struct SlackWebhookMessage: Sendable, Hashable, Encodable {
    struct Attachment: Sendable, Hashable, Encodable {
        var fallback: String
        var color: String
        var title: String
        var titleLink: String?
        var text: String?
        var fields: [Field]

        private enum CodingKeys: String, CodingKey {
            case fallback, color, title, text, fields
            case titleLink = "title_link"
        }
    }

    struct Field: Sendable, Hashable, Encodable {
        var title: String
        var value: String
        /// Beside another one.
        var short: Bool
    }

    var text: String
    var attachments: [Attachment]

    /// A message without more than a text.
    package init(text: String) {
        self.text = Self.plain(text)
        attachments = []
    }

    /// `server` is the server's URL, without a trailing slash; `nil` where none is configured.
    package init(_ event: WebhookEvent, server: String?) {
        let release = event.release
        let order = release.order
        text = Self.plain(event.sentence)
        attachments = [
            Attachment(
                fallback: Self.plain(event.sentence), color: Self.color(event.trigger), title: Self.plain(order.name),
                titleLink: server.map { "\($0)/apps/\(order.app)/releases/\(order.number)" },
                text: Self.details(release), fields: Self.fields(event))
        ]
    }

    private static let longestValue = 500
    private static let mostDetails = 8

    private static func fields(_ event: WebhookEvent) -> [Field] {
        let release = event.release
        let order = release.order
        var fields = [Field(title: "Version", value: plain(event.versions), short: true)]
        func add(_ title: String, _ value: String?, short: Bool = true) {
            if let value { fields.append(Field(title: title, value: value, short: short)) }
        }
        add("Colour", release.candidate?.rawValue)
        add("Requested by", plain(order.requestedBy))
        add("Approvals", approvals(release))
        add("Reason", order.reason.map(plain), short: false)
        if [.paused, .deadlineNear, .approved].contains(event.trigger) {
            add("Preview", order.rules.previewURL.map { plain($0) }, short: false)
        }
        add("Changes", release.compareURL.map { plain($0) }, short: false)
        if !release.needRepair.isEmpty {
            add("Nodes that need repair", plain(release.needRepair.map(\.node).joined(separator: ", ")), short: false)
        }
        return fields
    }

    private static func approvals(_ release: Release) -> String? {
        guard release.order.rules.neededApprovals > 1 else { return nil }
        let names = release.approvals.map(\.by).joined(separator: ", ")
        return plain(
            "\(release.approvals.count) of \(release.order.rules.neededApprovals)" + (names.isEmpty ? "" : ": \(names)")
        )
    }

    /// The evidence of a failure.
    private static func details(_ release: Release) -> String? {
        guard let details = release.failure?.details, !details.isEmpty else { return nil }
        return details.suffix(mostDetails).map(plain).joined(separator: "\n")
    }

    private static func color(_ trigger: WebhookEvent.Trigger) -> String {
        switch trigger {
        case .paused, .deadlineNear: "#d29922"
        case .live: "#2da44e"
        case .failed, .rolledBack: "#cf222e"
        case .requested, .started, .approved, .promoted, .aborted, .superseded: "#6e7781"
        }
    }

    /// Text as text, in one line: it mentions nobody, makes no link and is not formatted, in none of them.
    static func plain(_ text: String) -> String {
        let line = text.inOneLine
        let short = line.count > longestValue ? line.prefix(longestValue - 1) + "…" : line
        // Not Slack's: Mattermost, Rocket.Chat and Discord read these in the text itself, and Markdown's links.
        let unmentioning = short.replacing(/@(?=(?:channel|here|all|everyone)\b)/.ignoresCase()) { _ in "@\u{2060}" }
        return SlackText.plain(unmentioning.replacing("](", with: "]\u{2060}(")).markup
    }
}

extension WebhookEvent {
    package typealias Trigger = NotifyConfiguration.Trigger
}
