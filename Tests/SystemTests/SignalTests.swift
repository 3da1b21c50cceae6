import Foundation
import Kubernetes
import Processes
import Testing

extension Releases {
    /// Ctrl-C, and readers that close their pipe.
    @Suite struct SignalTests {
        @Test(
            "Ctrl-C leaves a release safe, says how to continue, and leaves no process and no file behind",
            arguments: [
                ("starting", "Waiting for the pods to come online fully"),
                ("switching", "--- Switching 2 nodes to green ---"),
                ("draining", "All nodes route to green"),
            ])
        func interrupted(_ phase: String, _ words: String) async throws {
            try await withWorld(.init(drain: "{least: 1s, most: 20s}")) { world in
                try await world.release("v1")
                let (finished, watched) = try await world.watched {
                    let said = try await world.viridian.run(
                        ["deploy", "blog", "--version", "v2"], signal: SIGINT, atLineWith: words)
                    #expect(said.status == 130, "\(said)")
                    let words =
                        "viridian: stopped; the release is left as it is. To continue: viridian deploy blog --version v2"
                    #expect(said.errorLines == [words], "\(said)")
                    #expect(said.took < .seconds(20))
                    #expect(try FileManager.default.contentsOfDirectory(atPath: world.directory + "/tmp") == [])
                    let left = try processes(naming: "TMPDIR=\(world.directory)")
                        .filter { !$0.value.contains("sample-app") }
                    #expect(left.isEmpty)
                    #expect(try await world.status()[at: "release.state"] == "running")
                    return try await world.deploy("v2")
                }
                #expect(finished.status == 0, "\(finished)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v2", on: "green", release: 2)
            }
        }

        @Test("a pipe that is closed early ends the program without an error message")
        func closedPipe() async throws {
            try await withWorld(nodes: 1) { world in
                for version in 1...3 { try await world.release("v\(version)") }
                for words in ["releases blog", "releases blog -o json", "logs blog/3", "nodes", "check", "--help"] {
                    let script = "\"$0\" \(words) 2>err.txt | head -1"
                    let shell = Command(
                        "sh", ["-c", script, Program.path],
                        environment: world.viridian.environment, workingDirectory: world.directory)
                    let completed = try await shell.run(deadline: .seconds(600))
                    #expect(completed.output.split(separator: "\n").count == 1)
                    #expect(try world.read("err.txt") == "", "viridian \(words) | head -1")
                }
                // A release continues when its output's reader has gone.
                let script = "\"$0\" deploy blog --version v4 2>err.txt | head -1"
                _ = try await Command(
                    "sh", ["-c", script, Program.path],
                    environment: world.viridian.environment, workingDirectory: world.directory
                ).run(deadline: .seconds(600))
                #expect(try world.read("err.txt") == "")
                try await world.expectLive("v4", on: "green", release: 4)
            }
        }
    }
}
