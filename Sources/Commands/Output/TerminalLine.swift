import Controller

/// A line for people: text from anywhere, in which nothing commands the terminal, and styles that are ours.
///
/// `say` writes nothing else, so that what a pod, a node, an annotation or a server says needs no care where a line is put together.
struct TerminalLine: Sendable, Hashable {
    /// As it is written, styles included.
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
