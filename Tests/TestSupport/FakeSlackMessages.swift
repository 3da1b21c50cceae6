import Foundation

extension FakeSlack {
    /// Someone in Slack.
    package struct Person: Sendable, Hashable {
        package var id: String
        package var name: String
        package var email: String?
        /// The workspace that they belong to; another one than the app's in a channel that two workspaces share.
        package var team: String

        package init(id: String, name: String, email: String? = nil, team: String = "T0123ABCD") {
            self.id = id
            self.name = name
            self.email = email
            self.team = team
        }

        package static let mike = Person(id: "U024BE7LH", name: "mike", email: "mike@domain.com")
        package static let ann = Person(id: "U0ANN4567", name: "ann", email: "ann@domain.com")
        package static let bob = Person(id: "U0BOB4567", name: "bob", email: "bob@domain.com")
        /// Nobody's configuration names her.
        package static let eve = Person(id: "U0EVE4567", name: "eve", email: "eve@elsewhere.example")
        /// Of another workspace.
        package static let outsider = Person(
            id: "U0OUT4567", name: "olaf", email: "olaf@elsewhere.example", team: "T0OTHER99")
    }

    package struct Channel: Sendable, Hashable {
        package var id: String
        /// Without `#`.
        package var name: String
        package var isArchived = false
        package var isPrivate = false
        /// The app was invited.
        package var hasApp = true

        package init(
            id: String, name: String, isArchived: Bool = false, isPrivate: Bool = false, hasApp: Bool = true
        ) {
            self.id = id
            self.name = name
            self.isArchived = isArchived
            self.isPrivate = isPrivate
            self.hasApp = hasApp
        }
    }

    /// A button as it is shown.
    package struct Button: Sendable, Hashable {
        package struct Confirmation: Sendable, Hashable {
            package var title: String
            package var text: String
            package var confirm: String
            package var deny: String
        }

        package var action: String
        package var block: String
        package var text: String
        package var value: String?
        package var url: String?
        package var style: String?
        package var confirmation: Confirmation?

        init(
            action: String, block: String, text: String, value: String? = nil, url: String? = nil,
            style: String? = nil, confirmation: Confirmation? = nil
        ) {
            (self.action, self.block, self.text, self.value) = (action, block, text, value)
            (self.url, self.style, self.confirmation) = (url, style, confirmation)
        }

        /// One that an earlier edit of a message had.
        package init(_ action: String, value: String) {
            self.init(action: action, block: "earlier", text: action, value: value)
        }
    }

    /// What a message consisted of from one moment on.
    package struct Version: Sendable, Hashable {
        package var at: Date
        package var text: String
        /// A JSON array; `nil` without blocks.
        package var blocks: String?
        /// `header`, `plan`, `actions`, in order.
        package var kinds: [String] = []
        package var blockIDs: [String] = []
        /// What people read: the texts of the blocks, one a line, or `text` where there are no blocks.
        package var shown: String
        package var buttons: [Button] = []
        /// Whom it calls: `!channel`, `!here`, `U024BE7LH`.
        package var mentions: [String] = []
    }

    package struct Message: Sendable, Hashable, CustomStringConvertible {
        /// The channel's id.
        package var channel: String
        package var timestamp: String
        /// The first message of its thread.
        package var thread: String?
        /// A line of a thread that is shown in the channel as well.
        package var isBroadcast = false
        /// The only person who sees it.
        package var onlyFor: Person?
        /// The app that posted it.
        package var app: String
        /// As it was posted, and after each edit.
        package var versions: [Version]

        package var newest: Version { versions[versions.count - 1] }
        package var text: String { newest.text }
        package var shown: String { newest.shown }
        package var buttons: [Button] { newest.buttons }
        package var mentions: [String] { newest.mentions }
        package func button(_ action: String) -> Button? { buttons.first { $0.action == action } }

        package var description: String {
            "\(channel):\(timestamp)\(thread.map { " in \($0)" } ?? "")\(onlyFor.map { " for \($0.name)" } ?? "")"
                + " (\(versions.count)): \(shown)\(buttons.map { " [\($0.text)]" }.joined())"
        }
    }
}

/// Why Slack does not do what it is asked for.
struct SlackRefusal: Error {
    var code: String
    /// In `response_metadata.messages`.
    var messages: [String] = []
    var needed: String?

    init(_ code: String, _ messages: [String] = [], needed: String? = nil) {
        self.code = code
        self.messages = messages
        self.needed = needed
    }
}
