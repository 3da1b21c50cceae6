import Foundation
import Kubernetes
import Testing

extension Releases {
    /// `deploy --wait none`.
    @Suite struct BackgroundTests {
        @Test(
            "another version is answered with 75, the release that runs and its version, and becomes no release",
            arguments: [true, false])
        func busy(isPaused: Bool) async throws {
            try await withWorld(nodes: 1, .init(drain: "{least: 20s, most: 20s}")) { world in
                try await world.release("v1")
                let first = try await world.deploy("v2", "--wait", "none", isPaused ? "--verify" : "--no-verify")
                #expect(first.status == 0, "\(first)")
                let phase = isPaused ? "verifying" : "draining"
                let isThere = try await eventually {
                    try await world.viridian("show", "blog/2", "-o", "json").json?["phase"]?.string == phase
                }
                #expect(isThere)
                for words in [
                    ["v3"], ["v2", "--image", "registry.local:5000/other:v2"], ["v2", "--replicas", "7"], ["v2"],
                ] {
                    let said = try await world.viridian.run(
                        ["deploy", "blog", "--wait", "none", "--version"] + words)
                    #expect(said.status == 75, "\(said)")
                    #expect(said.output.isEmpty && said.errorLines.count == 1, "\(said)")
                    #expect(said.error.contains("blog/2 (v2)"), "\(said)")
                    #expect(said.error.contains("viridian abort blog"), "\(said)")
                }
                #expect(try await world.viridian("releases", "blog", "-o", "json").jsonLines.count == 2)
                #expect(try await world.viridian("abort", "blog").status == 0)
                #expect(try FileManager.default.contentsOfDirectory(atPath: world.directory + "/tmp") == [])
            }
        }

        @Test("a release that no process runs is continued only by the same command")
        func attaches() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.release("v1")
                let paused = try await world.deploy(
                    "v2", "--image", "registry.local:5000/blog:v2-b", "--verify", "--wait", "paused")
                #expect(paused.status == 3, "\(paused)")
                for words in [["--wait", "none"], ["--wait", "paused"]] {
                    let other = try await world.viridian.run(["deploy", "blog", "--version", "v2"] + words)
                    #expect(other.status == 75, "\(other)")
                    let again = "viridian deploy blog --version v2 --image registry.local:5000/blog:v2-b"
                    #expect(
                        other.error.contains("blog/2 (v2) has not ended") && other.error.contains(again), "\(other)")
                }
                let same = try await world.deploy("v2", "--image", "registry.local:5000/blog:v2-b", "--wait", "none")
                #expect(same.status == 0 && same.output.contains("blog/2 runs in the background"), "\(same)")
                #expect(try await world.viridian("promote", "blog").status == 0)
                // The sample app answers with its tag.
                #expect(try await world.served() == ["v2-b"])
                #expect(try await world.status()[at: "live.version"] == "v2")
            }
        }

        @Test(
            "with -o json the release is printed as an object; if it cannot start, the exit status is the same as in the foreground"
        )
        func json() async throws {
            try await withWorld(nodes: 1) { world in
                let said = try await world.deploy("v1", "--wait", "none", "-o", "json", "--reason=-x")
                #expect(said.status == 0 && said.lines.count == 1, "\(said)")
                #expect(
                    said.json?["number"] == 1 && said.json?["version"] == "v1" && said.json?["reason"] == "-x",
                    "\(said)")
                let isLive = try await eventually {
                    try await world.viridian("show", "blog", "-o", "json").json?["state"]?.string == "live"
                }
                #expect(isLive)
                try FileManager.default.removeItem(atPath: world.directory + "/kubeconfig")
                let lost = try await world.deploy("v2", "--wait", "none", "-o", "json")
                #expect(lost.status == 1 && lost.output.isEmpty, "\(lost)")
                #expect(lost.error.contains("/kubeconfig: there is no such kubeconfig"), "\(lost)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: world.directory + "/tmp") == [])
            }
        }
    }
}
