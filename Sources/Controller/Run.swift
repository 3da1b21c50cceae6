import ReleaseMachine

/// A release while it is being run: the fold so far, and the effects that are under way.
struct Run {
    let engine: Engine
    let inbox: Inbox
    let observe: Engine.Observer
    private(set) var release: Release
    private var running: [Effect: Task<Void, Never>] = [:]
    private var tries: [Effect: Tries] = [:]
    /// When the clock was last looked at.
    private var lastTick: Timestamp

    private struct Tries {
        var count: Int
        var next: Timestamp
    }

    init(engine: Engine, release: Release, inbox: Inbox, observe: @escaping Engine.Observer) {
        self.engine = engine
        self.release = release
        self.inbox = inbox
        self.observe = observe
        lastTick = engine.clock.now
    }

    mutating func work(until stop: Engine.Stop) async throws -> Release {
        settle()
        if isOver(stop) { return release }
        for await message in inbox.messages {
            switch message {
            case .event(let event): try await append(event)
            case .ended(let effect, let error): try await end(effect, error)
            case .tick:
                try await takeInForeign()
                try await noticeAbsence()
                try await noticeDeadline()
            case .leaseLost(let lost): throw lost
            }
            if isOver(stop) { return release }
            settle()
        }
        throw CancellationError()
    }

    /// Stops what is under way and waits until it has stopped: nothing of this run acts after it.
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

    /// Makes what is running what the release asks for.
    private mutating func settle() {
        let wanted = release.effects
        for (effect, task) in running where !wanted.contains(effect) && effect.isInterruptible {
            // The node's staging, which comes after it, finds done what it has done.
            if case .prepare = effect, !release.isBackingOut { continue }
            task.cancel()
        }
        tries = tries.filter { wanted.contains($0.key) }
        var busy = Set(running.keys.map(\.place))
        for effect in wanted where running[effect] == nil && !busy.contains(effect.place) {
            if let tries = tries[effect], engine.clock.now < tries.next { continue }
            busy.insert(effect.place)
            running[effect] = Task(executorPreference: engine.executor) { [engine, inbox, release] in
                do {
                    try await engine.perform(effect, for: release) { inbox.send(.event($0)) }
                    inbox.send(.ended(effect, nil))
                } catch {
                    inbox.send(.ended(effect, error))
                }
            }
        }
    }

    private mutating func end(_ effect: Effect, _ error: (any Error)?) async throws {
        running[effect] = nil
        let count = (tries[effect]?.count ?? 0) + 1
        let wait = min(engine.pace.firstRetry * (1 << min(count - 1, 10)), engine.pace.lastRetry)
        tries[effect] = Tries(count: count, next: engine.clock.now + wait)
        switch error {
        case nil, is CancellationError: break
        case let refusal as Refusal:
            try await append(.refused(effect, message: refusal.message, details: refusal.details))
        case let lost as LeaseLost: throw lost
        case let error?:
            let message = String(describing: error)
            if release.trouble != message { try await append(.troubled(effect, message: message)) }
        }
    }

    // MARK: Time

    /// Between two looks at the clock nobody ran the release: the machine slept, the process was stopped, or the clock was set.
    private mutating func noticeAbsence() async throws {
        let now = engine.clock.now
        let gap = now - lastTick
        lastTick = now
        if gap >= engine.pace.absence { try await append(.resumed(milliseconds: gap.milliseconds)) }
    }

    private mutating func noticeDeadline() async throws {
        while let timer = release.timer, engine.clock.now >= timer.at {
            do {
                return try await appendNext(timer.event)
            } catch is JournalConflict {
                // What came first may have set another deadline.
                try await takeInForeign()
            }
        }
    }

    // MARK: Events

    private mutating func append(_ event: Event) async throws {
        while true {
            do {
                return try await appendNext(event)
            } catch is JournalConflict {
                // Somebody said something in the meantime: that came first.
                try await takeInForeign()
            }
        }
    }

    /// Appends the event behind those that this run has seen, or throws `JournalConflict` when there are others.
    private mutating func appendNext(_ event: Event) async throws {
        let recorded = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
        try engine.journal.append(recorded, app: release.order.app, number: release.order.number)
        await take(recorded)
    }

    /// Takes in what other processes appended: a person's word, given elsewhere.
    private mutating func takeInForeign() async throws {
        let events = try engine.journal.events(
            app: release.order.app,
            number: release.order.number,
            after: release.sequence
        )
        for event in events { await take(event) }
    }

    private mutating func take(_ recorded: RecordedEvent) async {
        release.apply(recorded)
        await observe(recorded, release)
    }
}

extension Effect {
    /// Two effects in one place never overlap: what is done next must find what was done before.
    fileprivate var place: String { node ?? "cluster" }

    /// A node that is being switched is left to finish: its script is bounded by its own deadline, and a half-known node is worse
    /// than a moment's wait.
    fileprivate var isInterruptible: Bool {
        switch self {
        case .switchNode, .revertNode, .recordLive: false
        default: true
        }
    }
}
