import Controller
import Foundation
import Integrations
import ReleaseMachine
import ViridianConfiguration

/// What a person types after the slash command: `promote blog`, `lock blog for 2h the database moves`.
enum SlackCommand: Sendable, Hashable {
    enum Verb: String, Sendable, Hashable, CaseIterable {
        case status, promote, abort, rollback, lock, unlock, disconnect, help

        /// `finish` is another name for promote.
        init?(word: String) {
            let word = word.lowercased()
            self.init(rawValue: word == "finish" ? "promote" : word)
        }

        static let words = allCases.map(\.rawValue) + ["finish"]
    }

    /// Without an app: all that the person may see.
    case status(app: String?)
    /// Without a number: the newest release.
    case promote(app: String, number: Int?)
    /// A button applies only while the release awaits promotion: it is an answer to that question.
    case abort(app: String, number: Int?, reason: String?, isButton: Bool = false)
    case rollback(app: String, version: String?, reason: String?)
    case lock(app: String, length: Duration?, reason: String)
    case unlock(app: String)
    /// The end of the person's connection to an access token.
    case disconnect
    /// With what was not understood, one sentence.
    case help(String?)
}

extension SlackCommand {
    /// Nothing that is not understood is done: it becomes `help`.
    init(_ text: String) {
        var words = Self.words(text)
        guard let first = words.first else {
            self = .help(nil)
            return
        }
        // The app may stand first: `blog promote`.
        if Verb(word: first.text) == nil, words.count > 1, Verb(word: words[1].text) != nil { words.swapAt(0, 1) }
        guard let verb = Verb(word: words[0].text) else {
            let hint = Suggestion.nearest(to: words[0].text, among: Verb.words).map { ": did you mean \($0)?" } ?? "."
            self = .help("There is no command “\(words[0].text.safeLine.cut(40))”\(hint)")
            return
        }
        words.removeFirst()
        self = Self.parsed(verb, words)
    }

    private static func parsed(_ verb: Verb, _ words: [Word]) -> SlackCommand {
        switch verb {
        case .help: return .help(nil)
        case .disconnect: return .disconnect
        case .status where words.isEmpty: return .status(app: nil)
        default: break
        }
        guard let first = words.first else {
            return .help("“\(verb.rawValue)” needs the name of an app.")
        }
        let (app, number) = subject(first.text)
        var rest = words.dropFirst()
        func nothingMore(_ command: SlackCommand) -> SlackCommand {
            guard let extra = rest.first else { return command }
            return .help("“\(verb.rawValue) \(app)” takes nothing more, and “\(extra.text.safeLine.cut(40))” follows.")
        }
        if number != nil, verb != .promote, verb != .abort {
            return .help("“\(verb.rawValue)” takes an app, not a release: \(app).")
        }
        switch verb {
        case .status: return nothingMore(.status(app: app))
        case .promote: return nothingMore(.promote(app: app, number: number))
        case .abort: return .abort(app: app, number: number, reason: joined(rest))
        case .rollback:
            if rest.count > 1, rest.first?.text.lowercased() == "to" { rest.removeFirst() }
            let version = rest.popFirst()?.text
            return .rollback(app: app, version: version, reason: joined(rest))
        case .unlock: return nothingMore(.unlock(app: app))
        default: return lock(app, rest)
        }
    }

    private static func lock(_ app: String, _ words: ArraySlice<Word>) -> SlackCommand {
        var (rest, length) = (words, Duration?.none)
        if rest.first?.text.lowercased() == "for", let word = rest.dropFirst().first?.text, word.first?.isNumber == true
        {
            guard let duration = Duration(text: word.lowercased()), duration > .zero else {
                return .help("“\(word.safeLine.cut(40))” is not a duration such as 30m or 2h, of at most a year.")
            }
            length = duration
            rest = rest.dropFirst(2)
        }
        guard let reason = joined(rest) else { return .help("A lock needs a reason, which others are told.") }
        return .lock(app: app, length: length, reason: reason)
    }

    // MARK: - What it is

    /// What a request asks for: a button names the release, a command the newest one.
    init(_ action: SlackRequest.Action) {
        switch action {
        case .command(let text): self.init(text)
        case .button(let id, let release):
            let (app, number) = Self.subject(release)
            self =
                switch id {
                case "promote": .promote(app: app, number: number)
                case "abort": .abort(app: app, number: number, reason: nil, isButton: true)
                default: .help(nil)
                }
        }
    }

    var app: String? {
        switch self {
        case .status(let app): app
        case .promote(let app, _), .abort(let app, _, _, _), .rollback(let app, _, _), .lock(let app, _, _),
            .unlock(let app):
            app
        case .disconnect, .help: nil
        }
    }

    var number: Int? {
        switch self {
        case .promote(_, let number), .abort(_, let number, _, _): number
        default: nil
        }
    }

    /// The audit log's name for it; `nil` for what changes nothing.
    var action: String? {
        switch self {
        case .promote: "promote"
        case .abort: "abort"
        case .rollback: "rollback"
        case .lock: "lock"
        case .unlock: "unlock"
        case .disconnect: "slack.disconnect"
        case .status, .help: nil
        }
    }

    /// Doing it twice does what doing it once does: a release is promoted and aborted once.
    var mayBeRepeated: Bool {
        switch self {
        case .status, .help, .disconnect: true
        case .promote(_, let number), .abort(_, let number, _, _): number != nil
        case .rollback, .lock, .unlock: false
        }
    }

    /// It takes no longer than some writes to the journal. A rollback waits for its release to begin.
    var isQuick: Bool { if case .rollback = self { false } else { true } }

    // MARK: - Words

    struct Word: Sendable, Hashable {
        /// Without what formats it: people copy `blog` from a message.
        var text: String
        /// As it was typed.
        var original: String
    }

    /// What Slack escapes in what people type: https://docs.slack.dev/messaging/formatting-message-text#escaping
    private static func words(_ text: String) -> [Word] {
        let plain = text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
        return plain.split(whereSeparator: \.isWhitespace).map { word in
            Word(text: word.trimmingCharacters(in: CharacterSet(charactersIn: "`*\"'“”‘’")), original: String(word))
        }
    }

    private static func joined(_ words: ArraySlice<Word>) -> String? {
        words.isEmpty ? nil : words.map(\.original).joined(separator: " ")
    }

    /// `blog`, or `blog/42`. Names of apps have no capital letters.
    private static func subject(_ text: String) -> (app: String, number: Int?) {
        let text = text.lowercased()
        guard let slash = text.lastIndex(of: "/"), let number = Int(text[text.index(after: slash)...]), number > 0
        else { return (text, nil) }
        return (String(text[..<slash]), number)
    }
}

extension String {
    /// On one line, without control characters.
    var safeLine: String { split(whereSeparator: \.isNewline).joined(separator: " ").safe }
}
