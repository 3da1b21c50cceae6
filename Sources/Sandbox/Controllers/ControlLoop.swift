import Kubernetes
import Logging

/// The keys to reconcile, each at most once.
private actor WorkQueue {
    private var queued: Set<ObjectKey> = []
    private var failures: [ObjectKey: Int] = [:]
    private var scheduled: [ObjectKey: ContinuousClock.Instant] = [:]
    private let continuation: AsyncStream<ObjectKey>.Continuation
    nonisolated let keys: AsyncStream<ObjectKey>

    init() {
        (keys, continuation) = AsyncStream.makeStream()
    }

    func add(_ key: ObjectKey) {
        if queued.insert(key).inserted { continuation.yield(key) }
    }

    /// Removes a key, so that it can be added again.
    func take(_ key: ObjectKey) { queued.remove(key) }

    /// Schedules adding the key again.
    ///
    /// - Returns: `false` when an earlier time is already scheduled.
    func schedule(_ key: ObjectKey, at time: ContinuousClock.Instant) -> Bool {
        if let sooner = scheduled[key], sooner <= time { return false }
        scheduled[key] = time
        return true
    }

    func addScheduled(_ key: ObjectKey, at time: ContinuousClock.Instant) {
        if scheduled[key] == time { scheduled[key] = nil }
        add(key)
    }

    func succeeded(_ key: ObjectKey) { failures[key] = nil }

    /// The delay before the next attempt: 10 ms, doubling up to 10 s.
    func failed(_ key: ObjectKey) -> Duration {
        let count = failures[key, default: 0]
        failures[key] = count + 1
        return min(.milliseconds(10) * (1 << min(count, 10)), .seconds(10))
    }
}

/// The control loop of a controller: watches collections and reconciles the keys that their changes affect.
struct ControlLoop: Sendable {
    struct Source: Sendable {
        var type: ResourceType
        /// The keys that a change of an object affects.
        var keys: @Sendable (JSON) async -> [ObjectKey]
    }

    let name: String
    let store: ObjectStore
    let logger: Logger
    let sources: [Source]
    /// Reconciles one key; returns the delay after which to reconcile it again, if any.
    let reconcile: @Sendable (ObjectKey) async throws -> Duration?

    func run() async {
        let queue = WorkQueue()
        await withDiscardingTaskGroup { group in
            for source in sources {
                group.addTask {
                    for await event in await store.watch(source.type) {
                        for key in await source.keys(event.object) { await queue.add(key) }
                    }
                }
            }
            for await key in queue.keys {
                await queue.take(key)
                let delay: Duration?
                do {
                    delay = try await reconcile(key)
                    await queue.succeeded(key)
                } catch {
                    logger.debug("retry", metadata: ["controller": "\(name)", "key": "\(key)", "error": "\(error)"])
                    delay = await queue.failed(key)
                }
                guard let delay else { continue }
                let time = ContinuousClock.now + delay
                guard await queue.schedule(key, at: time) else { continue }
                group.addTask {
                    try? await Task.sleep(until: time, clock: .continuous)
                    await queue.addScheduled(key, at: time)
                }
            }
            group.cancelAll()
        }
    }
}
