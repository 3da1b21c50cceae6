import Foundation
import Integrations
import Journal
import JournalSQLite
import Logging
import ReleaseMachine
import Synchronization
import Testing

@testable import Controller
@testable import Server
@testable import ViridianConfiguration

/// A registry that answers what a test has written down.
final class ScriptedRegistry: VersionLookup {
    private struct State {
        var images: [String: RegistryImage] = [:]
        var tags: [String: [String]] = [:]
        var errors: [String: RegistryError] = [:]
        var requests: [String] = []
        var gate: Gate?
    }

    private let state = Mutex(State())

    /// From now on an app's registry has the image at the tag.
    func push(_ tag: String, _ image: RegistryImage, of app: String = "blog") {
        state.withLock { state in
            state.images["\(app):\(tag)"] = image
            state.images["\(app):\(image.digest)"] = image
            if !state.tags[app, default: []].contains(tag) { state.tags[app, default: []].append(tag) }
        }
    }

    /// What an app's registry answers instead; at `reference`, or always.
    func fail(_ app: String = "blog", at reference: String? = nil, with kind: RegistryError.Kind?) {
        let name = reference.map { "\(app):\($0)" } ?? app
        state.withLock { state in
            state.errors[name] = kind.map { RegistryError($0, host: "registry.local:5000", "\(name) cannot be read") }
            if let reference, !state.tags[app, default: []].contains(reference) {
                state.tags[app, default: []].append(reference)
            }
        }
    }

    func hold(at gate: Gate) { state.withLock { $0.gate = gate } }

    /// `blog:v1`, or `blog` for a list of its tags.
    var requests: [String] { state.withLock { $0.requests } }

    func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage? {
        let name = "\(app.name):\(reference)"
        let error = state.withLock { state in
            state.requests.append(name)
            return state.errors[app.name.text] ?? state.errors[name]
        }
        if let error { throw error }
        return state.withLock { $0.images[name] }
    }

    func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] {
        let name = app.name.text
        let (gate, error) = state.withLock { state in
            state.requests.append(name)
            return (state.gate, state.errors[name])
        }
        await gate?.pass()
        if let error { throw error }
        return state.withLock { $0.tags[name, default: []].sorted() }
    }
}

/// The time of another clock; who sleeps wakes only when cancelled.
final class PatientClock: ReleaseClock {
    private let clock: SteppedClock
    private let sleepers = Mutex(0)
    private let durations = Mutex<[Duration]>([])

    init(_ clock: SteppedClock) { self.clock = clock }

    var now: Timestamp { clock.now }
    var requested: [Duration] { durations.withLock { $0 } }
    var sleeping: Int { sleepers.withLock { $0 } }

    func sleep(for duration: Duration) async throws {
        sleepers.withLock { $0 += 1 }
        durations.withLock { $0.append(duration) }
        defer { sleepers.withLock { $0 -= 1 } }
        try await Task.sleep(for: .seconds(3600))
    }
}

/// Everything between a delivery and the queue, without a server: a test moves the time, and says what the registry answers.
struct HookWorld: Sendable {
    let folder: TestFolder
    let journal: Journal
    let clock = SteppedClock(QueueSimulation.start)
    let patient: PatientClock
    let registry = ScriptedRegistry()
    let apps: SimulatedApps
    let queue: ReleaseQueue
    let poller: TagPoller
    let processor: DeliveryProcessor

    init(
        apps names: [String] = ["blog"], triggers: ReleaseTriggers = ReleaseTriggers(tags: ["*"], branches: ["master"])
    ) throws {
        folder = try TestFolder(inMemory: true)
        journal = try Journal(path: folder.journal)
        patient = PatientClock(clock)
        let configurations = try names.enumerated().map { index, name in
            try AppConfiguration(
                app: name, ports: .init(container: 9000, blue: 30000 + 2 * index, green: 30001 + 2 * index),
                image: "registry.local:5000/blog", releaseOn: triggers, whenBusy: .queue)
        }
        apps = SimulatedApps(journal: journal, configurations: configurations, freezes: [], clock: clock)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        queue = ReleaseQueue(
            apps: apps, journal: journal, starter: SimulatedStarter(apps: apps, clock: clock), clock: patient,
            logger: logger)
        poller = TagPoller(
            apps: apps, journal: journal, lookup: registry, inbox: Inbox(journal: journal), queue: queue,
            clock: patient, settings: HookSettings(), logger: logger)
        let decider = DeliveryDecider(
            apps: apps, journal: journal, lookup: registry, queue: queue, poller: poller, clock: patient)
        processor = DeliveryProcessor(decider: decider, journal: journal, clock: patient, logger: logger)
    }

    /// The image of a test: its number makes its digest.
    static func image(
        _ number: Int, commit: String? = nil, source: String? = nil, isImage: Bool = true
    ) -> RegistryImage {
        RegistryImage(digest: RegistryEvents.digest(number), commit: commit, source: source, isImage: isImage)
    }

    static let commit = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"

    static let pipeline = HookEvent.built(
        SucceededPipeline(
            project: "mike/blog", projectURL: "https://gitlab.domain.com/mike/blog", commit: commit, ref: "master"))

    /// A version of the app that was built from a project.
    func know(_ source: String, app: String = "blog") async throws {
        try await journal.note(
            PushedVersion(
                app: app, version: "v0", digest: RegistryEvents.digest(99), source: source,
                pushedAt: clock.now + .seconds(-3600), sender: "registry"))
    }

    /// Writes a delivery to the inbox.
    func deliver(_ events: HookEvent...) async throws -> Int {
        let text = try String(decoding: JSONEncoder().encode(events), as: UTF8.self)
        return try await journal.receive([
            NewDelivery(
                at: clock.now, sender: "gitlab", key: nil, kind: "test", origin: "test", events: text, outcome: nil)
        ])[0].id
    }

    /// Acts on a delivery once.
    func act(_ id: Int) async throws -> Delivery {
        await processor.act(on: try #require(try await journal.delivery(id)))
        return try #require(try await journal.delivery(id))
    }

    /// Acts on a delivery when it is time, until nothing more is to be done for it.
    func finish(_ id: Int) async throws -> Delivery {
        for _ in 0..<100 {
            guard let next = try await journal.delivery(id)?.nextAt else { break }
            if clock.now < next { clock.advance(by: next - clock.now) }
            _ = try await act(id)
        }
        return try #require(try await journal.delivery(id))
    }

    func poll(_ app: String = "blog") async throws -> Bool {
        await poller.list(try apps.configuration(app))
    }
}
