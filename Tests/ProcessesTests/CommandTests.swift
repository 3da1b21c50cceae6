import Foundation
import Glibc
import Testing

@testable import Processes

/// The lines of a command, in the order in which they arrived.
private actor Transcript {
    private(set) var lines: [OutputLine] = []
    private var waiting: [(text: String, continuation: CheckedContinuation<Void, Never>)] = []

    func append(_ line: OutputLine) {
        lines.append(line)
        for waiter in waiting where waiter.text == line.text { waiter.continuation.resume() }
        waiting.removeAll { $0.text == line.text }
    }

    func waitFor(_ text: String) async {
        if lines.contains(where: { $0.text == text }) { return }
        await withCheckedContinuation { waiting.append((text, $0)) }
    }

    func texts(_ stream: OutputLine.Stream = .output) -> [String] {
        lines.filter { $0.stream == stream }.map(\.text)
    }
}

private func shell(_ script: String, input: String? = nil) -> Command {
    Command("sh", ["-c", script], input: input)
}

/// The process exists and is not a zombie.
private func isAlive(_ processID: Int32) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8),
        let name = status.lastIndex(of: ")")
    else { return false }
    return !status[name...].hasPrefix(") Z")
}

@Suite("Running a command")
struct CommandTests {
    @Test("the exit status and both streams are reported")
    func exitStatus() async throws {
        let completed = try await shell("echo out; echo err >&2; exit 7").run()
        #expect(completed == Completed(termination: .exited(7), output: "out\n", error: "err\n"))
        #expect(!completed.succeeded)
        #expect(try await Command("true").run().succeeded)
    }

    @Test("a signal that ends the child is reported")
    func signal() async throws {
        #expect(try await shell("kill -9 $$").run().termination == .signalled(9))
    }

    @Test("lines keep their stream, order and text")
    func streams() async throws {
        let transcript = Transcript()
        let script = #"printf 'a\r\n\nb\n'; printf 'x\ny' >&2; printf 'tab\there \303\251\n'"#
        _ = try await shell(script).run(onLine: { await transcript.append($0) })
        #expect(await transcript.texts() == ["a", "", "b", "tab\there é"])
        #expect(await transcript.texts(.error) == ["x", "y"])
    }

    @Test("a line arrives while the child still runs")
    func linesArriveEarly() async throws {
        let fifo = FileManager.default.temporaryDirectory.appendingPathComponent("viridian-\(UUID())").path
        #expect(mkfifo(fifo, 0o600) == 0)
        defer { unlink(fifo) }
        // The child ends only when the callback for its first line has answered it.
        let completed = try await Command("sh", ["-c", #"echo first; read answer <"$1"; echo "$answer""#, "sh", fifo])
            .run(
                deadline: .seconds(30),
                onLine: { line in
                    if line.text == "first" { try? "second\n".write(toFile: fifo, atomically: false, encoding: .utf8) }
                })
        #expect(completed == Completed(termination: .exited(0), output: "first\nsecond\n", error: ""))
    }

    @Test("5 MB of lines lose nothing, and their end is in the result")
    func largeOutput() async throws {
        actor Count {
            var lines = 0
            var bytes = 0
            var inOrder = true
            func add(_ line: OutputLine) {
                inOrder = inOrder && line.text.hasPrefix("\(lines) ") && !line.isTruncated
                lines += 1
                bytes += line.text.utf8.count + 1
            }
        }
        let count = Count()
        let completed = try await Command(
            "awk", [#"BEGIN { for (i = 0; i < 50000; i++) printf "%d %0*d\n", i, 99 - length(i "") - 1, 7 }"#]
        ).run(onLine: { await count.add($0) })
        #expect(completed.succeeded)
        #expect(await count.lines == 50_000)
        #expect(await count.bytes == 5_000_000)
        #expect(await count.inOrder)
        #expect(completed.output.utf8.count == 256 * 1024)
        #expect(completed.output.hasSuffix("7\n"))
    }

    @Test("a line of 1 MB is truncated and the child continues")
    func longLine() async throws {
        let transcript = Transcript()
        let completed = try await shell("head -c 1048576 /dev/zero | tr '\\0' x; echo; echo after")
            .run(onLine: { await transcript.append($0) })
        #expect(completed.succeeded)
        let lines = await transcript.lines
        #expect(lines.map(\.isTruncated) == [true, false])
        #expect(lines[0].text == String(repeating: "x", count: 16 * 1024))
        #expect(lines[1].text == "after")
    }

    @Test("the whole input reaches the child, also more than a pipe holds")
    func input() async throws {
        #expect(try await Command("cat", input: "hello\nnode").run().output == "hello\nnode")
        let large = String(repeating: "0123456789abcde\n", count: 20_000)
        #expect(try await Command("wc", ["-c"], input: large).run().output.contains("320000"))
        #expect(try await Command("cat").run().output == "")
    }

    @Test("a child that does not read its input is not an error")
    func unreadInput() async throws {
        let large = String(repeating: "x", count: 1 << 20)
        #expect(try await shell("exec <&-; echo done", input: large).run().output == "done\n")
        #expect(try await Command("true", input: large).run().succeeded)
    }

    @Test("environment and working directory are those of the command")
    func environment() async throws {
        let command = Command(
            "sh", ["-c", "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=; pwd"],
            environment: ["COLOR": "green", "PATH": "/usr/bin:/bin"], workingDirectory: "/")
        let lines = try await command.run().output.split(separator: "\n")
        #expect(lines.sorted() == ["/", "COLOR=green", "PATH=/usr/bin:/bin"])
        #expect(
            try await shell("echo $HOME").run().output == (ProcessInfo.processInfo.environment["HOME"] ?? "") + "\n")
    }

    @Test("arguments arrive unchanged, without a shell")
    func arguments() async throws {
        let completed = try await Command("printf", ["%s|", "$(id)", "; rm -rf x", "", "a b", "é"]).run()
        #expect(completed.output == "$(id)|; rm -rf x||a b|é|")
    }

    @Test("the process id is reported before the first line, and leads its own session")
    func start() async throws {
        actor Order { var events: [String] = []; func add(_ event: String) { events.append(event) } }
        let order = Order()
        let completed = try await shell("echo $$; cut -d' ' -f5,6 /proc/$$/stat").run(
            onStart: { await order.add("\($0)") }, onLine: { await order.add($0.text) })
        let events = await order.events
        try #require(events.count == 3)
        #expect(events[0] == events[1])
        #expect(events[2] == "\(events[0]) \(events[0])")
        #expect(completed.succeeded)
    }

    @Test("a background process that keeps the pipe open does not hold up the result", .timeLimit(.minutes(10)))
    func backgroundProcess() async throws {
        let completed = try await shell("sleep 300 & echo $!; exit 3").run()
        #expect(completed.termination == .exited(3))
        let background = try #require(Int32(completed.output.dropLast()))
        // It was left running: end it here.
        #expect(isAlive(background))
        kill(background, SIGKILL)
    }

    @Test("a background process that never stops writing does not hold up the result", .timeLimit(.minutes(10)))
    func chattyBackgroundProcess() async throws {
        let completed = try await shell("echo $$; yes & echo $! >&2; exit 0").run()
        #expect(completed.succeeded)
        let background = try #require(Int32(completed.error.dropLast()))
        kill(background, SIGKILL)
    }

    @Test("a child that closes its output is still waited for")
    func closedOutput() async throws {
        #expect(try await shell("exec >&- 2>&-; sleep 0.2; exit 9").run().termination == .exited(9))
    }

    @Test("500 runs leave no descriptor behind")
    func descriptors() async throws {
        func open() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        _ = try await Command("true", input: "x").run()
        let before = try open()
        for _ in 0..<25 {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 { group.addTask { try await Command("true", input: "x").run().succeeded } }
                for try await succeeded in group { #expect(succeeded) }
            }
        }
        // Other tests run meanwhile, each with a few descriptors of its own.
        #expect(try open() < before + 200)
    }
}

@Suite("Ending a command", .timeLimit(.minutes(10)))
struct EndingTests {
    @Test("a deadline ends the whole group")
    func deadline() async throws {
        var processes: [Int32] = []
        // A busy machine may need longer to get as far as the second line.
        for limit in [Duration.milliseconds(300), .seconds(5), .seconds(100)] where processes.count < 2 {
            let completed = try await shell("sleep 3000 & echo $!; echo $$; wait").run(deadline: limit)
            #expect(completed.termination == .deadlineExceeded)
            processes = completed.output.split(separator: "\n").compactMap { Int32($0) }
            for process in processes { #expect(!isAlive(process)) }
        }
        #expect(processes.count == 2)
    }

    @Test("a deadline ends a child that closed its output")
    func deadlineWithClosedOutput() async throws {
        let completed = try await shell("exec >&- 2>&-; exec sleep 300").run(deadline: .milliseconds(300))
        #expect(completed.termination == .deadlineExceeded)
    }

    @Test("a deadline ends a child that does not take its input")
    func deadlineWithUnreadInput() async throws {
        let command = Command("sleep", ["300"], input: String(repeating: "x", count: 1 << 20))
        #expect(try await command.run(deadline: .milliseconds(300)).termination == .deadlineExceeded)
    }

    @Test("a process that ignores SIGTERM gets SIGKILL, also a grandchild that outlives its parent")
    func stubborn() async throws {
        let script = #"""
            (trap '' TERM; echo grandchild; while :; do sleep 1; done) & echo $!
            trap 'echo last words; exit 0' TERM
            wait
            """#
        var texts: [String] = []
        // A busy machine may need longer to set the traps, and to say the last words.
        for factor in [1, 10, 200] where !texts.contains("last words") {
            let transcript = Transcript()
            let completed = try await shell(script).run(
                deadline: .milliseconds(500) * factor, grace: .milliseconds(300) * factor,
                onLine: { await transcript.append($0) })
            #expect(completed.termination == .deadlineExceeded)
            texts = await transcript.texts()
            if let grandchild = texts.compactMap({ Int32($0) }).first { #expect(!isAlive(grandchild)) }
        }
        #expect(texts.contains("last words") && texts.contains { Int32($0) != nil }, "\(texts)")
    }

    @Test("a group that ends at SIGTERM does not take the whole grace period")
    func obedient() async throws {
        // The whole one would be longer than the test may take.
        let completed = try await Command("sleep", ["3000"]).run(deadline: .milliseconds(50), grace: .seconds(2000))
        #expect(completed.termination == .deadlineExceeded)
    }

    @Test("cancellation ends the whole group and throws")
    func cancellation() async throws {
        let transcript = Transcript()
        let run = Task {
            try await shell("sleep 300 & echo $!; echo ready; wait").run(onLine: { await transcript.append($0) })
        }
        await transcript.waitFor("ready")
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        let grandchild = try #require(await transcript.texts().compactMap { Int32($0) }.first)
        #expect(!isAlive(grandchild))
    }

    @Test("cancellation ends a group that ignores SIGTERM after the grace period")
    func stubbornCancellation() async throws {
        let transcript = Transcript()
        let run = Task {
            try await shell("trap '' TERM; echo $$; echo ready; while :; do sleep 1; done")
                .run(grace: .milliseconds(300), onLine: { await transcript.append($0) })
        }
        await transcript.waitFor("ready")
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        let child = try #require(await transcript.texts().compactMap { Int32($0) }.first)
        #expect(!isAlive(child))
    }

    @Test("a task that is already cancelled starts nothing")
    func cancelledBefore() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("viridian-\(UUID())").path
        let run = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await Command("touch", [file]).run()
        }
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}
