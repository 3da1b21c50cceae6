import Foundation
import Integrations
import Journal
import JournalSQLite
import Logging
import ReleaseMachine
import Simulator
import Synchronization
import Testing
import ViridianConfiguration

@testable import Controller
@testable import Server

/// One seeded run of everything between a push and the beginning of a release: the real inbox, journal, queue and rules, with time, people,
/// releases and crashes from a generator.
///
/// Releases are not run on a cluster here: their ends are drawn.
final class QueueSimulation {
    static let start = Timestamp(milliseconds: 1_445_783_643_000)

    private var random: SeededGenerator
    private let folder: TestFolder
    private let journal: Journal
    private let clock = SteppedClock(QueueSimulation.start)
    private let apps: SimulatedApps
    private let starter: SimulatedStarter
    private var queue: ReleaseQueue
    private var processor: DeliveryProcessor
    /// Deliveries that a sender has sent and that were not answered: it sends them again.
    private var unanswered: [NewDelivery] = []
    private var pushes: [PushedImage] = []
    private(set) var story: [String] = []
    private(set) var failures: [String] = []
    private let policy: WhenBusy
    private(set) var counts = Counts()
    private var checked: JournalHead?

    /// What has happened, so that a simulation in which nothing does is noticed.
    struct Counts {
        var releases = 0
        var automatic = 0
        var superseded = 0
        var rollbacks = 0
    }

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        folder = try TestFolder(inMemory: true)
        journal = try Journal(path: folder.journal)
        policy = WhenBusy.allCases[Int(seed % 3)]
        var app = try AppConfiguration(
            app: "blog", ports: .init(container: 9000, blue: 30000, green: 30001), image: "registry.local:5000/blog",
            releaseOn: ReleaseTriggers(tags: ["v*"], branches: ["master"]), whenBusy: policy)
        app.verify.required = seed % 5 == 0
        let freeze = try SimulatedApps.evening()
        apps = SimulatedApps(journal: journal, configurations: [app], freezes: [freeze], clock: clock)
        starter = SimulatedStarter(apps: apps, clock: clock)
        (queue, processor) = QueueSimulation.started(apps, journal, starter, clock)
    }

    private static func started(
        _ apps: SimulatedApps, _ journal: Journal, _ starter: SimulatedStarter, _ clock: SteppedClock
    ) -> (ReleaseQueue, DeliveryProcessor) {
        var logger = Logger(label: "simulation")
        logger.logLevel = .critical
        let queue = ReleaseQueue(apps: apps, journal: journal, starter: starter, clock: clock, logger: logger)
        let poller = TagPoller(
            apps: apps, journal: journal, lookup: NoRegistry(), inbox: Inbox(journal: journal), queue: queue,
            clock: clock, settings: HookSettings(), logger: logger)
        let decider = DeliveryDecider(
            apps: apps, journal: journal, lookup: NoRegistry(), queue: queue, poller: poller, clock: clock)
        let processor = DeliveryProcessor(decider: decider, journal: journal, clock: clock, logger: logger)
        return (queue, processor)
    }

    // MARK: - The run

    func run(steps: Int) async throws {
        for _ in 0..<steps {
            clock.advance(by: .seconds(random.below(900)))
            try await step()
            try await settle()
            try await check()
        }
        try await calmDown()
    }

    private func step() async throws {
        switch random.below(12) {
        case 0...3: try await push()
        case 4: try await pipeline()
        case 5: try await call()
        case 6: try await person()
        case 7: try await rollback()
        case 8: try await lock()
        case 9: try await unlock()
        case 10: crash()
        default: break
        }
        try await progress()
    }

    private func say(_ line: String) { story.append("\(clock.now.iso8601) \(line)") }

    // MARK: - What senders do

    /// A new version, or one again that was pushed before, by a sender that may tell twice, late, or in another order.
    private func push() async throws {
        if pushes.isEmpty || random.chance(75) {
            let number = pushes.count + 1
            pushes.append(
                PushedImage(
                    host: "registry.local:5000", repository: "blog", tag: "v\(number)",
                    digest: "sha256:" + String(repeating: "0", count: 60) + String(1000 + number),
                    commit: "abcdef\(1000 + number)", at: clock.now))
        }
        let image = random.chance(70) ? pushes[pushes.count - 1] : pushes[random.below(pushes.count)]
        try await send(.pushed(image), key: "push \(image.tag) \(random.below(3))")
    }

    private func pipeline() async throws {
        guard !pushes.isEmpty else { return }
        let image = pushes[random.below(pushes.count)]
        let pipeline = SucceededPipeline(project: "mike/blog", commit: image.commit ?? "", ref: "master")
        try await send(.built(pipeline), key: "pipeline \(image.tag) \(random.below(2))")
    }

    private func send(_ event: HookEvent, key: String) async throws {
        let events = try String(decoding: JSONEncoder().encode([event]), as: UTF8.self)
        unanswered.append(
            NewDelivery(
                at: clock.now, sender: "registry", key: key, kind: "push", origin: "test", events: events, outcome: nil)
        )
        guard random.chance(85) else { return say("the sender cannot reach the server") }
        unanswered.shuffle(using: &random)
        for delivery in unanswered {
            let (id, cameBefore) = try await journal.receive([delivery])[0]
            say("delivery \(id): \(delivery.key ?? "")\(cameBefore ? ", again" : "")")
        }
        unanswered = []
    }

    private func call() async throws {
        guard let image = pushes.randomElement(using: &random) else { return }
        let call = DeployCall(app: "blog", version: image.tag, digest: image.digest, by: "ci")
        let delivery = NewDelivery(
            at: clock.now, sender: DeliveryProcessor.script, key: nil, kind: "deploy", origin: "test",
            events: try call.jsonLine(), outcome: nil)
        say("delivery \(try await journal.receive([delivery])[0].id): ci calls for \(image.tag)")
    }

    // MARK: - What people do

    private func person() async throws {
        guard let image = pushes.randomElement(using: &random) else { return }
        say("mike deploys \(image.tag): \(try await starter.person("blog", image.tag))")
    }

    private func rollback() async throws {
        say("mike rolls back: \(try await starter.rollback("blog"))")
    }

    private func lock() async throws {
        let until = random.chance(50) ? clock.now + .seconds(60 + random.below(7200)) : nil
        let lock = ReleaseLock(
            id: ReleaseLock.newID(), app: random.chance(70) ? "blog" : nil, reason: "incident", by: "mike",
            since: clock.now, until: until, isAutomatic: random.chance(40))
        try await journal.add(lock)
        say("locked\(until.map { " until \($0.iso8601)" } ?? "")")
    }

    private func unlock() async throws {
        for lock in try await journal.locks(at: clock.now) where random.chance(70) {
            _ = try await journal.end(lock: lock.id, by: "mike", at: clock.now)
            say("unlocked: \(lock.reason)")
        }
    }

    // MARK: - What happens

    /// The process dies: what was in memory is gone.
    private func crash() {
        say("killed, and started again")
        (queue, processor) = QueueSimulation.started(apps, journal, starter, clock)
    }

    /// A release goes on, or ends.
    private func progress() async throws {
        for _ in 0..<random.below(8) {
            guard let release = try await starter.latest("blog"), !release.state.hasEnded else { return }
            if let ended = try await starter.progress(release, &random) { return say("\(release.order.name) \(ended)") }
        }
    }

    /// Everything that can be done at this moment is done, with deaths in between.
    private func settle() async throws {
        starter.diesAfterAppend = random.chance(15)
        for delivery in try await journal.deliveriesToActOn(at: clock.now, limit: 100) {
            guard random.chance(85) else {
                crash()
                break
            }
            await processor.act(on: delivery)
            if let done = try await journal.delivery(delivery.id) {
                say(
                    "delivery \(done.id): \(done.results.map(\.sentence).joined(separator: "; ")) \(done.outcome ?? "")"
                )
            }
        }
        for _ in 0..<4 { _ = await queue.advance("blog") }
        if let release = try await starter.latest("blog"), starter.note(release) {
            say("\(release.order.name) begins: \(release.order.version) by \(release.order.requestedBy)")
        }
    }

    /// Time passes, locks end, senders reach the server, and every release ends well.
    private func calmDown() async throws {
        for lock in try await journal.locks(at: clock.now) {
            _ = try await journal.end(lock: lock.id, by: "mike", at: clock.now)
        }
        say("everything is unlocked")
        for delivery in unanswered { _ = try await journal.receive([delivery]) }
        unanswered = []
        for _ in 0..<20 {
            clock.advance(by: .seconds(3700))
            try await settle()
            try await check()
            if let release = try await starter.latest("blog"), !release.state.hasEnded {
                try await starter.finish(release)
            }
        }
        let left = try await journal.queue()
        if !left.isEmpty { failures.append("left in the queue: \(left)") }
        for delivery in try await journal.deliveries(limit: 10_000) {
            if delivery.nextAt != nil { failures.append("delivery \(delivery.id) was never acted on") }
            let isExplained = delivery.outcome != nil || delivery.results.contains { !$0.sentence.isEmpty }
            if !isExplained { failures.append("nobody knows what became of delivery \(delivery.id)") }
            if delivery.results.contains(where: { $0.state == .waiting }) {
                failures.append("delivery \(delivery.id) waits for ever: \(delivery.results)")
            }
        }
    }

    // MARK: - What has to hold

    private func check() async throws {
        let head = try await journal.head(app: "blog")
        guard head != checked else { return }
        checked = head
        let releases = try await journal.releases(app: "blog", limit: 1000)
        counts = Counts(
            releases: releases.count, automatic: releases.count { $0.order.isAutomatic == true },
            superseded: releases.count { $0.cause.map { if case .superseded = $0 { true } else { false } } ?? false },
            rollbacks: releases.count { $0.order.kind != .deploy })
        let open = releases.filter { !$0.state.hasEnded }
        if open.count > 1 { failures.append("two at once: \(open.map(\.order.name))") }
        var seen: Set<String> = []
        for release in releases.reversed() where release.order.isAutomatic == true && release.order.requestedBy != "ci"
        {
            let digest = release.order.digest ?? ""
            // A version that was given up for one that then failed may come again.
            let wasGivenUp = release.cause.map { if case .superseded = $0 { true } else { false } } ?? false
            if !wasGivenUp, !seen.insert(digest).inserted {
                failures.append("\(release.order.name): \(release.order.version) by a hook for a second time")
            }
        }
        failures += starter.violations
    }
}
