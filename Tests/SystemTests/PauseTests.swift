import Foundation
import Kubernetes
import Processes
import Testing

extension Releases {
    /// Paused releases, and the commands on them.
    @Suite struct PauseTests {
        @Test("a release paused for verification awaits promotion, and goes live when it is promoted")
        func promoted() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let (said, watched) = try await world.watched {
                    let paused = try await world.deploy("v2", "--verify", "--wait", "paused")
                    #expect(paused.status == 3, "\(paused)")
                    #expect(paused.output.contains("To promote: viridian promote blog"), "\(paused)")

                    let status = try await world.status()
                    #expect(status["awaiting"] == "promote")
                    #expect(status[at: "release.state"] == "paused")
                    #expect(status[at: "release.phase"] == "verifying")
                    #expect(status[at: "release.deadline"]?.string != nil)
                    #expect(status[at: "live.version"] == "v1")
                    #expect(try await world.served() == ["v1", "v1"])
                    #expect(try await world.workloads() == ["blog-blue", "blog-green"])
                    // Another release is refused until this one has ended.
                    let other = try await world.deploy("v3")
                    #expect(other.status == 75, "\(other)")
                    #expect(other.error.contains("blog/2 (v2) has not ended"), "\(other)")

                    return try await world.viridian("finish", "blog")
                }
                #expect(said.status == 0, "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v2", on: "green", release: 2)
                let late = try await world.viridian("promote", "blog")
                #expect(late.status == 1, "\(late)")
                #expect(late.errorLines.count == 1, "\(late)")
            }
        }

        @Test("an aborted release leaves nothing but its record")
        func aborted() async throws {
            try await withWorld { world in
                try await world.release("v1")
                #expect(try await world.deploy("v2", "--verify", "--wait", "paused").status == 3)
                let said = try await world.viridian("abort", "blog", "--reason", "the font is wrong")
                #expect(said.status == 0, "\(said)")
                #expect(said.output.contains("Abort requested by ci: the font is wrong"), "\(said)")
                try await world.expectLive("v1", on: "blue", release: 1)
                #expect(try await world.viridian("show", "blog/2", "-o", "json").json?["state"] == "aborted")
                let shown = try await world.viridian("show", "blog/2")
                #expect(shown.output.contains("DEPLOY ABORTED"), "\(shown)")
                #expect(shown.output.contains("the font is wrong"), "\(shown)")
                let late = try await world.viridian("abort", "blog")
                #expect(late.status == 1, "\(late)")
            }
        }

        @Test("when nobody promotes in time, verify.then decides", arguments: ["abort", "promote"])
        func timeout(_ outcome: String) async throws {
            let app = World.App(more: "verify: {required: true, timeout: 1s, then: \(outcome)}")
            try await withWorld(app) { world in
                let first = try await world.deploy("v1", "--no-verify")
                #expect(first.status == 0, "\(first)")
                let said = try await world.deploy("v2")
                #expect(said.status == (outcome == "abort" ? 4 : 0), "\(said)")
                if outcome == "abort" {
                    #expect(said.output.contains("blog/2 was not promoted in time"), "\(said)")
                    try await world.expectLive("v1", on: "blue", release: 1)
                } else {
                    try await world.expectLive("v2", on: "green", release: 2)
                }
            }
        }

        @Test("a command in another process reaches the one that runs the release", arguments: ["promote", "abort"])
        func fromElsewhere(_ command: String) async throws {
            try await withWorld { world in
                try await world.release("v1")
                async let waiting = world.viridian.run(["deploy", "blog", "--version", "v2", "--verify"])
                let isPaused = try await eventually {
                    try await world.viridian("show", "blog/2", "-o", "json").json?["state"] == "paused"
                }
                #expect(isPaused)
                let said = try await world.viridian(command, "blog")
                #expect(said.status == 0, "\(said)")
                let first = try await waiting
                #expect(first.status == (command == "promote" ? 0 : 4), "\(first)")
                #expect(
                    first.output.contains(command == "promote" ? "Promoted by ci" : "Abort requested by ci"), "\(first)"
                )
                if command == "promote" {
                    try await world.expectLive("v2", on: "green", release: 2)
                } else {
                    try await world.expectLive("v1", on: "blue", release: 1)
                }
            }
        }

        @Test("an abort after the switch reverts it, and no request fails")
        func abortAfterTheSwitch() async throws {
            try await withWorld(.init(drain: "{least: 20s, most: 30s}")) { world in
                try await world.release("v1")
                let ((first, said), watched) = try await world.watched {
                    async let running = world.viridian.run(["deploy", "blog", "--version", "v2"])
                    let isDraining = try await eventually {
                        try await world.viridian("show", "blog/2", "-o", "json").json?["phase"] == "draining"
                    }
                    #expect(isDraining)
                    #expect(try await world.served() == ["v2", "v2"])
                    let said = try await world.viridian("abort", "blog", "--reason", "prices are wrong")
                    return (try await running, said)
                }
                #expect(said.status == 0, "\(said)")
                #expect(first.status == 4, "\(first)")
                #expect(first.output.contains("Abort requested by ci: prices are wrong"), "\(first)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v1", on: "blue", release: 1)
                #expect(try await world.viridian("show", "blog/2", "-o", "json").json?["state"] == "rolledBack")
            }
        }

        @Test("--wait none runs the release in a process of its own, which logs --follow shows")
        func inTheBackground() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let said = try await world.deploy("v2", "--wait", "none")
                #expect(said.status == 0, "\(said)")
                #expect(said.output.contains("blog/2 runs in the background"), "\(said)")
                let log = try await world.viridian("logs", "blog/2", "--follow")
                #expect(log.lines.last?.contains("blog/2 is live: v2 serves on green") == true, "\(log)")
                try await world.expectLive("v2", on: "green", release: 2)
                let program = "deploy blog --version v"
                let hasEnded = try await eventually {
                    try processes(naming: "TMPDIR=\(world.directory)").values.allSatisfy { !$0.contains(program) }
                }
                #expect(hasEnded)
                #expect(try FileManager.default.contentsOfDirectory(atPath: world.directory + "/tmp") == [])
            }
        }

        @Test("an abort while the candidate crash-loops ends it at once")
        func abortOfACrash() async throws {
            try await withWorld { world in
                try await world.release("v1")
                async let running = world.viridian.run(["deploy", "blog", "--version", "unready-1"])
                let isStarting = try await eventually {
                    try await world.viridian("show", "blog/2", "-o", "json").json?["phase"] == "starting"
                }
                #expect(isStarting)
                let said = try await world.viridian("abort", "blog")
                #expect(said.status == 0, "\(said)")
                #expect(said.took < .seconds(8), "\(said)")
                let first = try await running
                #expect(first.status == 4, "\(first)")
                try await world.expectLive("v1", on: "blue", release: 1)
            }
        }

        @Test("rollback goes to the previous version, or to a named one, and is refused when there is none")
        func rollback() async throws {
            try await withWorld { world in
                let nothing = try await world.viridian("rollback", "blog")
                #expect(nothing.status == 1, "\(nothing)")
                try await world.release("v1")
                let noVersionBefore = try await world.viridian("rollback", "blog")
                #expect(noVersionBefore.status == 1, "\(noVersionBefore)")
                #expect(noVersionBefore.error == "viridian: blog has no version before v1: name one with --to\n")
                try await world.release("v2")
                try await world.release("v3")
                let ((back, named), watched) = try await world.watched {
                    let back = try await world.viridian("rollback", "blog", "--reason", "too slow")
                    try await world.expectLive("v2", on: "green", release: 4)
                    let named = try await world.viridian("rollback", "blog", "--to", "v1")
                    return (back, named)
                }
                #expect(back.status == 0, "\(back)")
                #expect(named.status == 0, "\(named)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v1", on: "blue", release: 5)
                let history = try await world.viridian("releases", "blog", "-o", "json").jsonLines
                #expect(history.map { $0["number"] } == [5, 4, 3, 2, 1])
                #expect(history.map { $0["version"] } == ["v1", "v2", "v3", "v2", "v1"])
                #expect(
                    history.map { $0["state"] } == ["live", "rolledBack", "rolledBack", "superseded", "superseded"])
                #expect(history[1]["reason"] == "too slow")
                let unknown = try await world.viridian("rollback", "blog", "--to", "v9")
                #expect(unknown.status == 1, "\(unknown)")
                #expect(unknown.error.contains("version v9 of blog was never live"), "\(unknown)")
            }
        }
    }
}
