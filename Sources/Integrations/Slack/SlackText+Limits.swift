import Foundation

/// Slack's limits count UTF-16 units.
extension String {
    /// Cut to so many UTF-16 units, between Unicode scalars; `…` marks a cut.
    package func cut(utf16 limit: Int) -> String {
        guard utf16.count > limit else { return self }
        var text = String.UnicodeScalarView()
        var count = 1
        for scalar in unicodeScalars {
            count += UTF16.width(scalar)
            guard count <= limit else { break }
            text.append(scalar)
        }
        return String(text) + "…"
    }
}

extension SlackText {
    /// In Slack's markup, with at most so many UTF-16 units; `…` marks a cut.
    package func markup(atMost limit: Int) -> String {
        let whole = markup
        guard whole.utf16.count > limit else { return whole }
        var text = ""
        for run in runs {
            let room = limit - text.utf16.count
            let next = SlackText([run]).markup
            guard next.utf16.count > room - 1 else {
                text += next
                continue
            }
            // Escapes make text longer: it is cut before they are made.
            var length = room
            while length > 1 {
                let cut = SlackText([run.shortened(to: length)]).markup
                if cut.utf16.count <= room { return text + cut }
                length -= max(1, length / 4)
            }
            return text + "…"
        }
        return text
    }
}

extension SlackText.Run {
    /// The same kind of run with the beginning of its text and `…`. Links and mentions become text: a part of one is none.
    fileprivate func shortened(to length: Int) -> SlackText.Run {
        func beginning(_ text: String) -> String {
            text.utf16.count < length
                ? text + "…" : String(text.cut(utf16: length).dropLast()).cut(utf16: length - 1) + "…"
        }
        return switch self {
        case .plain(let text): .plain(beginning(text))
        case .bold(let text): .bold(beginning(text))
        case .code(let text): .code(beginning(text))
        case .link(_, let text): .plain(beginning(text))
        case .user(let id): .plain(beginning(id))
        case .time(_, _, let fallback): .plain(beginning(fallback))
        }
    }
}
