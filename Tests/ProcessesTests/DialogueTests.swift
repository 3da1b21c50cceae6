import Foundation
import Processes
import Testing

/// Dialogues with a child: input while it runs, and its lines as they arrive.
@Suite("A dialogue with a command", .timeLimit(.minutes(10)))
struct DialogueTests {
    @Test("the child's answer can decide its next input")
    func dialogue() async throws {
        let (input, send) = AsyncStream<String>.makeStream()
        let script = "while read -r line; do echo \"got $line\"; done; echo bye"
        send.yield("1\n")
        let completed = try await Command("sh", ["-c", script]).run(
            input: input,
            onLine: { line in
                guard let number = line.text.split(separator: " ").last.flatMap({ Int($0) }) else { return }
                if number < 50 { send.yield("\(number + 1)\n") } else { send.finish() }
            }
        )
        #expect(completed.succeeded)
        #expect(completed.output.hasSuffix("got 50\nbye\n"))
    }

    @Test("the end of the stream is the end of the child's input")
    func end() async throws {
        let (input, send) = AsyncStream<String>.makeStream()
        send.yield(String(repeating: "x", count: 300_000))
        send.finish()
        #expect(try await Command("wc", ["-c"]).run(input: input).output.contains("300000"))
    }

    @Test("a child that exits ends the dialogue, whatever input is left")
    func childEnds() async throws {
        let (input, send) = AsyncStream<String>.makeStream()
        send.yield("a\n")
        send.yield(String(repeating: "b", count: 1 << 20))
        let completed = try await Command("sh", ["-c", "read -r line; exit 4"]).run(input: input)
        #expect(completed.termination == .exited(4))
        send.yield("too late\n")
    }

    @Test("cancellation and the deadline end a child that waits for its input")
    func waits() async throws {
        let (input, send) = AsyncStream<String>.makeStream()
        let late = try await Command("cat").run(deadline: .milliseconds(50), input: input)
        #expect(late.termination == .deadlineExceeded)
        let (other, _) = AsyncStream<String>.makeStream()
        let cancelled = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    _ = try await Command("cat").run(input: other)
                    return false
                } catch {
                    return error is CancellationError
                }
            }
            group.cancelAll()
            return await group.next()
        }
        #expect(cancelled == true)
        send.finish()
    }

    @Test("no more of the output is kept than requested, and every line is still delivered")
    func keeping() async throws {
        let counter = LineCounter()
        let completed = try await Command("seq", ["100000"]).run(keeping: 100, onLine: { _ in await counter.count() })
        #expect(completed.output.utf8.count <= 100 && completed.output.hasSuffix("100000\n"))
        #expect(await counter.lines == 100_000)
        #expect(try await Command("seq", ["1000"]).run(keeping: 0).output == "")
    }
}

private actor LineCounter {
    private(set) var lines = 0
    func count() { lines += 1 }
}
