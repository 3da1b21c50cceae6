import Foundation
import Integrations
import Journal
import ReleaseMachine
import Simulator
import Synchronization
import Testing

@testable import Controller
@testable import Server
@testable import ViridianConfiguration

/// A clock that stands until it is moved.
final class SteppedClock: ReleaseClock {
    private let time: Mutex<Timestamp>

    init(_ start: Timestamp) { time = Mutex(start) }

    var now: Timestamp { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
    func sleep(for duration: Duration) async throws { try Task.checkCancellation() }
}

/// No registry answers.
struct NoRegistry: VersionLookup {
    func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage? {
        throw RegistryError(.unreachable, host: "registry.local:5000", "registry.local:5000 does not answer")
    }

    func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] { [] }
}

/// Apps without a cluster: the queue only asks for the facts of their admission.
struct SimulatedApps: ServedApps {
    let journal: Journal
    let configurations: [AppConfiguration]
    let freezes: [FreezeWindow]
    let clock: SteppedClock

    func releases(_ app: String, _ requestOrigin: RequestOrigin) throws(UnknownApp) -> AppReleases {
        let world = FakeWorld()
        return AppReleases(
            app: try configuration(app),
            engine: Engine(
                cluster: FakeCluster(world: world, app: app, me: "simulation"),
                nodes: FakeNodes(world: world, app: app),
                journal: AuditedJournal(journal: journal, requestOrigin: requestOrigin), clock: clock),
            freezes: freezes)
    }

    var clusters: [String?] { [nil] }

    func checkCluster(_ name: String?, within limit: Duration?) async throws {}

    /// Two hours in the middle of a simulated day.
    static func evening() throws -> FreezeWindow {
        let (from, to) = (try #require(WeeklyTime("Sun 17:00")), try #require(WeeklyTime("Sun 19:00")))
        return FreezeWindow(name: "evening", period: .weekly(from: from, to: to), reason: "dinner")
    }
}

/// Starts releases by writing their first event, under the same admission as `AppReleases.deploy`, and ends them as it is drawn.
final class SimulatedStarter: ReleaseStarter {
    private struct State {
        var diesAfterAppend = false
        var begun: Set<Int> = []
        var violations: [String] = []
    }

    private let apps: SimulatedApps
    private let clock: SteppedClock
    private let state = Mutex(State())

    init(apps: SimulatedApps, clock: SteppedClock) {
        self.apps = apps
        self.clock = clock
    }

    struct Killed: Error {}

    /// The next start dies right after its first event is in the journal.
    var diesAfterAppend: Bool {
        get { state.withLock { $0.diesAfterAppend } }
        set { state.withLock { $0.diesAfterAppend = newValue } }
    }

    var violations: [String] { state.withLock { $0.violations } }

    /// Whether the release is seen for the first time.
    func note(_ release: Release) -> Bool { state.withLock { $0.begun.insert(release.order.number).inserted } }

    func latest(_ app: String) async throws -> Release? { try await apps.releases(app).latest() }

    // MARK: - Starting

    func deploy(
        _ app: String, _ request: AppReleases.Request, _ requestOrigin: RequestOrigin
    ) async throws -> Release {
        let release = try await begin(app, request, requestOrigin)
        let dies = state.withLock { state in
            defer { state.diesAfterAppend = false }
            return state.diesAfterAppend
        }
        if dies { throw Killed() }
        return release
    }

    /// A person deploys: what became of it.
    func person(_ app: String, _ version: String) async throws -> String {
        do {
            let request = AppReleases.Request(version: try Version(version), by: "mike")
            return "began \(try await begin(app, request, RequestOrigin(origin: "test")).order.name)"
        } catch let error as ReleaseHeld {
            return error.sentence
        } catch let error as LeaseHeld {
            return "\(error)"
        }
    }

    private func begin(
        _ app: String, _ request: AppReleases.Request, _ requestOrigin: RequestOrigin
    ) async throws -> Release {
        let releases = try apps.releases(app, requestOrigin)
        if let open = try await releases.latest(), !open.state.hasEnded {
            throw LeaseHeld(app: app, holder: "simulation", release: open.order.number)
        }
        let image = request.image ?? releases.app.image(for: request.version)
        let before = try await releases.admission()
        let (note, _) = try await releases.admit(request, image: image)
        if !request.requester.isPerson { checkAutomatic(request, before) }
        var order = await releases.order(
            try releases.engine.journal.lastNumber(app: app) + 1, .deploy, request.version.text, "\(image)", request)
        order.isOlder = note == nil ? nil : true
        return try await append(.requested(order), app, order.number, releases)
    }

    /// What the queue promises, by the simulation's own knowledge: versions are numbered in the order in which they were made.
    private func checkAutomatic(_ request: AppReleases.Request, _ admission: Admission) {
        func number(_ version: String) -> Int { Int(version.dropFirst()) ?? 0 }
        let held = admission.holds.map(\.sentence)
        if !held.isEmpty { complain("\(request.version) started although \(held)") }
        if let live = admission.live, number(request.version.text) < number(live.order.version) {
            complain("\(request.version) started over \(live.order.version), which is newer and live")
        }
    }

    private func complain(_ sentence: String) { state.withLock { $0.violations.append(sentence) } }

    /// A rollback to the version before: what became of it.
    func rollback(_ app: String) async throws -> String {
        let releases = try apps.releases(app, RequestOrigin(origin: "test"))
        guard let latest = try await releases.latest() else { return "nothing to roll back" }
        guard latest.state.hasEnded else {
            _ = try? await releases.requestAbort(by: "mike", reason: "rolled back")
            return "aborts \(latest.order.name)"
        }
        let history = try await releases.history(limit: 200)
        let live = history.first { $0.state == .live }
        guard let live, let target = RollbackTarget.before(live, in: history), let image = target.image else {
            return "no version before"
        }
        let (version, request) = (target.version, AppReleases.Request(version: try Version(target.version), by: "mike"))
        let order = releases.order(
            latest.order.number + 1, .rollback(from: live.order.number), version, image, request)
        return "began \(try await append(.requested(order), app, order.number, releases).order.name) with \(version)"
    }

    // MARK: - Running

    private func append(_ event: Event, _ app: String, _ number: Int, _ releases: AppReleases) async throws -> Release {
        let events = try await releases.events(of: number)
        let recorded = RecordedEvent(sequence: events.count + 1, at: clock.now, event: event)
        try await releases.engine.journal.append(recorded, app: app, number: number)
        return try await releases.release(number)
    }

    private func survey(_ releases: AppReleases, before number: Int) async throws -> Survey {
        let live = try await releases.history(limit: 200).first { $0.order.number < number && $0.state == .live }
        let color = live?.candidate
        return Survey(
            live: live.flatMap { release in color.map { LiveVersion(color: $0, version: release.order.version) } },
            candidate: color == .blue ? .green : .blue, replicas: 1, nodes: ["10.122.43.70"])
    }

    /// The next step of a release. Returns how it has ended, if it has.
    func progress(_ release: Release, _ random: inout SeededGenerator) async throws -> String? {
        let (app, number) = (release.order.app, release.order.number)
        let releases = try apps.releases(app)
        if !release.isBackingOut, random.chance(10) {
            let refused = Event.refused(release.effects.first ?? .survey, message: "it fails", details: [])
            _ = try await append(refused, app, number, releases)
        } else {
            try await go(release, releases)
        }
        let now = try await releases.release(number)
        guard now.state.hasEnded else { return nil }
        try await releases.markReplacedReleases()
        return "has ended: \(now.state)"
    }

    /// To its end, whatever that is.
    func finish(_ release: Release) async throws {
        let releases = try apps.releases(release.order.app)
        for _ in 0..<40 {
            let now = try await releases.release(release.order.number)
            guard !now.state.hasEnded else { break }
            try await go(now, releases)
        }
        try await releases.markReplacedReleases()
    }

    private func go(_ release: Release, _ releases: AppReleases) async throws {
        let (app, number) = (release.order.app, release.order.number)
        let event: Event? =
            switch release.effects.first {
            case .survey: await .discovered(try survey(releases, before: number))
            case .createCandidate: .candidateCreated
            case .awaitPods: .podsReady
            case .prepare(let node): .nodePrepared(node: node)
            case .stage(let node): .nodeStaged(node: node)
            case .confirmCandidate: .candidateConfirmed
            case .switchNode(let node): .nodeSwitched(node: node)
            case .revertNode(let node): .nodeReverted(node: node)
            case .recordLive(let color): .liveRecorded(color)
            case .drain: .drained(DrainEvidence(open: []))
            case .readBack:
                .readBack([
                    NodeReading(
                        node: "10.122.43.70",
                        color: release.isBackingOut ? release.previous?.color : release.candidate)
                ])
            case .removeOld: .oldRemoved
            case .removeCandidate: .candidateRemoved
            case .retainOld: .oldRetained(until: clock.now)
            case nil: release.state == .paused ? .promoted(by: "mike") : nil
            }
        if let event { _ = try await append(event, app, number, releases) }
    }
}
