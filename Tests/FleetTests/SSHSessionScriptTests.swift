import Foundation
import Processes
import Testing

@testable import Fleet

/// The shells that a node may have.
private let sessionShells = [["dash"], ["busybox", "sh"], ["bash"]].filter { Executable.find($0[0]) != nil }

/// The remote end of a session, in each shell.
@Suite(.timeLimit(.minutes(10))) struct SSHSessionScriptTests {
    /// `main` prints its arguments and executes the tests' commands.
    private static let program =
        NodeSession.functions + #"""
            main() {
                case $1 in
                wait)
                    trap 'echo seen >"$2"' HUP
                    (trap '' HUP; exec sleep 305) &
                    echo "sleeper=$!"
                    wait
                    exit 3
                    ;;
                stubborn) trap '' TERM; echo "began=$$"; sleep 3060; sleep 3070; exit 3 ;;
                esac
                for word; do printf 'argument=%s\n' "$(printf %s "$word" | base64 | tr -d '\n')"; done
                printf 'payload=%s\n' "$(tr '\n' ' ')"
                decode_payload
                printf 'new=%s\n' "$(printf %s "$new" | base64 | tr -d '\n')"
                exit 7
            }
            serve

            """#

    private func talk(
        _ shell: [String],
        _ body: @escaping @Sendable (AsyncStream<String>.Continuation, Heard) async throws -> Void
    ) async throws -> Completed {
        let (input, send) = AsyncStream<String>.makeStream()
        let heard = Heard()
        return try await withThrowingTaskGroup(of: Completed?.self) { group in
            group.addTask {
                try await Command(shell[0], Array(shell.dropFirst())).run(
                    deadline: .seconds(600),
                    grace: .milliseconds(100),
                    input: input,
                    onLine: { await heard.append($0.text) }
                )
            }
            group.addTask {
                defer { send.finish() }
                send.yield(NodeSession.greeting)
                await heard.wait { $0.contains("viridian-shell") }
                send.yield(Self.program)
                await heard.wait { $0.contains(NodeSession.ready) }
                try await body(send, heard)
                return nil
            }
            var completed: Completed?
            while let next = try await group.next() { if let next { completed = next } }
            return try #require(completed)
        }
    }

    @Test("arguments and payload arrive unchanged, whatever they contain", arguments: sessionShells)
    func exact(shell: [String]) async throws {
        let arguments = [
            "plain", "", "two words", "it's \"quoted\"", "$(touch /tmp/x) `id` $HOME ${x}", "back\\slash\\n",
            "a\nb\n\nc",
            "\n", "tab\there", "+begins", "|bar", ":colon", "end", "begin 9", "stop", "é → 日本", "trailing \\", "*",
            "-n", "=", "line\r\nfeed",
        ]
        let bytes = (0..<300).map { UInt8($0 % 256) }
        let texts = ["upstream {\n\n\t$(id) `id` \\n; }\n=end\nend\n no end", "# é\r\n\n\u{1}", "", "\n"]
        _ = try await talk(shell) { send, heard in
            for (number, text) in zip(1..., [nil] + texts + [nil]) {
                let payload =
                    text.map { .texts([.init("old", [9]), .init("new", Array($0.utf8))]) } ?? NodePayload.bytes(bytes)
                send.yield(NodeSession.request(number, arguments: arguments, payload: payload))
                await heard.wait { $0.contains("end=\(number) 7") }
                let lines = await heard.takeAll()
                let words = lines.filter { $0.hasPrefix("argument=") }.map { line in
                    String(decoding: Data(base64Encoded: String(line.dropFirst(9))) ?? Data(), as: UTF8.self)
                }
                // A command substitution drops line feeds at the end, here and in the test's own `main`.
                #expect(words.map { $0.trailingLineFeedsDropped } == arguments.map { $0.trailingLineFeedsDropped })
                let input = lines.first { $0.hasPrefix("payload=") }?.dropFirst(8).split(separator: " ").map(
                    String.init)
                #expect(input?.last == "=end")
                if let text {
                    let got = lines.first { $0.hasPrefix("new=") }.flatMap {
                        Data(base64Encoded: String($0.dropFirst(4)))
                    }
                    #expect(got == Data(text.utf8))
                } else {
                    #expect(NodeScript.bytes(base64: input?.dropLast() ?? []) == bytes)
                }
            }
        }
    }

    @Test("a truncated request never starts", arguments: sessionShells)
    func cut(shell: [String]) async throws {
        let whole = NodeSession.request(1, arguments: ["a", "b"], payload: .bytes([1, 2, 3]))
        for length in [1, 5, 8, 9, 12, whole.utf8.count - 4, whole.utf8.count - 2] {
            let completed = try await talk(shell) { send, _ in
                send.yield(String(decoding: whole.utf8.prefix(length), as: UTF8.self))
            }
            #expect(completed.termination == .exited(0))
            #expect(!completed.output.contains("argument="), "\(length)")
        }
    }

    @Test("when the connection is lost, running commands get SIGHUP", arguments: sessionShells)
    func lost(shell: [String]) async throws {
        // In a file, since the session's output ends with its shell, which does not wait for the command.
        let file = FileManager.default.temporaryDirectory.path + "/viridian-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let completed = try await talk(shell) { send, heard in
            send.yield(NodeSession.request(1, arguments: ["wait", file], payload: .none))
            await heard.wait { $0.contains { $0.hasPrefix("sleeper=") } }
        }
        #expect(completed.termination == .exited(0))
        try await eventually { FileManager.default.contents(atPath: file) == Data("seen\n".utf8) }
        let sleeper = completed.output.split(separator: "\n").first { $0.hasPrefix("sleeper=") }
        kill(try #require(sleeper.flatMap { Int32($0.dropFirst(8)) }), SIGKILL)
    }

    @Test("stopping ends everything that a request has started, also what ignores SIGTERM", arguments: sessionShells)
    func stop(shell: [String]) async throws {
        let completed = try await talk(shell) { send, heard in
            send.yield(NodeSession.request(1, arguments: ["stubborn"], payload: .none))
            await heard.wait { $0.contains { $0.hasPrefix("began=") } }
            send.yield(NodeSession.stop)
        }
        #expect(completed.termination == .exited(0))
        #expect(!completed.output.contains("end=1"))
    }
}

/// The output of a session.
actor Heard {
    private var lines: [String] = []
    private var waiting: [(condition: @Sendable ([String]) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
        []

    func append(_ line: String) {
        lines.append(line)
        for waiter in waiting where waiter.condition(lines) { waiter.continuation.resume() }
        waiting.removeAll { $0.condition(lines) }
    }

    func wait(until condition: @escaping @Sendable ([String]) -> Bool) async {
        if condition(lines) { return }
        await withCheckedContinuation { waiting.append((condition, $0)) }
    }

    func takeAll() -> [String] {
        defer { lines = [] }
        return lines
    }
}

extension String {
    fileprivate var trailingLineFeedsDropped: String {
        var text = self
        while text.utf8.last == 10 { text = String(decoding: text.utf8.dropLast(), as: UTF8.self) }
        return text
    }
}
