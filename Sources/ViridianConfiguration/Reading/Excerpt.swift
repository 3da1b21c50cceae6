/// Untrusted text for a message: short, on one line, in printable ASCII.
package enum Excerpt {
    /// The text in quotation marks, with all characters except printable ASCII escaped, and cut off after `limit` characters.
    package static func quoted(_ text: String, limit: Int = 60) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            let escaped = scalar.escaped(asASCII: true)
            if shown.count + escaped.count > limit {
                return "\"\(shown)\"... (\(text.count) characters)"
            }
            shown += escaped
        }
        return "\"\(shown)\""
    }
}

/// Finds the name that was probably meant.
package enum Suggestion {
    /// The candidate that differs from `text` only by a typing error; `nil` if there is none.
    package static func nearest(to text: String, among candidates: some Sequence<String>) -> String? {
        guard text.utf8.count <= 100 else { return nil }
        let distances = candidates.map { (candidate: $0, distance: distance(text.lowercased(), $0.lowercased())) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, min(text.count, best.candidate.count) / 3) ? best.candidate : nil
    }

    /// The number of insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment).
    static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first), b = Array(second)
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}

/// `a`, `a or b`, `a, b or c`.
func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}
