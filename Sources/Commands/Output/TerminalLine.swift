import Controller

/// A line of output: text from any source with its control characters escaped, and the program's own styles.
///
/// `printLine` writes only these, so that text from pods, nodes, annotations and servers needs no escaping elsewhere.
struct TerminalLine: Sendable, Hashable {
    /// The text to write, styles included.
    private(set) var written: String

    init(_ text: String) {
        written = text.safe
    }

    init(_ text: String, _ style: Terminal.Style) {
        written = "\u{1b}[\(style.rawValue)m\(text.safe)\u{1b}[0m"
    }

    static func + (left: TerminalLine, right: TerminalLine) -> TerminalLine {
        var line = left
        line.written += right.written
        return line
    }

    static func + (left: TerminalLine, right: String) -> TerminalLine { left + TerminalLine(right) }
}
