import Foundation
import ReleaseMachine

/// Text for people in Slack. What a run contains is shown as it is: it mentions nobody, makes no link and is not formatted.
package struct SlackText: Sendable, Hashable {
    package enum Run: Sendable, Hashable {
        case plain(String)
        case bold(String)
        case code(String)
        case link(url: String, String)
        /// A person, who is told of it.
        case user(id: String)
        /// A time, in the time zone of the person who reads it. The format is Slack's: `{time}`, `{date_short_pretty} at {time}`.
        case time(Timestamp, format: String, fallback: String)
    }

    package var runs: [Run]

    package init(_ runs: [Run] = []) { self.runs = runs }
    package init(_ text: String) { runs = [.plain(text)] }

    package static func + (one: SlackText, other: SlackText) -> SlackText { SlackText(one.runs + other.runs) }
    package static func += (one: inout SlackText, other: SlackText) { one.runs += other.runs }

    package static func plain(_ text: String) -> SlackText { SlackText([.plain(text)]) }
    package static func bold(_ text: String) -> SlackText { SlackText([.bold(text)]) }
    package static func code(_ text: String) -> SlackText { SlackText([.code(text)]) }
    package static func link(_ url: String, _ text: String) -> SlackText { SlackText([.link(url: url, text)]) }
    package static func user(_ id: String) -> SlackText { SlackText([.user(id: id)]) }
    package static func time(_ time: Timestamp, format: String, fallback: String) -> SlackText {
        SlackText([.time(time, format: format, fallback: fallback)])
    }
}

extension SlackText: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }
}

extension [SlackText] {
    package func joined(separator: String) -> SlackText {
        SlackText(Array<SlackText.Run>(map(\.runs).joined(separator: [.plain(separator)])))
    }
}

// MARK: - As Slack's markup

extension SlackText {
    /// In Slack's markup (https://docs.slack.dev/messaging/formatting-message-text), with everything escaped that would be read as markup.
    package var markup: String { runs.map(Self.markup).joined() }

    private static func markup(_ run: Run) -> String {
        switch run {
        case .plain(let text): return escape(withoutFormatting(text))
        case .bold(let text):
            let line = withoutFormatting(text).trimmingCharacters(in: .whitespaces)
            return line.isEmpty ? "" : "*\(escape(line))*"
        case .code(let text):
            let line = text.replacing("`", with: "ˋ").trimmingCharacters(in: .whitespacesAndNewlines)
            return line.isEmpty ? "" : "`\(escape(line))`"
        case .link(let url, let text):
            return "<\(escape(url).replacing("|", with: "%7C"))|\(escape(withoutFormatting(text)))>"
        case .user(let id): return "<@\(id)>"
        case .time(let time, let format, let fallback):
            return "<!date^\(time.milliseconds / 1000)^\(format)|\(escape(fallback))>"
        }
    }

    /// Slack reads these three characters as the beginning and the end of its own markup.
    package static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// Characters that format text have no escape. At the edge of a word, where Slack reads them, they become ones that look alike.
    private static func withoutFormatting(_ text: String) -> String {
        guard text.contains(where: { lookAlikes[$0] != nil }) else { return text }
        let characters = Array(text)
        return String(
            characters.indices.map { index in
                guard let other = lookAlikes[characters[index]] else { return characters[index] }
                let isInsideWord =
                    index > 0 && index < characters.count - 1
                    && [characters[index - 1], characters[index + 1]].allSatisfy { $0.isLetter || $0.isNumber }
                return isInsideWord && characters[index] != "`" ? characters[index] : other
            })
    }

    private static let lookAlikes: [Character: Character] = ["*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"]
}
