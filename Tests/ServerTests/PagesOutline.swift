import Foundation

/// The content of a page, read from its HTML without a browser.
struct Outline {
    private let html: String

    init(_ html: String) {
        self.html = html
    }

    /// Headings, column heads, labels of fields and buttons, in order: `h1 Apps`, `th Node`, `button Deploy`.
    var structure: [String] {
        html.matches(of: /<(h1|h2|th|label|legend|button)\b[^>]*>(.*?)<\/\1>/.dotMatchesNewlines()).map { match in
            "\(match.1) \(Self.plain(String(match.2)))"
        }
    }

    /// The text as a person reads it, in one line.
    var text: String {
        let body = html.firstRange(of: "<main").map { html[$0.lowerBound...] } ?? html[...]
        return Self.plain(String(body))
    }

    /// Elements that are opened and not closed, or closed and not opened.
    var imbalance: [String] {
        let void: Set<String> = ["meta", "link", "input", "img", "br"]
        var open: [String] = []
        var wrong: [String] = []
        let tag = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:"[^"]*"|[^>"])*?)(\/?)>/
        for match in html.matches(of: tag) {
            let name = String(match.2).lowercased()
            if void.contains(name) || !match.4.isEmpty { continue }
            if match.1.isEmpty {
                open.append(name)
            } else if open.last == name {
                open.removeLast()
            } else {
                wrong.append("</\(name)> in \(open.suffix(3))")
            }
        }
        return wrong + open
    }

    /// Ids that occur twice.
    var repeatedIDs: [String] {
        let ids = html.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
        return Dictionary(grouping: ids) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }

    private static func plain(_ html: String) -> String {
        var text = html.replacing(/<[^>]*>/, with: " ")
        for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
            text = text.replacing(entity, with: character)
        }
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
