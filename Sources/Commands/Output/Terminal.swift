import Foundation

/// What standard output is: a terminal with a width and colours, or a pipe.
struct Terminal: Sendable {
    var isInteractive: Bool
    var usesColor: Bool
    var width: Int

    static func current() -> Terminal {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        var size = winsize()
        let known = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return Terminal(
            isInteractive: isTerminal,
            usesColor: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty,
            width: known ? Int(size.ws_col) : 80
        )
    }

    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
    }

    func styled(_ text: String, _ style: Style) -> String {
        usesColor ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }
}

/// Writes without buffering, so that lines reach a pipe as they are said.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

func complain(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
