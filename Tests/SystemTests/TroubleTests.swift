import Foundation
import Kubernetes
import Processes
import Sandbox
import Testing

extension Releases {
    /// Changes around a release.
    @Suite struct TroubleTests {
        @Test(
            "without its journal the next release finds what is live, and takes the next number; so it does without its lease",
            arguments: [false, true])
        func lostJournal(andLease: Bool) async throws {
            try await withWorld { world in
                try await world.release("v1")
                try await world.release("v2")
                for name in try FileManager.default.contentsOfDirectory(atPath: world.directory)
                where name.hasPrefix("viridian.sqlite") {
                    try FileManager.default.removeItem(atPath: world.directory + "/" + name)
                }
                if andLease {
                    // This also removes the record of what is live; only the nodes' routes are left.
                    _ = try await world.client.delete(.leases, "viridian", namespace: "blog")
                } else {
                    let status = try await world.status()
                    #expect(status[at: "live.version"] == "v2" && status[at: "live.color"] == "green", "\(status.text)")
                }
                try await world.release("v3")
                try await world.expectLive("v3", on: "blue", release: 3)
            }
        }

        @Test("a node that was edited by hand stops a release before it touches anything, and repair fixes it")
        func drifted() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let good = try world.read(world.upstreamFile(2))
                // Both colours up: half of the requests would fail.
                try world.write(good.replacing(" down", with: ""), to: world.upstreamFile(2))
                try await world.reloadByHand(2)
                let refused = try await world.deploy("v2")
                #expect(refused.status == 2, "\(refused)")
                #expect(refused.output.contains("FAILED in phase discovering: "), "\(refused)")
                #expect(refused.output.contains("node node-2: "), "\(refused)")
                #expect(refused.lines.last?.contains("nothing was touched") == true, "\(refused)")
                #expect(try await world.workloads() == ["blog-blue"])
                let fixed = try await world.viridian("repair", "blog")
                #expect(fixed.status == 0, "\(fixed)")
                #expect(try world.read(world.upstreamFile(2)) == good)
                try await world.release("v3")
                try await world.expectLive("v3", on: "green", release: 3)
            }
        }

        @Test("an API outage during a release only delays it")
        func apiAway() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let (said, watched) = try await world.watched {
                    try await world.viridian(
                        "deploy", "blog", "--version", "v2",
                        onLine: { line in
                            guard line.contains("--- Switching") else { return }
                            world.cluster.faults.inject(.drop, count: 12)
                            await world.cluster.faults.expireWatches()
                        })
                }
                #expect(said.status == 0, "\(said)")
                #expect(world.cluster.faults.hits > 0)
                let told = watched.failures.filter { $0.hasPrefix("http") }
                #expect(told.isEmpty && watched.dark.isEmpty, "\(watched)")
                world.cluster.faults.clear()
                try await world.expectLive("v2", on: "green", release: 2)
            }
        }
    }
}
