import Controller
import Foundation
import Glibc
import ViridianConfiguration

/// Asks a person for values, each until it is valid.
struct Interview: Sendable {
    /// Shows the question and returns the line that was typed; `nil` when no more lines come.
    var ask: @Sendable (_ question: String) async throws -> String?
    var say: @Sendable (_ line: String) -> Void

    /// A person at the terminal; `nil` where standard input or output is none.
    static func onTerminal() -> Interview? {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return nil }
        let input = TypedLines()
        return Interview(
            ask: { question in
                printText(TerminalLine(question).written)
                return try await input.next()
            },
            say: { printLine($0) })
    }

    /// Asks until `read` makes a value of what was typed, without white space around it. `suggestion` is what an empty line stands for,
    /// shown in brackets; `nil` if there has to be an answer. Throws `Refusal` when no more lines come.
    func value<Value>(
        _ question: String, suggestion: String?, read: (String) throws(InvalidValue) -> Value
    ) async throws -> Value {
        while true {
            let shown = suggestion.map { " [\($0)]" } ?? ""
            guard let line = try await ask("\(question)\(shown): ") else {
                throw Refusal("the questions were not answered: nothing was written")
            }
            let typed = line.trimmingCharacters(in: .whitespaces)
            do {
                return try read(typed.isEmpty ? suggestion ?? "" : typed)
            } catch {
                say("  expected \(error.expected), found \(error.found)")
            }
        }
    }
}

/// The lines that are typed on standard input. Waiting for one ends when the task is cancelled, as Ctrl-C does.
private actor TypedLines {
    private var received: [UInt8] = []
    private var hasEnded = false

    /// - Returns: A line without its end; `nil` after Ctrl-D.
    func next() async throws -> String? {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = received[..<end]
                received.removeFirst(end + 1)
                return String(decoding: line, as: UTF8.self)
            }
            guard !hasEnded else { return nil }
            try await waitUntilReadable()
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 || errno != EINTR {
                hasEnded = true
            }
        }
    }

    private func waitUntilReadable() async throws {
        let (readable, continuation) = AsyncStream.makeStream(of: Void.self)
        let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO)
        source.setEventHandler { continuation.yield() }
        source.resume()
        defer { source.cancel() }
        for await _ in readable { break }
        try Task.checkCancellation()
    }
}
