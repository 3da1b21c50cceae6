import ReleaseMachine

/// A release while it is being run: its state so far, and the effects that are running.
struct RunningRelease {
    let engine: Engine
    let queue: MessageQueue
    let observe: Engine.Observer
    private(set) var release: Release
    /// The newest event that this run has read or appended.
    private var end: JournalEnd
    private var running: [Effect: Task<Void, Never>] = [:]
    private var attempts: [Effect: Attempts] = [:]
    /// When the clock was last read.
    private var lastTick: Timestamp
    /// For how long the journal did not answer, when that was long enough to be told.
    private var journalOutage: Duration?

    private struct Attempts {
        var count: Int
        var next: Timestamp
    }

    /// `end` is the last event of `release`.
    init(
        engine: Engine, release: Release, end: JournalEnd, queue: MessageQueue, observe: @escaping Engine.Observer
    ) {
        self.engine = engine
        self.release = release
        self.end = end
        self.queue = queue
        self.observe = observe
        lastTick = engine.clock.now
    }

    mutating func work(until stop: Engine.Stop) async throws -> Release {
        reconcileEffects()
        if isOver(stop) { return release }
        for await _ in queue.signals {
            try await handle(queue.take())
            if isOver(stop) { return release }
            reconcileEffects()
        }
        throw CancellationError()
    }

    private mutating func handle(_ messages: MessageQueue.Messages) async throws {
        var events: [Event] = []
        for result in messages.results {
            switch result {
            case .event(let event): events.append(event)
            case .ended(let effect, let error):
                recordAttempt(of: effect)
                switch error {
                case nil, is CancellationError: break
                case let refusal as Refusal:
                    events.append(.refused(effect, message: refusal.message, details: refusal.details))
                case let error?:
                    try await append(events)
                    events = []
                    if error is LeaseLost { throw error }
                    let message = String(describing: error)
                    if release.problem != message { events.append(.troubled(effect, message: message)) }
                }
            }
        }
        try await append(events)
        if messages.hasJournalChanged { try await applyForeignEvents() }
        if messages.hasTicked {
            try await recordInterruption()
            try await recordDeadline()
        }
    }

    /// Stops the running effects and waits until they have ended: no effect of this run acts afterwards.
    mutating func stopAll() async {
        let stopped = running.sorted { $0.key.isBefore($1.key) }
        for (effect, task) in stopped where effect.isInterruptible { task.cancel() }
        for (_, task) in stopped { await task.value }
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
        let unwanted = running.filter { !wanted.contains($0.key) && $0.key.isInterruptible }
        for (effect, task) in unwanted.sorted(by: { $0.key.isBefore($1.key) }) {
            // Staging follows on this node and uses what was prepared.
            if case .prepare = effect, !release.isBackingOut { continue }
            task.cancel()
        }
        attempts = attempts.filter { wanted.contains($0.key) }
        var busy = Set(running.keys.map(\.place))
        let startable = wanted.filter { effect in
            running[effect] == nil && !busy.contains(effect.place)
                && attempts[effect].map { engine.clock.now >= $0.next } ?? true
        }
        // In the same order in every process: simulations are repeated.
        for effect in startable.sorted(by: { $0.isBefore($1) }) where busy.insert(effect.place).inserted {
            running[effect] = Task(executorPreference: engine.executor) { [engine, queue, release] in
                do {
                    try await engine.recordJournal(before: effect)
                    try await engine.perform(effect, for: release) { queue.send(.event($0)) }
                    queue.send(.ended(effect, nil))
                } catch {
                    queue.send(.ended(effect, error))
                }
            }
        }
    }

    private mutating func recordAttempt(of effect: Effect) {
        running[effect] = nil
        let count = (attempts[effect]?.count ?? 0) + 1
        let wait = min(engine.pace.firstRetry * (1 << min(count - 1, 10)), engine.pace.lastRetry)
        attempts[effect] = Attempts(count: count, next: engine.clock.now + wait)
    }

    // MARK: Time

    /// Records that the release was not run between two ticks: the journal did not answer, the machine slept, the process was stopped, or
    /// the clock was set.
    private mutating func recordInterruption() async throws {
        let now = engine.clock.now
        let gap = now - lastTick
        lastTick = now
        var events: [Event] = []
        if let length = journalOutage {
            journalOutage = nil
            events.append(.said(LogMessage("The journal did not answer for \(length.short): the release waited")))
        }
        if gap >= engine.pace.absence { events.append(.resumed(milliseconds: gap.milliseconds)) }
        try await append(events)
    }

    private mutating func recordDeadline() async throws {
        while let timer = release.timer, engine.clock.now >= timer.at {
            // After events of another process the deadline may be another one.
            if try await appendNext([timer.event]) { return }
        }
    }

    // MARK: Events

    private mutating func append(_ events: [Event]) async throws {
        var rest = events[...]
        while !rest.isEmpty, !release.state.hasEnded {
            let some = rest.prefix(Self.mostEvents)
            if try await appendNext(Array(some)) { rest = rest.dropFirst(some.count) }
        }
    }

    /// So many events are appended in one transaction.
    private static let mostEvents = 200

    /// Appends the events together after the last one that this run has read. While the journal does not answer, the release does nothing
    /// new: effects that run may finish, their results wait.
    /// - Returns: false when another process appended first. Nothing was appended then, and that process's events were applied.
    private mutating func appendNext(_ events: [Event]) async throws -> Bool {
        var next = release
        var entries: [RecordedEvent] = []
        for event in events where !next.state.hasEnded {
            guard let event = next.journaled(event) else { continue }
            let entry = RecordedEvent(sequence: next.sequence + 1, at: engine.clock.now, event: event)
            next.apply(entry)
            entries.append(entry)
        }
        guard !entries.isEmpty else { return true }
        do {
            let start = engine.clock.now
            defer { noteOutage(since: start) }
            try await engine.append(entries, after: release)
        } catch is JournalConflict {
            try await applyForeignEvents()
            return false
        }
        for entry in entries { await apply(entry) }
        return true
    }

    /// Applies events that other processes appended: requests from people.
    /// - Throws: `JournalWentBack` when the last event that this run knows is not there any more.
    private mutating func applyForeignEvents() async throws {
        let (start, app, end) = (engine.clock.now, release.order.app, end)
        let events = try await engine.untilAnswered { [engine] in try await engine.events(app: app, after: end) }
        noteOutage(since: start)
        for event in events { await apply(event) }
    }

    private mutating func noteOutage(since start: Timestamp) {
        let length = engine.clock.now - start
        if length >= engine.pace.absence { journalOutage = length }
    }

    private mutating func apply(_ recorded: RecordedEvent) async {
        release.apply(recorded)
        end = JournalEnd(release: release.order.number, recorded)
        await engine.cluster.journalHas(end)
        await observe(recorded, release)
    }
}

extension Effect {
    /// An order for effects that are wanted at the same time: at most one of them has no node.
    fileprivate func isBefore(_ other: Effect) -> Bool { node ?? "" < other.node ?? "" }

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
