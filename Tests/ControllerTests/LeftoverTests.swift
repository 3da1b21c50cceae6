import Controller
import ReleaseMachine
import Testing

@Suite("What a release did not clean up in time is named, and cleaned up later")
struct LeftoverTests {
    private let site = Site()
    private let old = LiveVersion(color: .blue, version: World.oldVersion)
    private let new = LiveVersion(color: .green, version: Site.version)

    private func clear() async throws -> [Leftover.Kind] {
        let releases = try site.releases()
        site.clock.skip(.seconds(30))  // The time of a drain.
        return try await site.clock.running { try await releases.clearLeftovers() }.map(\.kind)
    }

    private func repair(isDryRun: Bool = false) async throws -> RepairReport {
        let releases = try site.releases()
        return try await site.clock.running { try await releases.repair(isDryRun: isDryRun) }
    }

    /// A release whose old colour could not be deleted in time.
    private func leaveOldColour() async throws -> Release {
        await site.world.failAlways("remove blue", with: TransientError())
        let release = try await site.deploy()
        await site.world.repair("remove blue")
        return release
    }

    /// A release that the cluster did not record as live.
    private func leaveRecord() async throws -> Release {
        await site.world.failAlways("record green", with: TransientError())
        let release = try await site.deploy()
        await site.world.repair("record green")
        return release
    }

    @Test(
        "an old colour that cannot be deleted does not hold the release up for ever: it is live, and says what is left")
    func oldColour() async throws {
        let release = try await leaveOldColour()
        #expect(release.state == .live)
        #expect(release.needRepair == [])
        #expect(release.leftovers == [Leftover(.workload, old, message: "the API did not answer")])
        #expect(await site.world.holder == nil)
        let retiring = try #require(release.spans.first { $0.phase == .retiring })
        #expect(try #require(retiring.endedAt) - retiring.startedAt < .seconds(130))
        let outcome = Outcome(release)
        #expect(outcome.sentence.contains("serves on green; left behind: blog-blue (\(World.oldVersion))"))
        #expect(
            outcome.fix == [
                "blog-blue (\(World.oldVersion)) and its pods were not deleted: the API did not answer",
                "the next release or `viridian serve` cleans this up; to do it now: viridian repair blog",
            ])
    }

    @Test("the server cleans it up when the colour is drained, and once")
    func clearsOldColour() async throws {
        _ = try await leaveOldColour()
        let look = try await site.releases().observe()
        #expect(look.leftovers(of: try await site.releases().latest()).map(\.kind) == [.workload])
        #expect(try await clear() == [.workload])
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["green"])
        #expect(try await clear() == [])
        #expect(try await site.releases().observe().leftovers(of: try await site.releases().latest()) == [])
        #expect(await site.world.holder == nil)
    }

    @Test("not while a node routes to it")
    func keepsWhatIsUsed() async throws {
        _ = try await leaveOldColour()
        await site.world.route(World.nodes[1], to: .blue)
        #expect(try await clear() == [])
        await site.world.route(World.nodes[1], to: .green)
        #expect(try await clear() == [.workload])
        #expect(await site.world.violations == [])
    }

    @Test("nor before its drain is over")
    func drains() async throws {
        _ = try await leaveOldColour()
        let releases = try site.releases()
        #expect(try await site.clock.running { try await releases.clearLeftovers() } == [])
        site.clock.skip(.seconds(3))
        let open = DrainEvidence.Open(node: World.nodes[0], connections: 3, oldWorkers: 1)
        await site.world.hold(open: [open, open])
        #expect(try await site.clock.running { try await releases.clearLeftovers() } == [])
        #expect(try await site.clock.running { try await releases.clearLeftovers() }.count == 1)
    }

    @Test("repair cleans it up too")
    func repairsOldColour() async throws {
        _ = try await leaveOldColour()
        #expect(try await repair().removed == .blue)
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["green"])
    }

    @Test("an outdated record is never trusted: repair switches no node back")
    func record() async throws {
        let release = try await leaveRecord()
        #expect(release.state == .live)
        #expect(release.leftovers.map(\.kind) == [.record, .workload])
        #expect(
            Outcome(release).fix.first
                == "the cluster may not have recorded green (\(Site.version)) as live: the API did not answer"
        )
        #expect(await site.world.workloads.count == 2)
        #expect(try await repair(isDryRun: true).live == new)
        #expect(await site.world.recorded == old)
        let report = try await repair()
        #expect(report.live == new)
        #expect(report.nodes.allSatisfy { $0.outcome == .wasRight })
        #expect(report.removed == .blue)
        #expect(await site.world.recorded == new)
        #expect(await site.world.violations == [])
    }

    @Test("the server writes the record, and then deletes the old colour")
    func clearsRecord() async throws {
        _ = try await leaveRecord()
        #expect(try await clear() == [.record, .workload])
        #expect(await site.world.recorded == new)
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["green"])
    }

    @Test("the next release writes the record before it determines what is live")
    func nextRelease() async throws {
        _ = try await leaveRecord()
        let next = try await site.deploy("20151101.120000")
        #expect(next.state == .live)
        #expect(next.previous == new)
        #expect(next.candidate == .blue)
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["blue"])
        #expect(await site.world.violations == [])
    }

    @Test("a candidate that could not be deleted in time is named, and the next release replaces it")
    func candidate() async throws {
        await site.world.set(pods: .crash)
        await site.world.failAlways("remove green", with: TransientError())
        let release = try await site.deploy()
        #expect(release.state == .failed)
        #expect(release.leftovers.map(\.version) == [new])
        #expect(release.leftovers.first?.pods == ["blog-green-0", "blog-green-1"])
        #expect(Outcome(release).sentence.contains("serves, as before; left behind: blog-green (\(Site.version))"))
        #expect(
            Outcome(release).fix.first
                == "blog-green (\(Site.version)) and its pods blog-green-0 blog-green-1 were not deleted: "
                + "the API did not answer")
        #expect(await site.world.workloads.count == 2)
        await site.world.set(pods: .becomeReady)
        await site.world.repair("remove green")
        let next = try await site.deploy("20151101.120000")
        #expect(next.state == .live)
        #expect(await site.world.workloads == [.green: .init(version: "20151101.120000", release: 2, ready: 2)])
    }

    @Test("or the server deletes it, or repair", arguments: [true, false])
    func clearsCandidate(_ isServer: Bool) async throws {
        await site.world.set(pods: .crash)
        await site.world.failAlways("remove green", with: TransientError())
        _ = try await site.deploy()
        await site.world.repair("remove green")
        if isServer {
            #expect(try await clear() == [.workload])
        } else {
            #expect(try await repair().removed == .green)
        }
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["blue"])
        #expect(await site.world.violations == [])
    }
}
