import Foundation
import Kubernetes
import Testing

extension Releases {
    /// Versions that cannot go live: the cause is reported early, and traffic is unchanged.
    @Suite struct FailingVersionTests {
        /// Releases v1, then tries `version` under traffic.
        private func trying(
            _ version: String,
            _ app: World.App = .init(),
            prepare: @escaping @Sendable (World) async throws -> Void = { _ in },
            within limit: Duration,
            _ check: @escaping @Sendable (Program.Said) -> Void
        ) async throws {
            try await withWorld(app) { world in
                try await world.release("v1")
                try await prepare(world)
                let (said, watched) = try await world.watched { try await world.deploy(version) }
                #expect(said.status == 2, "\(said)")
                #expect(said.took < limit, "\(said)")
                check(said)
                #expect(said.lines.last?.contains("v1 on blue serves, as before") == true, "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(Array(watched.versions.keys) == ["v1"])
                try await world.expectLive("v1", on: "blue", release: 1)
                let shown = try await world.viridian("show", "blog/2", "-o", "json").json
                #expect(shown?["state"] == "failed")
                #expect(shown?[at: "failure.phase"] != nil)
                // The next version goes live.
                _ = try? await world.client.delete(.resourceQuotas, "small", namespace: "blog")
                try await world.release("v3")
                try await world.expectLive("v3", on: "green", release: 3)
            }
        }

        @Test("a version whose pods crash fails within 15 seconds, with the exit code and the pod's last log lines")
        func crashing() async throws {
            try await trying("crash-1", within: .seconds(15)) { said in
                #expect(said.output.contains("FAILED in phase starting: pod blog-green-"), "\(said)")
                #expect(said.output.contains("exited with code 3"), "\(said)")
                #expect(said.output.contains("fatal: the setting DATABASE_URL is missing"), "\(said)")
                #expect(said.output.contains("Deleted blog-green (crash-1) and its pods"), "\(said)")
            }
        }

        @Test("a missing image fails within seconds, by its name")
        func missingImage() async throws {
            try await trying("missing-1", within: .seconds(10)) { said in
                let words = "image registry.local:5000/blog:missing-1 cannot be pulled"
                #expect(said.output.contains(words), "\(said)")
                #expect(said.output.contains("not found"), "\(said)")
            }
        }

        @Test("a version that never gets ready fails at ready.timeout, with the probe and what it answered")
        func neverReady() async throws {
            try await trying("unready-1", .init(ready: "{timeout: 3s}"), within: .seconds(12)) { said in
                #expect(said.output.contains("Readiness probe failed"), "\(said)")
                #expect(said.output.contains("503"), "\(said)")
                #expect(said.output.contains("FAILED in phase starting: "), "\(said)")
            }
        }

        @Test("an exceeded quota fails the candidate within 15 seconds, with the quota's message")
        func quota() async throws {
            try await trying(
                "v2",
                prepare: { world in
                    let quota: JSON = ["metadata": ["name": "small"], "spec": ["hard": ["pods": "1"]]]
                    _ = try await world.client.create(.resourceQuotas, quota, namespace: "blog")
                }, within: .seconds(15)
            ) { said in
                #expect(said.output.contains("exceeded quota: small"), "\(said)")
            }
        }
    }
}
