import Controller
import ReleaseMachine
import Synchronization
import Testing
import ViridianConfiguration

/// A journal between which and one process something is broken, when a test says so.
final class BrokenJournal: ReleaseJournal {
    enum Fault: Sendable {
        /// Nothing is written, and nothing is read.
        case isAway
        /// What is to be appended is written, and the answer is lost.
        case losesAnswer
    }

    private let journal: MemoryJournal
    /// Passes before an append.
    private let latency: @Sendable () async throws -> Void
    /// What happens to a call; an append has its number, counted from 1.
    private let fault: @Sendable (_ append: Int?) -> Fault?
    private let appends = Mutex(0)

    init(
        _ journal: MemoryJournal, latency: @escaping @Sendable () async throws -> Void,
        fault: @escaping @Sendable (_ append: Int?) -> Fault?
    ) {
        self.journal = journal
        self.latency = latency
        self.fault = fault
    }

    func append(_ events: [RecordedEvent], app: String, number: Int) async throws {
        let count = appends.withLock { appends in
            appends += 1
            return appends
        }
        let fault = fault(count)
        if fault == .isAway { throw unavailable() }
        try await latency()
        try await journal.append(events, app: app, number: number)
        if fault == .losesAnswer { throw unavailable() }
    }

    private func read<T>(_ body: () async throws -> T) async throws -> T {
        if fault(nil) == .isAway { throw unavailable() }
        return try await body()
    }

    private func unavailable() -> JournalUnavailable {
        JournalUnavailable("the journal does not answer", isUnknown: true)
    }

    func events(app: String, number: Int, after sequence: Int) async throws -> [RecordedEvent] {
        try await read { try journal.events(app: app, number: number, after: sequence) }
    }
    func releases(app: String, limit: Int, before: Int?) async throws -> [Release] {
        try await read { try journal.releases(app: app, limit: limit, before: before) }
    }
    func lastNumber(app: String) async throws -> Int {
        try await read { try journal.lastNumber(app: app) }
    }
    func versions(app: String, tag: String) async throws -> [PushedVersion] {
        try await read { try journal.versions(app: app, tag: tag) }
    }
    func queuedVersion(app: String) async throws -> PushedVersion? {
        try await read { try journal.queuedVersion(app: app) }
    }
    func locks(at now: Timestamp) async throws -> [ReleaseLock] {
        try await read { try journal.locks(at: now) }
    }
    func addAutomatic(_ lock: ReleaseLock) async throws { try journal.addAutomatic(lock) }
    func changes(of app: String) -> AsyncStream<Void> { journal.changes(of: app) }
}

@Suite("A release whose journal does not answer")
struct JournalOutageTests {
    private let site = Site()

    /// The app as a process sees it whose journal is broken.
    private func releases(
        _ me: String = "anna@ci-1", latency: @escaping @Sendable () async throws -> Void = {},
        fault: @escaping @Sendable (Int?) -> BrokenJournal.Fault?
    ) throws -> AppReleases {
        let usual = try site.releases(me)
        let engine = Engine(
            cluster: WorldCluster(world: site.world, me: me, clock: site.clock),
            nodes: WorldNodes(world: site.world),
            journal: BrokenJournal(site.journal, latency: latency, fault: fault),
            clock: site.clock,
            executor: site.clock
        )
        return AppReleases(app: usual.app, engine: engine)
    }

    private func deploy(_ releases: AppReleases, observe: @escaping Engine.Observer = { _, _ in })
        async throws
        -> Release
    {
        let request = AppReleases.Request(version: try Version(Site.version), by: "anna")
        return try await site.clock.running {
            try await releases.deploy(request, until: .whenEnded, observe: observe)
        }
    }

    /// The kinds of a release's events that do not depend on how long things take.
    private func kinds(_ site: Site) -> [String] {
        site.kinds().filter { !["said", "podsObserved", "podsChanged", "nodePrepared"].contains($0) }
    }

    @Test("waits for ten minutes without doing anything new, keeps its lease, and goes on")
    func outage() async throws {
        let outage = Mutex<ClosedRange<Timestamp>?>(nil)
        let clock = site.clock
        let releases = try releases { _ in
            outage.withLock { $0?.contains(clock.now) ?? false } ? .isAway : nil
        }
        let release = try await deploy(releases) { recorded, _ in
            guard recorded.event.kind == "podsReady" else { return }
            outage.withLock { $0 = clock.now...(clock.now + .seconds(600)) }
        }
        #expect(release.state == .live)
        #expect(await site.world.violations == [])

        // Nothing but renewals of the lease, one after the other.
        let calls = await site.world.calls
        let longest = calls.split { $0 != "renew" }.map(\.count).max() ?? 0
        #expect(longest > 100)
        for node in World.nodes { #expect(calls.count { $0 == "stage \(node)" } == 1) }

        let events = site.journal.events(1)
        #expect(events.count { $0.kind == "nodeStaged" } == 2)
        let said = events.compactMap { if case .said(let line) = $0 { line.text } else { nil } }
        #expect(said.count { $0.hasPrefix("The journal did not answer for 10m") } == 1, "\(said)")
        // Deadlines do not count the time in which nothing could be done.
        let resumed = events.compactMap { if case .resumed(let length) = $0 { length } else { nil } }
        #expect(resumed.count == 1 && resumed.allSatisfy { $0 >= 600_000 }, "\(resumed)")
    }

    @Test("appends together what comes while the journal is slow")
    func batches() async throws {
        let clock = site.clock
        let slow = try releases(latency: { try await clock.sleep(for: .seconds(3)) }) { _ in nil }
        let release = try await deploy(slow)
        #expect(release.state == .live)
        // What the two nodes say and do while they are staged comes at the same time.
        #expect(site.journal.appends <= site.journal.events(1).count - 4, "\(site.journal.appends): \(site.kinds())")
    }

    @Test(
        "repeats an append whose answer was lost, and finds its events there",
        arguments: [BrokenJournal.Fault.losesAnswer, .isAway])
    func everyAppend(_ fault: BrokenJournal.Fault) async throws {
        let undisturbed = Site()
        try await undisturbed.deploy()
        let expected = kinds(undisturbed)
        let count = undisturbed.journal.appends
        try #require(count > 10)
        // The first append is the request itself: its requester is told.
        for place in 2...count {
            let other = JournalOutageTests()
            let release = try await other.deploy(try other.releases { $0 == place ? fault : nil })
            #expect(release.state == .live, "append \(place)")
            #expect(other.kinds(other.site) == expected, "append \(place)")
        }
    }

    @Test("a request that was not answered ends with the journal's sentence, and can be repeated")
    func request() async throws {
        for fault in [BrokenJournal.Fault.losesAnswer, .isAway] {
            let other = JournalOutageTests()
            let broken = try other.releases { $0 == 1 ? fault : nil }
            await #expect(throws: JournalUnavailable.self) { try await other.deploy(broken) }
            #expect(await other.site.world.holder == nil)
            // Either it was not written, or it is resumed.
            let release = try await other.site.deploy(as: "ben@ci-2")
            #expect(release.state == .live && release.order.number == 1)
        }
    }

    @Test("stops when it is cancelled, and another process resumes it")
    func cancelled() async throws {
        let isAway = Mutex(false)
        let world = site.world
        let gate = Gate(stopping: site.clock)
        let broken = try releases { _ in isAway.withLock { $0 } ? .isAway : nil }
        await world.hold("stage \(World.nodes[0])", at: gate)
        let running = Task {
            try await deploy(broken)
        }
        await gate.arrival()
        isAway.withLock { $0 = true }
        await gate.open()
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect(await world.holder == nil)
        let release = try await site.deploy(as: "ben@ci-2")
        #expect(release.state == .live)
        #expect(site.kinds().contains("takenUp"))
    }

    @Test("stops when it loses its lease meanwhile")
    func leaseLost() async throws {
        let isAway = Mutex(false)
        let world = site.world
        let broken = try releases { _ in isAway.withLock { $0 } ? .isAway : nil }
        await #expect(throws: LeaseLost.self) {
            try await deploy(broken) { recorded, _ in
                guard recorded.event == .podsReady else { return }
                isAway.withLock { $0 = true }
                await world.steal(by: "ben@ci-2")
            }
        }
        #expect(!site.kinds().contains("nodeStaged"))
    }

    @Test("applies what others wrote meanwhile before it goes on")
    func abortedMeanwhile() async throws {
        let awayUntil = Mutex(ManualClock.start)
        let journal = site.journal
        let clock = site.clock
        let broken = try releases { _ in clock.now < awayUntil.withLock { $0 } ? .isAway : nil }
        let release = try await deploy(broken) { recorded, _ in
            guard recorded.event == .podsReady else { return }
            // Only this process is cut off: a person's request reaches the journal through another one.
            awayUntil.withLock { $0 = clock.now + .seconds(60) }
            try? await journal.request(.abortRequested(by: "ben", reason: nil))
        }
        #expect(release.state == .aborted)
        #expect(site.kinds().count { $0 == "abortRequested" } == 1)
        #expect(await site.world.violations == [])
    }
}
