import Controller
import ReleaseMachine
import Testing

@Suite("Repair brings nodes back to the live colour")
struct RepairTests {
    private let site = Site()
    private let first = World.nodes[0]
    private let second = World.nodes[1]

    private func repair(isDryRun: Bool = false) async throws -> RepairReport {
        let releases = try site.releases()
        return try await site.clock.running { try await releases.repair(isDryRun: isDryRun) }
    }

    @Test("a node that was edited by hand comes back, and the colour that was kept for it goes")
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

    @Test("a dry run tells the same and does nothing")
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

    @Test("a node that cannot be brought back keeps the other colour")
    func stillAstray() async throws {
        _ = try await site.deploy()
        await site.world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, ready: 2))
        await site.world.route(second, to: .blue)
        await site.world.failAlways(
            "route \(second) green", with: NodeTrouble(node: second, isUnreachable: true, message: "timed out"))
        let report = try await repair()
        #expect(report.nodes.map(\.outcome) == [.wasRight, .stillAstray("timed out")])
        #expect(!report.isWhole)
        #expect(report.removed == nil)
        #expect(await site.world.workloads.count == 2)
    }

    @Test("nothing is moved to a colour without a ready pod, nor while a release has not ended")
    func refused() async throws {
        _ = try await site.deploy()
        await site.world.setWorkload(.green, .init(version: Site.version, release: 1, ready: 0))
        #expect(
            await words { try await repair() }
                == "green, the live colour of blog, has no ready pod: no node is moved to it")
        await site.world.forgetRecord()
        #expect(
            await words { try await repair() }
                == "the cluster has not recorded which colour of blog is live: a first release does")
        let other = Site()
        _ = try await other.deploy(verify: true, until: .whenPaused)
        await #expect(throws: Interrupted.self) { try await other.releases().repair(isDryRun: true) }
    }
}
