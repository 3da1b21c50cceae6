import ReleaseMachine

/// A release while it is being run: its state so far, and the effects that are running.
struct RunningRelease {
    let engine: Engine
    let queue: MessageQueue
    let observe: Engine.Observer
    private(set) var release: Release
    private var running: [Effect: Task<Void, Never>] = [:]
    private var attempts: [Effect: Attempts] = [:]
    /// When the clock was last read.
    private var lastTick: Timestamp

    private struct Attempts {
        var count: Int
        var next: Timestamp
    }

    init(engine: Engine, release: Release, queue: MessageQueue, observe: @escaping Engine.Observer) {
        self.engine = engine
        self.release = release
        self.queue = queue
        self.observe = observe
        lastTick = engine.clock.now
    }

    mutating func work(until stop: Engine.Stop) async throws -> Release {
        reconcileEffects()
        if isOver(stop) { return release }
        for await message in queue.messages {
            switch message {
            case .event(let event): try await append(event)
            case .ended(let effect, let error): try await end(effect, error)
            case .journalChanged: try await applyForeignEvents()
            case .tick:
                try await recordInterruption()
                try await recordDeadline()
            case .leaseLost(let lost): throw lost
            }
            if isOver(stop) { return release }
            reconcileEffects()
        }
        throw CancellationError()
    }

    /// Stops the running effects and waits until they have ended: no effect of this run acts afterwards.
    mutating func stopAll() async {
        for (effect, task) in running where effect.isInterruptible { task.cancel() }
        for task in running.values { await task.value }
        running = [:]
    }

    private func isOver(_ stop: Engine.Stop) -> Bool {
        if release.state.hasEnded { return true }
        return stop == .whenPaused && release.state == .paused && running.isEmpty
    }

    // MARK: Effects

    /// Stops effects that the release no longer names, and starts those that are not running.
    private mutating func reconcileEffects() {
        let wanted = release.effects
        for (effect, task) in running where !wanted.contains(effect) && effect.isInterruptible {
            // Staging follows on this node and uses what was prepared.
            if case .prepare = effect, !release.isBackingOut { continue }
            task.cancel()
        }
        attempts = attempts.filter { wanted.contains($0.key) }
        var busy = Set(running.keys.map(\.place))
        for effect in wanted where running[effect] == nil && !busy.contains(effect.place) {
            if let last = attempts[effect], engine.clock.now < last.next { continue }
            busy.insert(effect.place)
            running[effect] = Task(executorPreference: engine.executor) { [engine, queue, release] in
                do {
                    try await engine.perform(effect, for: release) { queue.send(.event($0)) }
                    queue.send(.ended(effect, nil))
                } catch {
                    queue.send(.ended(effect, error))
                }
            }
        }
    }

    private mutating func end(_ effect: Effect, _ error: (any Error)?) async throws {
        running[effect] = nil
        let count = (attempts[effect]?.count ?? 0) + 1
        let wait = min(engine.pace.firstRetry * (1 << min(count - 1, 10)), engine.pace.lastRetry)
        attempts[effect] = Attempts(count: count, next: engine.clock.now + wait)
        switch error {
        case nil, is CancellationError: break
        case let refusal as Refusal:
            try await append(.refused(effect, message: refusal.message, details: refusal.details))
        case let lost as LeaseLost: throw lost
        case let error?:
            let message = String(describing: error)
            if release.problem != message { try await append(.troubled(effect, message: message)) }
        }
    }

    // MARK: Time

    /// Records that the release was not run between two ticks: the machine slept, the process was stopped, or the clock was set.
    private mutating func recordInterruption() async throws {
        let now = engine.clock.now
        let gap = now - lastTick
        lastTick = now
        if gap >= engine.pace.absence { try await append(.resumed(milliseconds: gap.milliseconds)) }
    }

    private mutating func recordDeadline() async throws {
        while let timer = release.timer, engine.clock.now >= timer.at {
            do {
                return try await appendNext(timer.event)
            } catch is JournalConflict {
                // The event that came first may have set another deadline.
                try await applyForeignEvents()
            }
        }
    }

    // MARK: Events

    private mutating func append(_ event: Event) async throws {
        while true {
            do {
                return try await appendNext(event)
            } catch is JournalConflict {
                // An event of another process came first.
                try await applyForeignEvents()
            }
        }
    }

    /// Appends the event after the last one that this run has read, or throws `JournalConflict` when another process appended one.
    private mutating func appendNext(_ event: Event) async throws {
        let recorded = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
        try await engine.journal.append(recorded, app: release.order.app, number: release.order.number)
        await apply(recorded)
    }

    /// Applies events that other processes appended: requests from people.
    private mutating func applyForeignEvents() async throws {
        let events = try await engine.journal.events(
            app: release.order.app,
            number: release.order.number,
            after: release.sequence
        )
        for event in events { await apply(event) }
    }

    private mutating func apply(_ recorded: RecordedEvent) async {
        release.apply(recorded)
        await observe(recorded, release)
    }
}

extension Effect {
    /// Effects in the same place never overlap: each has to see the result of the one before.
    fileprivate var place: String { node ?? "cluster" }

    /// A switch is not interrupted: the node script has its own deadline, and a node in an unknown state is worse than the wait.
    fileprivate var isInterruptible: Bool {
        switch self {
        case .switchNode, .revertNode, .recordLive: false
        default: true
        }
    }
}
