/// Something that a person in Slack asks for.
package struct SlackRequest: Sendable, Hashable, Codable {
    package enum Action: Sendable, Hashable, Codable {
        /// The text after the slash command: `promote blog`.
        case command(text: String)
        /// A button of a release's message: its `action_id` (`promote` or `abort`), and the release (`blog/42`).
        case button(id: String, release: String)
    }

    package var action: Action
    /// The workspace that the app is installed in.
    package var team: String
    package var user: SlackPerson
    /// Where the answer goes: five times within 30 minutes.
    package var responseURL: String?
    /// Slack's id of what the person did (`trigger_id`), the same however often Slack sends it; `nil` where Slack names none.
    package var trigger: String?

    package init(
        _ action: Action, team: String, user: SlackPerson, responseURL: String? = nil, trigger: String? = nil
    ) {
        self.action = action
        self.team = team
        self.user = user
        self.responseURL = responseURL
        self.trigger = trigger
    }

    /// Tells what a person did apart from everything else that somebody did; `nil` where Slack names no trigger.
    package var occurrence: String? {
        let what =
            switch action {
            case .command(let text): text
            case .button(let id, let release): "\(id) \(release)"
            }
        return trigger.map { "trigger:\($0) \(user.id) \(what)" }
    }
}

/// A person in Slack, as a request names them.
package struct SlackPerson: Sendable, Hashable, Codable {
    /// The person's own workspace, which is another one than the app's for guests of a shared channel; `nil` where Slack does not say.
    package var team: String?
    /// `U024BE7LH`
    package var id: String
    /// For people to read only: names in Slack are not unique and change.
    package var name: String

    package init(team: String? = nil, id: String, name: String) {
        self.team = team
        self.id = id
        self.name = name
    }
}

/// A request that is not in Slack's format.
package struct MalformedSlackRequest: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and what is there, in one sentence without control characters.
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}
