/// A text of several lines as a block scalar of YAML, which keeps every character: a file in a file.
/// Source: <https://yaml.org/spec/1.2.2/#81-block-scalar-styles>
struct YAMLBlock {
    /// What stands behind the key: `|`, with marks for the indentation and for the text's end where they are needed.
    let style: String
    /// The lines, indented, without a line break behind the last one.
    let text: String

    /// - Parameters:
    ///   - text: The file.
    ///   - indentation: How many spaces; 2 more than the key's.
    init(_ text: String, indentation: Int) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let ending: String
        if lines.last?.isEmpty == true, lines.count > 1 {
            lines.removeLast()
            // Without a mark one line break is kept.
            ending = lines.last?.isEmpty == true ? "+" : ""
        } else {
            ending = "-"
        }
        let first = lines.first { !$0.isEmpty }
        style = "|" + (first?.hasPrefix(" ") == true ? "2" : "") + ending
        let spaces = String(repeating: " ", count: indentation)
        self.text = lines.map { $0.isEmpty ? "" : spaces + $0 }.joined(separator: "\n")
    }
}
