import Foundation

/// A destination of outgoing webhooks.
package struct NotifyConfiguration: Sendable, Hashable {
    package enum Format: String, Sendable, Hashable, CaseIterable {
        /// JSON with the headers of https://www.standardwebhooks.com.
        case standardWebhooks = "standard-webhooks"
        /// What incoming webhooks of Mattermost, Rocket.Chat and Discord (at /slack) take.
        case slackWebhook = "slack-webhook"
    }

    /// What a destination is told of a release.
    package enum Trigger: String, Sendable, Hashable, CaseIterable {
        case requested
        case started
        case paused
        case approved
        /// Three quarters of the time to promote have passed.
        case deadlineNear
        case promoted
        case live
        case failed
        case aborted
        /// Traffic is back at the version before, in the release or by a later one.
        case rolledBack
        /// A later release replaced the version.
        case superseded
    }

    /// Unique.
    package var name: String
    package var url: URL
    /// Keys for signatures; while keys are changed, two: messages are signed with each. Empty only with `slackWebhook`.
    package var secrets: [Secret]
    package var format: Format
    package var on: Set<Trigger>
    /// `nil` for all.
    package var apps: [String]?
    /// The URL's name may have a private address. An address in the URL itself may always be private.
    package var isPrivate: Bool

    package init(
        name: String, url: URL, secrets: [Secret] = [], format: Format = .standardWebhooks,
        on: Set<Trigger>? = nil, apps: [String]? = nil, isPrivate: Bool = false
    ) {
        self.name = name
        self.url = url
        self.secrets = secrets
        self.format = format
        self.on = on ?? format.triggers
        self.apps = apps
        self.isPrivate = isPrivate
    }
}

extension NotifyConfiguration.Format {
    /// What is told without `on`: programs everything, people what they need to know.
    package var triggers: Set<NotifyConfiguration.Trigger> {
        switch self {
        case .standardWebhooks: Set(NotifyConfiguration.Trigger.allCases)
        case .slackWebhook: [.paused, .deadlineNear, .live, .failed, .aborted, .rolledBack]
        }
    }
}
