import Controller
import ReleaseMachine
import Testing

@Suite("Timeouts do not count interruptions")
struct InterruptionTests {
    private let site = Site()
    private let second = World.nodes[1]

    @Test("a server that was down for two hours during staging still has the whole timeout")
    func downWhileStaging() async throws {
        let (journal, clock) = (site.journal, site.clock)
        let error = await errorText {
            try await site.deploy(observe: { recorded, release in
                if release.phase == .staging { journal.breaks(at: .init(at: 1, isWritten: false)) }
            })
        }
        #expect(error != nil)
        await site.world.die("anna@ci-1")
        journal.breaks(at: nil)
        #expect(try await site.releases().latest()?.phase == .staging)
        clock.skip(.seconds(7200))
        let release = try await site.deploy(as: "ben@ci-2")
        #expect(release.state == .live)
        #expect(site.kinds().contains("takenUp"))
    }

    @Test("a machine that slept during a release continues it, and logs the interruption")
    func slept() async throws {
        let clock = site.clock
        let release = try await site.deploy(observe: { recorded, release in
            if recorded.event.kind == "nodeStaged", release.phase == .staging { clock.skip(.seconds(12)) }
        })
        #expect(release.state == .live)
        let resumed = site.journal.events(1).compactMap { event -> Int64? in
            if case .resumed(let milliseconds) = event { milliseconds } else { nil }
        }
        #expect(resumed.count == 1)
        #expect(resumed.allSatisfy { (12_000...13_000).contains($0) })
    }

    @Test("one that slept longer than its lease lasts acquires it again, and has the phase's whole timeout")
    func sleptLonger() async throws {
        let clock = site.clock
        await site.world.set(pods: .stayUnready)
        let world = site.world
        let release = try await site.deploy(observe: { recorded, release in
            if recorded.event.kind == "candidateCreated" { clock.skip(.seconds(7200)) }
            if case .resumed = recorded.event { await world.set(pods: .becomeReady) }
        })
        #expect(release.state == .live)
        #expect(site.kinds().contains("resumed"))
    }

    @Test("an outage of the cluster does not shorten a timeout: what was stopped has all of it again")
    func outage() async throws {
        let world = site.world
        await world.set(pods: .stayUnready)
        await world.failAlways("renew", with: TransientError())
        await world.fail("acquire", with: [])
        let release = try await site.deploy(observe: { recorded, release in
            switch recorded.event {
            case .said:
                // Longer than the pods' timeout.
                await world.repair("renew")
                await world.fail("acquire", with: Array(repeating: TransientError(), count: 30))
            case .resumed(let milliseconds):
                #expect(milliseconds >= 60_000)
                await world.set(pods: .becomeReady)
            default: break
            }
        })
        #expect(release.state == .live)
        #expect(site.kinds().contains("resumed"))
    }

    @Test("an abort from a machine whose clock is behind has the whole timeout of the way back")
    func slowWord() async throws {
        // Its clock shows the time of the start, which is longer ago than the way back may take.
        let journal = site.journal
        await site.world.hold(open: Array(repeating: .init(node: second, connections: 1, oldWorkers: 0), count: 30))
        site.clock.skip(.seconds(600))
        let release = try await site.deploy(observe: { recorded, release in
            guard recorded.event.kind == "liveRecorded", !release.isBackingOut else { return }
            try? await journal.request(.abortRequested(by: "ben", reason: nil))
        })
        #expect(release.state == .rolledBack)
        #expect(release.needRepair == [])
        #expect(release.leftovers == [])
        #expect(await site.world.routes.values.allSatisfy { $0 == .blue })
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["blue"])
    }
}

@Suite("Machines that are removed during a release")
struct RemovedNodeTests {
    private let site = Site()
    private let first = World.nodes[0]
    private let second = World.nodes[1]

    @Test(
        "do not take part any more, and delay nothing",
        arguments: ["podsReady", "candidateConfirmed", "liveRecorded", "drained"])
    func leaves(_ kind: String) async throws {
        let world = site.world
        let release = try await site.deploy(observe: { recorded, release in
            if recorded.event.kind == kind { await world.takeAway(World.nodes[1]) }
        })
        #expect(release.state == .live)
        #expect(release.needRepair == [])
        #expect(release.nodes.map(\.address) == [first])
        #expect(site.journal.events(1).contains(.nodesLeft([second])))
        #expect(await world.workloads.keys.map(\.rawValue) == ["green"])
        // The release did not wait for the longest drain.
        if let drained = release.spans.first(where: { $0.phase == .draining }) {
            #expect(try #require(drained.endedAt) - drained.startedAt < .seconds(10))
        }
    }

    @Test("also on the way back")
    func leavesOnTheWayBack() async throws {
        let (world, journal) = (site.world, site.journal)
        let release = try await site.deploy(observe: { recorded, release in
            guard recorded.event.kind == "liveRecorded", !release.isBackingOut else { return }
            await world.takeAway(World.nodes[1])
            try? await journal.request(.abortRequested(by: "ben", reason: nil))
        })
        #expect(release.state == .rolledBack)
        #expect(release.needRepair == [])
        #expect(await world.workloads.keys.map(\.rawValue) == ["blue"])
    }

    @Test("one that is still listed and does not answer is unreachable, and the others are reverted")
    func silent() async throws {
        let problem = NodeProblem(node: second, isUnreachable: true, message: "timed out")
        await site.world.failAlways("stage \(second)", with: problem)
        let release = try await site.deploy()
        #expect(release.failure?.message == "1 of 2 nodes could not be staged")
        #expect(!site.kinds().contains("nodesLeft"))
    }

    @Test("an inventory that does not answer removes no node")
    func unknown() async throws {
        let world = site.world
        let problem = NodeProblem(node: second, isUnreachable: true, message: "timed out")
        await world.failAlways("stage \(second)", with: problem)
        let release = try await site.deploy(observe: { recorded, release in
            if recorded.event.kind == "podsReady" { await world.fail("list", with: [TransientError()]) }
        })
        #expect(release.failure?.message == "1 of 2 nodes could not be staged")
    }
}
