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
                let cut = SlackText([run.cut(length)]).markup
                if cut.utf16.count <= room { return text + cut }
                length /= 2
            }
            return text + "…"
        }
        return text
    }
}

extension SlackText.Run {
    /// The same kind of run with a shorter text. Links and mentions become text: a part of one is none.
    fileprivate func cut(_ length: Int) -> SlackText.Run {
        switch self {
        case .plain(let text): .plain(text.cut(utf16: length))
        case .bold(let text): .bold(text.cut(utf16: length))
        case .code(let text): .code(text.cut(utf16: length))
        case .link(_, let text): .plain(text.cut(utf16: length))
        case .user(let id): .plain(id.cut(utf16: length))
        case .time(_, _, let fallback): .plain(fallback.cut(utf16: length))
        }
    }
}
