import Foundation
import Processes
import TestSupport
import Testing

/// The built `viridian` on a terminal, with a person who answers what is shown.
struct TerminalProgram: Sendable {
    var shown: String
    var status: Int32
    var lines: [String] { shown.split(whereSeparator: \.isNewline).map(String.init) }

    /// Runs it and types each text once what it follows was shown; `\u{3}` is Ctrl-C, `\u{4}` Ctrl-D.
    static func run(
        _ viridian: Program, _ arguments: [String], typing: [(after: String, text: String)]
    ) async throws -> TerminalProgram {
        let python = try #require(await Python.find("pty"))
        let order: [String: Any] = [
            "command": [Program.path] + arguments, "folder": viridian.directory,
            "typing": typing.map { [$0.after, $0.text] },
        ]
        let input = String(decoding: try JSONSerialization.data(withJSONObject: order), as: UTF8.self)
        let completed = try await Command(
            python, [Python.oracle("terminal.py")], environment: viridian.environment, input: input
        ).run(deadline: .seconds(180))
        try #require(completed.succeeded, "\(completed.error)")
        return try JSONDecoder().decode(Reply.self, from: Data(completed.output.utf8)).program
    }

    private struct Reply: Decodable {
        var shown: String
        var status: Int32
        var program: TerminalProgram { TerminalProgram(shown: shown, status: status) }
    }
}
