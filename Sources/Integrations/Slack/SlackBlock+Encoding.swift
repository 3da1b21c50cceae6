import ReleaseMachine

/// Blocks as the JSON that Slack reads.
struct EncodedSlackBlocks: Encodable {
    var content: SlackContent

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for (index, block) in (content.blocks ?? []).enumerated() {
            try container.encode(EncodedBlock(block: block, id: content.blockID(index)))
        }
    }
}

private enum Key: String, CodingKey {
    case type, text, elements, title, tasks, status, details, value, style, confirm, deny, url
    case timestamp, format, fallback
    case blockID = "block_id"
    case taskID = "task_id"
    case actionID = "action_id"
    case userID = "user_id"
}

private struct EncodedBlock: Encodable {
    var block: SlackBlock
    var id: String?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(id, forKey: .blockID)
        switch block {
        case .section(let text):
            try container.encode("section", forKey: .type)
            try container.encode(TextObject.markup(text), forKey: .text)
        case .code(let text):
            try container.encode("section", forKey: .type)
            try container.encode(TextObject.code(text), forKey: .text)
        case .richText(let parts):
            try container.encode("rich_text", forKey: .type)
            try container.encode(parts, forKey: .elements)
        case .plan(let plan):
            try container.encode("plan", forKey: .type)
            try container.encode(plan.title.withoutMarkup, forKey: .title)
            try container.encode(plan.tasks, forKey: .tasks)
        case .actions(let buttons):
            try container.encode("actions", forKey: .type)
            try container.encode(buttons, forKey: .elements)
        }
    }
}

private enum TextObject: Encodable {
    case markup(SlackText)
    case code(String)
    case plain(String)

    /// Slack's limit for the text of a section.
    private static let longest = 3000

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .markup(let text):
            try container.encode("mrkdwn", forKey: .type)
            try container.encode(text.markup(atMost: Self.longest), forKey: .text)
        case .code(let text):
            try container.encode("mrkdwn", forKey: .type)
            try container.encode(Self.fenced(text), forKey: .text)
        case .plain(let text):
            try container.encode("plain_text", forKey: .type)
            try container.encode(text, forKey: .text)
        }
    }

    private static func fenced(_ text: String) -> String {
        let text = text.replacing("```", with: "ˋˋˋ")
        var length = longest - 8
        var escaped = SlackText.escape(text.cut(utf16: length))
        while escaped.utf16.count > longest - 8 {
            length -= length / 4
            escaped = SlackText.escape(text.cut(utf16: length))
        }
        return "```\n\(escaped)\n```"
    }
}

extension SlackRichText: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .line(let text):
            try container.encode("rich_text_section", forKey: .type)
            try container.encode(text.runs.filter { !$0.isEmpty }, forKey: .elements)
        case .preformatted(let text):
            try container.encode("rich_text_preformatted", forKey: .type)
            try container.encode([SlackText.Run.plain(text)], forKey: .elements)
        }
    }
}

extension SlackText.Run: Encodable {
    /// Slack takes no run without a text.
    fileprivate var isEmpty: Bool {
        switch self {
        case .plain(let text), .bold(let text), .code(let text), .link(_, let text): text.isEmpty
        case .user, .time: false
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .plain(let text):
            try container.encode("text", forKey: .type)
            try container.encode(text.withoutMarkup, forKey: .text)
        case .bold(let text):
            try container.encode("text", forKey: .type)
            try container.encode(text.withoutMarkup, forKey: .text)
            try container.encode(["bold": true], forKey: .style)
        case .code(let text):
            try container.encode("text", forKey: .type)
            try container.encode(text.withoutMarkup, forKey: .text)
            try container.encode(["code": true], forKey: .style)
        case .link(let url, let text):
            try container.encode("link", forKey: .type)
            try container.encode(url, forKey: .url)
            try container.encode(text.withoutMarkup, forKey: .text)
        case .user(let id):
            try container.encode("user", forKey: .type)
            try container.encode(id, forKey: .userID)
        case .time(let time, let format, let fallback):
            try container.encode("date", forKey: .type)
            try container.encode(time.milliseconds / 1000, forKey: .timestamp)
            try container.encode(format, forKey: .format)
            try container.encode(fallback, forKey: .fallback)
        }
    }
}

extension SlackPlan.Task: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode("task_card", forKey: .type)
        try container.encode(id, forKey: .taskID)
        try container.encode(title.withoutMarkup, forKey: .title)
        try container.encode(status, forKey: .status)
        if let details {
            try container.encode(EncodedBlock(block: .richText([.line(details)]), id: nil), forKey: .details)
        }
    }
}

extension SlackButton: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode("button", forKey: .type)
        try container.encode(action, forKey: .actionID)
        try container.encode(TextObject.plain(text), forKey: .text)
        try container.encode(value, forKey: .value)
        try container.encodeIfPresent(style, forKey: .style)
        try container.encodeIfPresent(
            confirmation.map { EncodedConfirmation(value: $0, style: style) }, forKey: .confirm)
    }
}

private struct EncodedConfirmation: Encodable {
    var value: SlackButton.Confirmation
    var style: SlackButton.Style?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(TextObject.plain(value.title), forKey: .title)
        try container.encode(TextObject.plain(value.text), forKey: .text)
        try container.encode(TextObject.plain(value.confirm), forKey: .confirm)
        try container.encode(TextObject.plain(value.deny), forKey: .deny)
        try container.encodeIfPresent(style, forKey: .style)
    }
}

extension String {
    /// Where Slack reads no markup, its markup needs no escape. Should a client, or what shows the message elsewhere, read it nevertheless, an
    /// invisible word joiner (U+2060) keeps it from calling anybody.
    fileprivate var withoutMarkup: String { replacing(/<(?=[!@#])/, with: "<\u{2060}") }
}
