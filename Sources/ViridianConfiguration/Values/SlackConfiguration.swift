import Foundation

/// Where releases are told in Slack, and who may release from there.
package struct SlackConfiguration: Sendable, Hashable {
    /// Someone in Slack, and the rights that they have here.
    package struct User: Sendable, Hashable {
        package enum Identification: Sendable, Hashable {
            /// Slack's id of the person: `U024BE7LH`.
            case id(String)
            /// Lower case.
            case email(String)
        }

        package enum Role: String, Sendable, Hashable, CaseIterable {
            case viewer
            case deployer
            case admin
        }

        package var identification: Identification
        /// As in releases and the audit log.
        package var name: String
        package var role: Role
        /// `nil` for all.
        package var apps: [String]?

        package init(_ identification: Identification, name: String, role: Role, apps: [String]? = nil) {
            self.identification = identification
            self.name = name
            self.role = role
            self.apps = apps
        }
    }

    /// The bot's token: `xoxb-…`.
    package var token: Secret
    /// Slack signs requests to /slack/… with it; `nil`: they are refused.
    package var signingSecret: Secret?
    /// The token for Socket Mode, `xapp-…`; `nil`: no connections are opened to Slack.
    package var appToken: Secret?
    /// A channel's name with `#`, or its id.
    package var channel: String
    /// The slash command, as it was named in Slack: `/deploy`.
    package var command: String
    package var api: URL
    package var users: [User]

    package init(
        token: Secret, signingSecret: Secret? = nil, appToken: Secret? = nil, channel: String,
        command: String = "/deploy", api: URL, users: [User] = []
    ) {
        self.token = token
        self.signingSecret = signingSecret
        self.appToken = appToken
        self.channel = channel
        self.command = command
        self.api = api
        self.users = users
    }

    /// Requests from people in Slack arrive somehow: without, messages have no buttons.
    package var takesRequests: Bool { signingSecret != nil || appToken != nil }
}
