import Foundation
import Processes
import Testing

@testable import Fleet

/// The files of `Sources/Fleet/Script`.
private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/Fleet/Script")

private let session: NodeScript.File = ("session.sh", PackageResources.session_sh)

/// Those that are installed here.
private let awks = [["mawk"], ["gawk"], ["original-awk"], ["busybox", "awk"]].filter { Executable.find($0[0]) != nil }

/// Whether bash also prints the parsed text inside `$(…)`, as it does since 5.2.
@Sendable private func bashPrintsAll() async throws -> Bool {
    let question = "[ $((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1])) -ge 502 ]"
    return try await Command("bash", ["-c", question]).run().termination == .exited(0)
}

/// The text of the node script.
@Suite(.timeLimit(.minutes(10))) struct NodeScriptTests {
    @Test("every shell understands the program", arguments: shells, [false, true])
    func parses(shell: [String], isCompact: Bool) async throws {
        let text = NodeScript.program(NodeScript.parts + [session], isCompact: isCompact)
        let completed = try await Command(shell[0], shell.dropFirst() + ["-n"], input: text).run()
        #expect(completed.termination == .exited(0), "\(completed.error)")
        #expect(completed.error.isEmpty, "\(completed.error)")
    }

    @Test("without comments and indentation it is the same program", .enabled("bash 5.2 or newer", bashPrintsAll))
    func compact() async throws {
        for file in NodeScript.parts + [session] + NodeScript.programs where !file.name.hasSuffix(".awk") {
            let whole = String(decoding: file.bytes, as: UTF8.self)
            let compact = String(decoding: NodeScript.compacted(file.bytes), as: UTF8.self)
            #expect(compact.utf8.count < whole.utf8.count, "\(file.name)")
            #expect(try await asBashReads(compact) == asBashReads(whole), "\(file.name)")
        }
        // In awk, strings and regular expressions end in their line, unless a backslash is the last character.
        for file in NodeScript.programs where file.name.hasSuffix(".awk") {
            let lines = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n")
            #expect(!lines.contains { $0.hasSuffix("\\") }, "\(file.name)")
        }
    }

    /// A text as bash prints it, as the body of a function.
    private func asBashReads(_ text: String) async throws -> String {
        let program = "whole() {\n\(text)\n}\ndeclare -f whole\n"
        let completed = try await Command("bash", ["-s"], input: program).run()
        #expect(completed.termination == .exited(0) && completed.error.isEmpty, "\(completed.error)")
        return completed.output
    }

    @Test("the programs that it has others run are there as they are in their files", arguments: shells)
    func programs(shell: [String]) async throws {
        for isCompact in [false, true] {
            for file in NodeScript.programs {
                let input = """
                    \(NodeScript.program([], isCompact: isCompact))
                    printf %s "$\(NodeScript.variable(of: file.name))" | base64
                    """
                let completed = try await Command(shell[0], shell.dropFirst() + ["-s"], input: input).run()
                let bytes = isCompact ? NodeScript.compacted(file.bytes) : file.bytes
                #expect(
                    NodeScript.bytes(base64: completed.output.split(separator: "\n").map(String.init)) == bytes,
                    "\(file.name) \(completed.error)")
            }
        }
    }

    @Test("whatever text is quoted, a shell has it as it was", arguments: shells)
    func quoting(shell: [String]) async throws {
        for text in ["", "'", "''a'", #"\'"#, "it's \"one\" \\ $(id) `id` $x\n\n'#", "a\\\n'\\\n", "!x é"] {
            let input = "x=\(NodeScript.quoted(text))\nprintf '%s|' \"$x\"\n"
            let completed = try await Command(shell[0], shell.dropFirst() + ["-s"], input: input).run()
            #expect(completed.output == text + "|", "\(completed.error)")
        }
    }

    @Test("each awk understands its programs", arguments: awks)
    func awk(awk: [String]) async throws {
        for file in NodeScript.programs where file.name.hasSuffix(".awk") {
            for bytes in [file.bytes, NodeScript.compacted(file.bytes)] {
                let program = String(decoding: bytes, as: UTF8.self)
                let completed = try await Command(awk[0], awk.dropFirst() + [program, "/dev/null"]).run()
                #expect(completed.termination == .exited(0), "\(file.name): \(completed.error)")
            }
        }
    }

    @Test("run.sh, which shellcheck reads, puts the same files together, and none is left out")
    func runByHand() throws {
        let run = try String(contentsOf: folder.appending(path: "run.sh"), encoding: .utf8)
        let lines = run.split(separator: "\n").map(String.init)
        let sourced = lines.filter { $0.hasPrefix(". ") }
        #expect(sourced == (NodeScript.parts + [session]).map { ". \"$here/\($0.name)\"" })
        let assigned = lines.filter { $0.contains("_") && $0.contains("=$(cat ") }
        #expect(
            assigned == NodeScript.programs.map { "\(NodeScript.variable(of: $0.name))=$(cat \"$here/\($0.name)\")" })

        let known = (NodeScript.parts + [session] + NodeScript.programs).map(\.name) + ["run.sh", "README.md"]
        let found = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }
        #expect(found.sorted() == known.sorted())
    }
}
