import Controller
import Foundation
import Integrations
import Journal
import Logging
import NIOConcurrencyHelpers
import ReleaseMachine
import ViridianConfiguration

/// Acts on the deliveries in the inbox: finds out which version each means, and hands it to the queue.
///
/// A delivery is done when what became of it is in the journal. After a crash it is acted on again, which changes nothing where a release
/// has begun or a version waits already.
package actor DeliveryProcessor {
    private let apps: any ServedApps
    private let journal: Journal
    private let lookup: any VersionLookup
    private let queue: ReleaseQueue
    private let clock: any ReleaseClock
    private let logger: Logger
    private let settings: HookSettings
    private let wakeup = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    /// Callers that wait for what becomes of a delivery.
    private var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
    private var inProgress: Set<Int> = []

    /// How many deliveries are acted on at once: each may wait for a registry.
    private static let concurrency = 8
    private static let attempts = 10
    /// With more callers than this nobody waits: what became of a delivery is in the list.
    private static let mostWaiting = 50

    init(
        apps: any ServedApps, journal: Journal, lookup: any VersionLookup, queue: ReleaseQueue,
        clock: any ReleaseClock, settings: HookSettings, logger: Logger
    ) {
        self.apps = apps
        self.journal = journal
        self.lookup = lookup
        self.queue = queue
        self.clock = clock
        self.settings = settings
        self.logger = logger
    }

    // MARK: - For those who deliver

    /// There is something new in the inbox.
    nonisolated func wake() { wakeup.continuation.yield() }

    /// The delivery as it is after what has to be done for it, or after `limit`.
    func delivery(_ id: Int, within limit: Duration) async throws -> Delivery? {
        wake()
        guard waiting.count < DeliveryProcessor.mostWaiting, waiting[id] == nil else { return try journal.delivery(id) }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        waiting[id] = continuation
        defer { waiting[id] = nil }
        let end = clock.now + limit
        while let delivery = try journal.delivery(id) {
            let left = end - clock.now
            guard !delivery.isSettled, left > .zero else { return delivery }
            await withTaskGroup { group in
                group.addTask { for await _ in stream { return } }
                group.addTask { [clock] in try? await clock.sleep(for: left) }
                await group.next()
                group.cancelAll()
            }
        }
        return nil
    }

    /// Something has become of a delivery.
    func noteProgress(of id: Int) { waiting[id]?.yield() }

    // MARK: - Acting

    /// Acts on deliveries until cancelled.
    func run() async {
        wake()
        await withDiscardingTaskGroup { group in
            for await _ in wakeup.stream {
                guard !Task.isCancelled else { break }
                do {
                    while case let free = DeliveryProcessor.concurrency - inProgress.count, free > 0 {
                        let next = try journal.deliveriesToActOn(
                            at: clock.now, limit: DeliveryProcessor.concurrency + free
                        ).filter { !inProgress.contains($0.id) }.prefix(free)
                        guard !next.isEmpty else { break }
                        for delivery in next {
                            inProgress.insert(delivery.id)
                            group.addTask { await self.act(on: delivery) }
                        }
                    }
                    if let next = try journal.nextDelivery(), next > clock.now, inProgress.isEmpty {
                        group.addTask { [clock] in
                            try? await clock.sleep(for: min(next - clock.now, .seconds(60)))
                            self.wake()
                        }
                    }
                } catch {
                    logger.error("the inbox cannot be read, retrying", metadata: ["error": "\(error)"])
                    group.addTask { [clock] in
                        try? await clock.sleep(for: .seconds(5))
                        self.wake()
                    }
                }
            }
            group.cancelAll()
        }
    }

    func act(on delivery: Delivery) async {
        do {
            let (results, versions) = try await results(of: delivery)
            // What waits or has started was recorded with the queue's own transaction.
            let outcome = results.isEmpty ? "it concerns no app" : nil
            try journal.finish(
                delivery: delivery.id, outcome: outcome, results: results.filter { $0.state != .waiting },
                versions: versions)
            for result in results {
                logger.info(
                    "\(result.sentence)",
                    metadata: [
                        "delivery": "\(delivery.id)", "sender": "\(delivery.sender)", "app": "\(result.app)",
                        "state": "\(result.state.rawValue)",
                    ])
            }
        } catch is CancellationError {
            // The delivery stays in the inbox.
        } catch {
            await postpone(delivery, because: error)
        }
        inProgress.remove(delivery.id)
        noteProgress(of: delivery.id)
        wake()
    }

    private func postpone(_ delivery: Delivery, because error: any Error) async {
        let problem = "\(error)".oneLine
        do {
            if delivery.attempts + 1 >= DeliveryProcessor.attempts || (error as? RegistryError)?.isTemporary == false {
                let outcome = "given up after \(counted(delivery.attempts + 1, "attempt")): \(problem)"
                try journal.finish(delivery: delivery.id, outcome: outcome)
                logger.error(
                    "a delivery was given up", metadata: ["delivery": "\(delivery.id)", "error": "\(problem)"])
                return
            }
            let wait = max(
                min(Duration.seconds(1) * (1 << min(delivery.attempts, 7)), .seconds(120)),
                (error as? RegistryError)?.retryAfter ?? .zero)
            try journal.retry(delivery: delivery.id, at: clock.now + wait, because: "\(problem); tried again")
            logger.warning(
                "a delivery is acted on again later", metadata: ["delivery": "\(delivery.id)", "error": "\(problem)"])
        } catch {
            logger.error("the inbox cannot be written", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - What a delivery means

    /// What becomes of a delivery, and the versions that are known from it.
    private func results(of delivery: Delivery) async throws -> ([DeliveryResult], [PushedVersion]) {
        let data = Data(delivery.events.utf8)
        var versions: [PushedVersion] = []
        if delivery.sender == DeliveryProcessor.script {
            let call = try JSONDecoder().decode(DeployCall.self, from: data)
            return ([try await result(of: call, delivery, &versions)], versions)
        }
        let meaning = DeliveryMeaning(apps: apps, journal: journal, lookup: lookup, now: clock.now)
        var results: [DeliveryResult] = []
        for event in try JSONDecoder().decode([HookEvent].self, from: data) {
            for app in ConcernedApps(apps: apps.configurations).concerned(by: event).apps {
                results.append(try await result(of: event, for: app, delivery, meaning, &versions))
            }
        }
        return (results, versions)
    }

    /// The `sender` of a script's call.
    static let script = "deploy"

    private func result(
        of event: HookEvent, for app: AppConfiguration, _ delivery: Delivery, _ meaning: DeliveryMeaning,
        _ versions: inout [PushedVersion]
    ) async throws -> DeliveryResult {
        switch try await meaning.version(event, for: app, sender: delivery.sender) {
        case .unknown(let name, let why):
            return DeliveryResult(app: app.name.text, version: name, state: .ignored, sentence: why)
        case .known(let version, let triggers):
            versions.append(version)
            guard triggers else {
                return DeliveryResult(
                    app: version.app, version: version.version, state: .ignored,
                    sentence: app.releaseOn == nil
                        ? "\(version.version) of \(version.app) is listed; without releaseOn nothing starts by itself"
                        : "\(version.version) of \(version.app) is listed; releaseOn does not name it")
            }
            return try await queue.submit(
                ReleaseQueue.Submission(
                    version: version, delivery: delivery.id, requester: .hook,
                    requestedBy: event.by.map { "\($0.safe.cut(100)) (\(delivery.sender))" } ?? delivery.sender,
                    reason: meaning.reason(event)))
        }
    }

    private func result(
        of call: DeployCall, _ delivery: Delivery, _ versions: inout [PushedVersion]
    ) async throws -> DeliveryResult {
        let app = try apps.configuration(call.app)
        var version = PushedVersion(
            app: call.app, version: call.version, digest: call.digest, image: call.image, commit: call.commit,
            commitTime: call.commitTime, ref: call.ref, url: call.url, pushedAt: delivery.at, sender: delivery.sender)
        if let image = try call.image.map({ try ImageReference($0) }) {
            version.digest = version.digest ?? image.digest
        } else {
            let meaning = DeliveryMeaning(apps: apps, journal: journal, lookup: lookup, now: clock.now)
            await meaning.complete(&version, of: app)
            versions.append(version)
        }
        return try await queue.submit(
            ReleaseQueue.Submission(
                version: version, delivery: delivery.id, requester: .script, requestedBy: call.by,
                reason: call.reason))
    }
}

extension Delivery {
    /// Nothing more becomes of it soon: no app's version is about to start.
    var isSettled: Bool {
        nextAt == nil && !results.contains { $0.state == .waiting && $0.sentence.hasSuffix("is about to start") }
    }
}

extension HookEvent {
    /// Who caused it, as the sender names them.
    var by: String? {
        switch self {
        case .pushed(let image): image.by
        case .built(let pipeline): pipeline.by
        case .deploymentRequested(let deployment): deployment.by
        }
    }
}
