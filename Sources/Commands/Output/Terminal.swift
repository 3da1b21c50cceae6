import Foundation
import Glibc

/// The properties of standard output: a terminal with a width and colours, or a pipe.
struct Terminal: Sendable {
    var isInteractive: Bool
    var usesColor: Bool
    var width: Int
    /// In lines; `nil` if unlimited.
    var height: Int? = nil

    static func current() -> Terminal {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        var size = winsize()
        let known = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return Terminal(
            isInteractive: isTerminal,
            usesColor: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty,
            width: known ? Int(size.ws_col) : 80,
            height: known && size.ws_row > 0 ? Int(size.ws_row) : nil
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

    func styled(_ text: String, _ style: Style) -> TerminalLine {
        usesColor ? TerminalLine(text, style) : TerminalLine(text)
    }
}

/// Writes a line to standard output, unbuffered, so that a pipe's reader gets it at once.
/// - Returns: whether standard output still has a reader. Verbs that only read can stop when it has none.
@discardableResult
func printLine(_ line: TerminalLine) -> Bool { printText(line.written + "\n") }

@discardableResult
func printLine(_ line: String) -> Bool { printLine(TerminalLine(line)) }

/// Writes text to standard output unchanged: terminal control sequences, and files for other programs.
@discardableResult
func printText(_ text: String) -> Bool {
    guard let error = write(text, to: STDOUT_FILENO) else { return true }
    StandardOutput.hasFailed(error)
    return false
}

/// Writes a line to standard error.
func printError(_ line: String) {
    _ = write(TerminalLine(line).written + "\n", to: STDERR_FILENO)
}

/// Not with Foundation's file handles, which end the process when a pipe's reader has gone.
/// - Returns: why not all of it was written (`errno`).
private func write(_ text: String, to descriptor: Int32) -> Int32? {
    guard StandardOutput.isInherited(descriptor) else { return EBADF }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written >= 0 {
            rest = rest.dropFirst(written)
        } else if errno == EAGAIN {
            // Another program that shares the pipe wants no call of its own to block.
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&ready, 1, -1)
        } else if errno != EINTR {
            return errno
        }
    }
    return nil
}
