/// A block of a message, as https://docs.slack.dev/reference/block-kit/blocks has them: exactly those that Viridian sends.
package enum SlackBlock: Sendable, Hashable {
    /// Text in Slack's markup, cut to the 3,000 characters that Slack takes.
    case section(SlackText)
    /// Lines in a fixed-width font, cut to the same length.
    case code(String)
    /// Text that needs no markup: what it contains is shown as it is.
    case richText([SlackRichText])
    /// Steps, each with its state. Older clients and other products do not know it.
    case plan(SlackPlan)
    /// At most 25 buttons.
    case actions([SlackButton])
}

/// A part of a block of rich text.
package enum SlackRichText: Sendable, Hashable {
    case line(SlackText)
    /// In a fixed-width font, with its line breaks.
    case preformatted(String)
}

/// The steps of something, and how far each of them is.
package struct SlackPlan: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable, Codable {
        case pending
        case inProgress = "in_progress"
        case complete
        case error
    }

    package struct Task: Sendable, Hashable {
        /// Unique within the plan.
        package var id: String
        package var title: String
        package var status: Status
        package var details: SlackText?

        package init(id: String, title: String, status: Status, details: SlackText? = nil) {
            self.id = id
            self.title = title
            self.status = status
            self.details = details
        }
    }

    package var title: String
    package var tasks: [Task]

    package init(title: String, tasks: [Task]) {
        self.title = title
        self.tasks = tasks
    }
}

/// A button that asks before it does something.
package struct SlackButton: Sendable, Hashable {
    package enum Style: String, Sendable, Hashable, Codable {
        case primary
        case danger
    }

    /// What is asked before the button does something. All of it is plain text.
    package struct Confirmation: Sendable, Hashable {
        /// At most 100 characters.
        package var title: String
        /// At most 300 characters.
        package var text: String
        /// At most 30 characters each.
        package var confirm: String
        package var deny: String

        package init(title: String, text: String, confirm: String, deny: String) {
            self.title = title
            self.text = text
            self.confirm = confirm
            self.deny = deny
        }
    }

    /// `promote`
    package var action: String
    /// At most 75 characters.
    package var text: String
    /// What comes back when it is pressed, at most 2,000 characters: `blog/42`.
    package var value: String
    package var style: Style?
    package var confirmation: Confirmation?

    package init(
        action: String, text: String, value: String, style: Style? = nil, confirmation: Confirmation? = nil
    ) {
        self.action = action
        self.text = text
        self.value = value
        self.style = style
        self.confirmation = confirmation
    }
}
