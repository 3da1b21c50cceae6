import Foundation
import Kubernetes
import Processes
import Testing

extension Releases {
    /// `kill -9`, at each step of a release.
    @Suite struct KilledTests {
        /// A moment of a release, by its first line of output.
        enum Moment: String, CaseIterable, CustomTestStringConvertible {
            case discovering = "Collecting nodes and the live colour"
            case creating = "Deploying to colour green"
            case starting = "Waiting for the pods to come online fully"
            case podsAreReady = "All pods are online!"
            case staging = "--- Staging 2 nodes ---"
            case halfStaged = "(1/2)"
            case switching = "--- Switching 2 nodes to green ---"
            case midSwitch = "routes to green, verified (1/2)"
            case draining = "All nodes route to green"
            case recorded = "Set the live colour of blog to green"
            case retiring = "--- Running the cleanup ---"
            case readBack = "Read back from every node"

            var testDescription: String { "\(self)" }
        }

        @Test(
            "killed at any moment, a release is finished by the same command, and no visitor notices",
            arguments: Moment.allCases)
        func killed(_ moment: Moment) async throws {
            try await withWorld { world in
                try await world.release("v1")
                let (finished, watched) = try await world.watched {
                    let killed = try await world.viridian.run(
                        ["deploy", "blog", "--version", "v2"], signal: SIGKILL, atLineWith: moment.rawValue)
                    #expect(killed.termination == .signalled(SIGKILL), "\(killed)")

                    let status = try await world.status()
                    #expect(status[at: "release.state"] == "running")
                    #expect(status[at: "release.version"] == "v2")
                    let advice = status["advice"]?.array?.compactMap(\.string).joined() ?? ""
                    #expect(advice.contains("viridian deploy blog --version v2"), "\(status.text)")
                    // The reported routes are what visitors get.
                    let told = status["nodes"]?.array?.map { $0["color"]?.string ?? "" } ?? []
                    let seen = try await world.answers().map { $0.split(separator: " ").dropFirst().first ?? "" }
                    #expect(told == seen.map(String.init), "\(status.text)")

                    return try await world.deploy("v2")
                }
                #expect(finished.status == 0, "\(finished)")
                #expect(finished.output.contains("Resumed by ci"))
                #expect(!finished.output.contains("The drain's time is over"), "\(finished)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(watched.versions["v2", default: 0] > 0)
                try await world.expectLive("v2", on: "green", release: 2)
            }
        }

        @Test("killed repeatedly, an app's first release is completed")
        func killedAgain() async throws {
            try await withWorld { world in
                let moments = [
                    "Collecting nodes", "Deploying to colour blue", "Waiting for the pods", "--- Staging 2 nodes ---",
                    "--- Switching 2 nodes to blue ---", "All nodes route to blue",
                ]
                for moment in moments {
                    let words = ["deploy", "blog", "--version", "v1"]
                    let killed = try await world.viridian.run(words, signal: SIGKILL, atLineWith: moment)
                    #expect(killed.termination == .signalled(SIGKILL), "\(killed)")
                }
                let finished = try await world.deploy("v1")
                #expect(finished.status == 0, "\(finished)")
                try await world.expectLive("v1", on: "blue", release: 1)
            }
        }

        @Test("killed while paused, a release stays paused and can be promoted or aborted")
        func killedWhilePaused() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let paused = "--- Paused for verification"
                for version in ["v2", "v3"] {
                    let killed = try await world.viridian.run(
                        ["deploy", "blog", "--version", version, "--verify"], signal: SIGKILL, atLineWith: paused)
                    #expect(killed.termination == .signalled(SIGKILL))
                    let status = try await world.status()
                    #expect(status[at: "release.state"] == "paused")
                    #expect(status["awaiting"] == "promote")
                    let said = try await world.viridian(version == "v2" ? "promote" : "abort", "blog")
                    #expect(said.status == 0, "\(said)")
                    try await world.expectLive("v2", on: "green", release: 2)
                }
                #expect(try await world.viridian("show", "blog/3", "-o", "json").json?["state"] == "aborted")
            }
        }
    }
}

extension World {
    /// Expects this version on this colour in every output and for visitors, and nothing of the other colour.
    func expectLive(
        _ version: String,
        on color: String,
        release number: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(try await served() == sites.map { _ in version }, sourceLocation: sourceLocation)
        let status = try await status()
        #expect(status[at: "live.version"]?.string == version, "\(status.text)", sourceLocation: sourceLocation)
        #expect(status[at: "live.color"]?.string == color, "\(status.text)", sourceLocation: sourceLocation)
        #expect(status[at: "live.release"]?.integer == number, "\(status.text)", sourceLocation: sourceLocation)
        #expect(status["advice"] == [], "\(status.text)", sourceLocation: sourceLocation)
        #expect(try await workloads() == ["blog-\(color)"], sourceLocation: sourceLocation)
        let nodes = try await viridian("nodes", "blog", "-o", "json")
        let rows = try nodes.jsonLines
        #expect(rows.count == sites.count, "\(nodes)", sourceLocation: sourceLocation)
        let areRight = rows.allSatisfy { $0["state"] == "ok" && $0["color"]?.string == color }
        #expect(areRight, "\(nodes)", sourceLocation: sourceLocation)
    }
}
