import Controller
import ReleaseMachine
import Synchronization
import Testing

/// The journal goes back, as in a failover to a standby that was behind, or when a backup is restored. The app's lease has seen what was lost.
@Suite("A journal that has gone back")
struct JournalEndTests {
    private let site = Site()
    private let first = World.nodes[0]
    private let second = World.nodes[1]

    private func end(_ number: Int = 1) throws -> JournalEnd {
        let last = try site.journal.events(app: "blog", number: number, after: 0).last
        return JournalEnd(release: number, try #require(last))
    }

    /// The number of the release's first event of a kind.
    private func sequence(_ kind: String, _ number: Int = 1) throws -> Int {
        try #require(site.kinds(number).firstIndex(of: kind)) + 1
    }

    private func lost<T>(_ body: () async throws -> T) async throws -> JournalWentBack {
        do {
            _ = try await body()
        } catch let lost as JournalWentBack {
            return lost
        }
        throw Refusal("nothing was told")
    }

    private func accept(as me: String = "ann@ci-3") async throws -> AppReleases.AcceptedLoss {
        let releases = try site.releases(me)
        return try await site.clock.running {
            try await releases.acceptLoss(by: "ann", reason: "the old primary is gone")
        }
    }

    private func promote() async throws -> Release {
        let releases = try site.releases("ben@ci-2")
        return try await site.clock.running { try await releases.promote(by: "ben", observe: { _, _ in }) }
    }

    // MARK: What stands in the lease

    @Test("the lease has the journal's last event when a release has ended, and when it is paused")
    func whenReturned() async throws {
        try await site.deploy(verify: true, until: .whenPaused)
        #expect(await site.world.journalInLease == (try end()))
        _ = try await promote()
        #expect(await site.world.journalInLease == (try end()))
    }

    @Test(
        "before a node is switched, a workload deleted or traffic moved back, the lease has the events that ask for it",
        arguments: ["route 10.122.43.70 green", "route 10.122.41.136 green", "remove blue"])
    func before(_ call: String) async throws {
        let gate = Gate(stopping: site.clock)
        await site.world.hold(call, at: gate)
        let running = Task { try await site.deploy() }
        await gate.arrival()
        // What was observed meanwhile may have come later.
        let asked =
            switch call {
            case "remove blue": try sequence("readBack")
            case "route \(first) green": try sequence("candidateConfirmed")
            default: try sequence("nodeSwitched")
            }
        let seen = await site.world.journalInLease
        #expect(seen?.release == 1 && seen?.sequence ?? 0 >= asked, "\(String(describing: seen)) \(asked)")
        await gate.open()
        #expect(try await running.value.state == .live)
    }

    @Test("no node is switched while that cannot be written, and the release goes on when it can")
    func notRecorded() async throws {
        await site.world.fail("journal", with: Array(repeating: TransientError(), count: 3))
        let release = try await site.deploy()
        #expect(release.state == .live)
        let calls = await site.world.calls
        let firstSwitch = try #require(calls.firstIndex { $0.hasPrefix("route") })
        #expect(calls[..<firstSwitch].count { $0 == "journal" } >= 4)
        #expect(site.kinds().contains("troubled"))
    }

    @Test("traffic goes back also where the cluster does not write it")
    func wayBack() async throws {
        let (journal, world) = (site.journal, site.world)
        let release = try await site.deploy { recorded, _ in
            switch recorded.event {
            case .liveRecorded(.green):
                await world.failAlways("journal", with: TransientError())
                try? await journal.request(.abortRequested(by: "ben", reason: nil))
            case .nodeReverted: if await Set(world.routes.values) == [.blue] { await world.repair("journal") }
            default: return
            }
        }
        #expect(release.state == .rolledBack)
        #expect(await site.world.routes == [first: .blue, second: .blue])
        #expect(await site.world.violations == [])
    }

    // MARK: What is told

    @Test("an abort that was acknowledged and lost: the release is not promoted, and the error says what to do")
    func lostAbort() async throws {
        try await site.deploy(verify: true, until: .whenPaused)
        let paused = site.kinds().count
        let cleo = try site.releases("cleo@ci-2")
        let aborted = try await site.clock.running {
            try await cleo.abort(by: "cleo", reason: nil, observe: { _, _ in })
        }
        #expect(aborted.state == .aborted)
        let seen = try end()
        let calls = await site.world.calls.count
        site.journal.loseEvents(after: paused)

        let told = try await lost { try await promote() }
        #expect(told.seen == seen && told.found?.sequence == paused + 1 && told.newest == 1)
        #expect(
            told.sentence
                == "the journal has gone back: it had acknowledged event \(seen.sequence) of blog/1 (\(seen.at.iso8601)), and has it up "
                + "to event \(paused + 1). Nothing more is done for blog")
        #expect(told.description.contains("cluster: blue is live with \(World.oldVersion)"), "\(told)")
        #expect(told.description.contains("node \(first): routes to blue"), "\(told)")
        #expect(told.description.contains("viridian journal accept blog --reason"), "\(told)")
        // What people ask for is written, and why nothing is done.
        #expect(site.kinds().dropFirst(paused) == ["promoted", "said"])
        let done = await site.world.calls.dropFirst(calls).map { String($0.prefix { $0 != " " }) }
        #expect(Set(done).isSubset(of: ["acquire", "survey", "list", "read", "release"]), "\(done)")
        #expect(await site.world.journalInLease == seen)
        #expect(await site.world.holder == nil)
        // It is told again, and written once.
        _ = try await lost { try await site.deploy() }
        let server = try site.releases("server-1")
        _ = try await lost { try await server.resume(by: "viridian serve", observe: { _, _ in }) }
        let said = site.journal.events(1).compactMap { if case .said(let line) = $0 { line.text } else { nil } }
        #expect(said.count { $0.hasPrefix("The journal has gone back") } == 1, "\(said)")
    }

    @Test("a release that is lost with all its events: the next one is not started, and no rollback")
    func lostRelease() async throws {
        try await site.deploy("v1")
        try await site.deploy("v2")
        site.journal.loseEvents(of: 2, after: 0)
        let told = try await lost { try await site.deploy("v3") }
        #expect(told.sentence.contains("and has nothing of it: its newest release is blog/1"))
        let releases = try site.releases()
        _ = try await lost {
            try await releases.rollback(to: nil, by: "ben", reason: nil, until: .whenEnded, observe: { _, _ in })
        }
        #expect(try site.journal.lastNumber(app: "blog") == 1)
        // What brings nodes back goes by the cluster.
        await site.world.route(second, to: .green)
        let report = try await site.clock.running { try await releases.repair(isDryRun: false) }
        #expect(report.live == LiveVersion(color: .blue, version: "v2"))

        let accepted = try await accept()
        #expect(accepted.ended == nil)
        let next = try await site.deploy("v3")
        #expect(next.state == .live && next.order.number == 3)
        #expect(next.previous == LiveVersion(color: .blue, version: "v2"))
    }

    @Test("other events in the place of the lost ones do not hide the loss")
    func overwritten() async throws {
        try await site.deploy(verify: true, until: .whenPaused)
        let seen = try end()
        site.journal.loseEvents(after: seen.sequence - 1)
        try await site.journal.request(.abortRequested(by: "ben", reason: nil))
        #expect(site.kinds().count == seen.sequence)
        let releases = try site.releases()
        let told = try await lost { try await releases.resume(by: "viridian serve", observe: { _, _ in }) }
        #expect(told.sentence.contains("and has another event there"))
        #expect(await site.world.workloads.count == 2)
    }

    @Test(
        "the process that runs the release notices by itself, stops, and the next one is told too",
        arguments: ["discovered", "podsReady", "nodeStaged"])
    func running(_ kind: String) async throws {
        let journal = site.journal
        let clock = site.clock
        let isDone = Mutex(false)
        let told = try await lost {
            try await site.deploy { recorded, _ in
                guard recorded.event.kind == kind, isDone.withLock({ !$0 }) else { return }
                isDone.withLock { $0 = true }
                journal.loseEvents(after: recorded.sequence - 1)
                // It takes its time until another server is the primary.
                clock.skip(.seconds(5))
            }
        }
        #expect(told.found.map { $0.sequence < told.seen.sequence } == true)
        #expect(await site.world.routes == [first: .blue, second: .blue])
        #expect(await site.world.journalInLease == told.seen)
        #expect(await site.world.holder == nil)
        #expect(site.kinds().last == "said")
        let releases = try site.releases("ben@ci-2")
        _ = try await lost { try await releases.resume(by: "viridian serve", observe: { _, _ in }) }
        #expect(await site.world.violations == [])
    }

    @Test("a release that is paused notices it when something is written")
    func whilePaused() async throws {
        let journal = site.journal
        let told = try await lost {
            try await site.deploy(verify: true) { recorded, release in
                guard release.state == .paused else { return }
                journal.loseEvents(after: recorded.sequence - 2)
                try? await journal.request(.abortRequested(by: "ben", reason: nil))
            }
        }
        #expect(told.seen == (await site.world.journalInLease))
        #expect(await site.world.workloads.count == 2)
    }

    @Test("a lease of an older version says nothing of it: nothing is compared")
    func olderLease() async throws {
        try await site.deploy(verify: true, until: .whenPaused)
        site.journal.loseEvents(after: site.kinds().count - 1)
        await site.world.setJournalInLease(nil)
        let release = try await site.deploy(as: "ben@ci-2", until: .whenPaused)
        #expect(release.state == .paused)
    }

    @Test("whoever follows a release is told that what was shown is not there any more")
    func following() async throws {
        try await site.deploy(verify: true, until: .whenPaused)
        let (releases, journal) = (try site.releases(), site.journal)
        let told = try await lost {
            try await site.clock.running {
                try await releases.follow(
                    1, observe: { _, release in if release.state == .paused { journal.loseEvents(after: 3) } })
            }
        }
        #expect(told.found?.sequence == 3)
    }

    @Test("whoever looks at the app is told it too, and nothing is written")
    func looking() async throws {
        try await site.deploy("v1")
        try await site.deploy("v2")
        let releases = try site.releases()
        let before = try await releases.observe().lost
        #expect(before == nil)
        site.journal.loseEvents(of: 2, after: 0)
        let events = site.kinds(1)
        let observation = try await releases.observe()
        #expect(observation.lost?.sentence.contains("nothing of it: its newest release is blog/1") == true)
        let view = AppView(app: releases.app, observation: observation, latest: try await releases.latest())
        #expect(view.advice.first?.hasPrefix("the journal has gone back: it had acknowledged event") == true)
        #expect(view.advice.first?.contains("viridian journal accept blog --reason R") == true)
        #expect(site.kinds(1) == events)
        _ = try await accept()
        let after = try await releases.observe().lost
        #expect(after == nil)
    }

    // MARK: What is accepted

    @Test("accepted before any node was switched: the release has failed, and repair deletes its candidate")
    func acceptedBefore() async throws {
        try await site.deploy(verify: true, until: .whenPaused)
        site.journal.loseEvents(after: try sequence("podsReady"))
        let calls = await site.world.calls.count
        let accepted = try await accept()
        #expect(accepted.ended?.state == .failed && accepted.ended?.needRepair == [])
        #expect(accepted.ended?.leftovers.map(\.version.color) == [.green])
        let done = await site.world.calls.dropFirst(calls).map { String($0.prefix { $0 != " " }) }
        #expect(Set(done).isSubset(of: ["acquire", "survey", "list", "read", "journal", "release"]), "\(done)")
        // Accepted once, there is nothing more to accept.
        await #expect(throws: Refusal.self) { try await accept() }
        let releases = try site.releases()
        let report = try await site.clock.running { try await releases.repair(isDryRun: false) }
        #expect(report.removed == .green && report.isWhole)
        #expect(try await site.deploy("v2").state == .live)
        #expect(await site.world.violations == [])
    }

    @Test("accepted in the middle of the switch: nothing is touched, and repair moves the traffic back")
    func acceptedWhileSwitching() async throws {
        let gate = Gate(stopping: site.clock)
        await site.world.hold("route \(second) green", at: gate)
        let running = Task { try await site.deploy() }
        await gate.arrival()
        // Whoever ran it dies, and what it had sent arrives all the same.
        await site.world.die("anna@ci-1")
        running.cancel()
        site.journal.loseEvents(after: try sequence("podsReady"))
        let isLate = await site.world.routes
        #expect(isLate == [first: .green, second: .blue])
        let releases = try site.releases("ann@ci-3")
        let accepted = try await releases.acceptLoss(by: "ann", reason: "the old primary is gone")
        #expect(accepted.ended?.state == .failed)
        #expect(accepted.ended?.needRepair.map(\.node) == [first])
        await gate.open()
        await #expect(throws: (any Error).self) { try await running.value }
        #expect(await site.world.routes == [first: .green, second: .blue])

        let report = try await site.clock.running { try await releases.repair(isDryRun: false) }
        #expect(report.live.color == .blue && report.isWhole && report.removed == .green)
        #expect(await site.world.routes == [first: .blue, second: .blue])
        #expect(try await site.deploy("v2").state == .live)
        #expect(await site.world.violations == [])
    }

    @Test("accepted after the cluster has recorded it as live: it is live, and can be rolled back")
    func acceptedLive() async throws {
        try await site.deploy("v1")
        try await site.deploy("v2")
        site.journal.loseEvents(of: 2, after: try sequence("candidateConfirmed", 2))
        let accepted = try await accept()
        #expect(accepted.ended?.state == .live && accepted.ended?.needRepair == [])
        #expect(await site.world.routes == [first: .blue, second: .blue])
        let releases = try site.releases()
        let back = try await site.clock.running {
            try await releases.rollback(to: nil, by: "ben", reason: nil, until: .whenEnded, observe: { _, _ in })
        }
        #expect(back.state == .live && back.order.version == "v1")
        #expect(await site.world.violations == [])
    }

    @Test("where nothing is lost, nothing is accepted")
    func nothingLost() async throws {
        try await site.deploy()
        let events = site.kinds()
        await #expect(throws: Refusal.self) { try await accept() }
        #expect(site.kinds() == events)
        #expect(await site.world.holder == nil)
    }
}
