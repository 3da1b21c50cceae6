import Foundation
import Kubernetes
import Testing

extension ShortCommands {
    @Suite struct OutputTests {
        @Test("without a terminal nothing is coloured or redrawn, and -o json is one object a line")
        func plainOutput() async throws {
            try await withWorld { world in
                let deployed = try await world.release("v1")
                let failed = try await world.deploy("crash-1")
                let asked = [
                    "status", "status blog", "releases blog", "show blog/1", "show blog/2", "logs blog/2",
                    "nodes", "nodes blog", "check",
                ]
                var plain = [deployed, failed]
                for words in asked {
                    let words = words.split(separator: " ").map(String.init)
                    plain.append(try await world.viridian.run(words))
                    let said = try await world.viridian.run(words + ["-o", "json"])
                    #expect(said.status == 0, "\(said)")
                    let objects = try said.jsonLines
                    #expect(!objects.isEmpty && objects.allSatisfy { $0.object != nil }, "\(said)")
                }
                for said in plain {
                    #expect(!said.output.contains("\u{1b}") && !said.error.contains("\u{1b}"), "\(said)")
                    #expect(!said.output.isEmpty, "\(said)")
                }
                let asJSON = try await world.deploy("v3", "-o", "json")
                let release = try #require(asJSON.json, "\(asJSON)")
                #expect(asJSON.lines.count == 1)
                #expect(release["state"] == "live" && release["version"] == "v3" && release["number"] == 3)
                #expect(release[at: "previous.version"] == "v1")
                #expect(release["nodes"]?.array?.count == 2)
            }
        }

        @Test(
            "a verb whose output is lost says so and ends with 1; a reader that has gone is none",
            arguments: ["> /dev/full", ">&-"])
        func lostOutput(_ redirection: String) async throws {
            try await inAnEmptyFolder { viridian in
                try Data("nodes: {inventory: static, static: [10.122.43.70]}\n".utf8)
                    .write(to: URL(filePath: viridian.directory + "/viridian.yaml"))
                try FileManager.default.createDirectory(
                    atPath: viridian.directory + "/apps", withIntermediateDirectories: true)
                let locked = try await viridian("lock", "--reason", "what the audit log and the export have")
                #expect(locked.status == 0, "\(locked)")
                var shell = viridian
                shell.executable = "/bin/sh"
                for verb in [
                    "journal export", "journal check", "journal check -o json", "audit", "audit -o json",
                    "version", "completions bash",
                ] {
                    let said = try await shell("-c", "exec \"$0\" \(verb) \(redirection)", Program.path)
                    #expect(said.status == 1, "\(said)")
                    #expect(said.error.hasPrefix("viridian: standard output cannot be written: "), "\(said)")
                    #expect(said.errorLines.count == 1 && said.output.isEmpty, "\(said)")
                }
                // What has been done is done, whoever can read of it.
                let unlocked = try await shell("-c", "exec \"$0\" unlock \(redirection)", Program.path)
                #expect(unlocked.status == 0 && unlocked.error.contains("standard output cannot"), "\(unlocked)")
                let ended = try await shell(
                    "-c", "{ \"$0\" journal export; echo $? >&2; } | true", Program.path)
                #expect(ended.error == "0\n", "\(ended)")
            }
        }
    }
}
