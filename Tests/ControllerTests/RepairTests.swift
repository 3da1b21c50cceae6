import Controller
import ReleaseMachine
import Testing

@Suite("Repair switches nodes back to the live colour")
struct RepairTests {
    private let site = Site()
    private let first = World.nodes[0]
    private let second = World.nodes[1]

    private func repair(isDryRun: Bool = false) async throws -> RepairReport {
        let releases = try site.releases()
        return try await site.clock.running { try await releases.repair(isDryRun: isDryRun) }
    }

    @Test("a node that was edited by hand is switched back, and the colour that was kept for it is deleted")
    func bringsBack() async throws {
        _ = try await site.deploy()
        await site.world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, ready: 2))
        await site.world.route(second, to: .blue)
        let report = try await repair()
        #expect(report.live == LiveVersion(color: .green, version: Site.version))
        #expect(report.nodes.map(\.outcome) == [.wasRight, .broughtBack])
        #expect(report.removed == .blue)
        #expect(await site.world.routes == [first: .green, second: .green])
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["green"])
        #expect(await site.world.holder == nil)
    }

    @Test("a dry run reports the same and does nothing")
    func dryRun() async throws {
        _ = try await site.deploy()
        await site.world.route(second, to: .blue)
        await site.world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, ready: 2))
        let report = try await repair(isDryRun: true)
        #expect(report.nodes.map(\.outcome) == [.wasRight, .broughtBack])
        #expect(report.removed == .blue)
        #expect(await site.world.routes[second] == .blue)
        #expect(await site.world.workloads.count == 2)
    }

    @Test("while a node cannot be switched back the other colour is kept")
    func stillDrifted() async throws {
        _ = try await site.deploy()
        await site.world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, ready: 2))
        await site.world.route(second, to: .blue)
        await site.world.failAlways(
            "route \(second) green", with: NodeProblem(node: second, isUnreachable: true, message: "timed out"))
        let report = try await repair()
        #expect(report.nodes.map(\.outcome) == [.wasRight, .stillDrifted("timed out")])
        #expect(!report.isWhole)
        #expect(report.removed == nil)
        #expect(await site.world.workloads.count == 2)
    }

    @Test("no node is switched to a colour without a ready pod, nor while a release has not ended")
    func refused() async throws {
        _ = try await site.deploy()
        await site.world.setWorkload(.green, .init(version: Site.version, release: 1, ready: 0))
        #expect(
            await errorText { try await repair() }
                == "green, the live colour of blog, has no ready pod: no node was switched to it")
        await site.world.forgetRecord()
        #expect(
            await errorText { try await repair() }
                == "the cluster has not recorded which colour of blog is live: the first release does")
        let other = Site()
        _ = try await other.deploy(verify: true, until: .whenPaused)
        await #expect(throws: Interrupted.self) { try await other.releases().repair(isDryRun: true) }
    }
}
