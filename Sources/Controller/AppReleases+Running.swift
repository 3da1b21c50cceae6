import ReleaseMachine

extension AppReleases {
    func begin(
        lease: LeaseTerm,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer,
        order: (Int) -> Order
    ) async throws -> Release {
        try settleHistory()
        try await settleRecord()
        var last = try lastNumber(lease)
        // Journal and cluster may both have been lost; nodes refuse a number that is lower than what they have seen. What cannot be
        // asked here, the survey says.
        if last == 0 { last = (try? await engine.nodes.lastRelease()) ?? 0 }
        guard last < Order.highestNumber else {
            throw Refusal(
                "a node says that it has seen release \(name)/\(last): no release can be numbered above it",
                details: ["to fix: remove .viridian/\(name).token beside the upstream file on that node"])
        }
        let number = last + 1
        let first = RecordedEvent(sequence: 1, at: engine.clock.now, event: .requested(order(number)))
        try engine.journal.append(first, app: name, number: number)
        try await engine.cluster.note(release: number)
        if let release = Release(first) { await observe(first, release) }
        let ended = try await run(number, lease, until: stop, observe: observe)
        try settleHistory()
        return ended
    }

    /// The highest number that any release is known to have had, by journal and cluster.
    func lastNumber(_ lease: LeaseTerm) throws -> Int {
        if let unreadable = lease.unreadable { throw unreadable }
        let last = try engine.journal.lastNumber(app: name)
        guard last < Order.highestNumber else {
            throw Refusal(
                "the journal's newest release is \(name)/\(last): no release can be numbered above it",
                details: [
                    "to fix: name another journal in viridian.yaml. What is live is read from the cluster and the nodes"
                ])
        }
        return max(last, lease.lastRelease)
    }

    func takeUp(
        _ number: Int,
        _ lease: LeaseTerm,
        by: String,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        // The process that began it may have died before it could.
        if number < Order.highestNumber { try await engine.cluster.note(release: number) }
        let (event, told) = try append(.takenUp(by: by), to: number)
        await observe(event, told)
        let ended = try await run(number, lease, until: stop, observe: observe)
        try settleHistory()
        return ended
    }

    /// Appends an event that is true whatever has happened meanwhile, behind whatever others append in the same moment.
    func append(_ event: Event, to number: Int) throws -> (RecordedEvent, Release) {
        while true {
            var release = try release(number)
            let event = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
            do {
                try engine.journal.append(event, app: name, number: number)
            } catch is JournalConflict {
                continue  // A word was said in the same moment: it comes first.
            }
            release.apply(event)
            return (event, release)
        }
    }

    /// Puts a word into the journal, and runs the release here when the process that ran it has gone.
    func say(
        _ event: Event,
        to release: Release,
        by: String,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let number = release.order.number
        let word = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
        do {
            try engine.journal.append(word, app: name, number: number)
        } catch is JournalConflict {
            // Something happened in the same moment: whether the word still applies is looked at again.
            switch event {
            case .promoted: return try await promote(by: by, observe: observe)
            case .abortRequested(_, let reason): return try await abort(by: by, reason: reason, observe: observe)
            default: throw JournalConflict()
            }
        }
        var release = release
        release.apply(word)
        await observe(word, release)
        let patience = Patience(every: .seconds(2), clock: engine.clock)
        let told = Told(from: word.sequence)
        while true {
            do {
                return try await withLease { lease in
                    let now = try self.release(number)
                    if now.state.hasEnded {
                        return try await follow(number, after: await told.last, observe: observe) ?? now
                    }
                    return try await takeUp(number, lease, by: by, until: .whenEnded, observe: observe)
                }
            } catch is LeaseHeld {
                // Its engine sees the word. Should that engine die, the next look takes the release over.
                let ended = try await follow(
                    number,
                    after: await told.last,
                    shouldGoOn: { await patience.isLeft },
                    observe: { recorded, release in
                        await told.tell(recorded.sequence)
                        await observe(recorded, release)
                    }
                )
                if let ended { return ended }
            }
        }
    }

    func withLease<T>(_ body: (LeaseTerm) async throws -> T) async throws -> T {
        let lease: LeaseTerm
        do {
            lease = try await engine.cluster.acquireLease()
        } catch let held as LeaseHeld {
            throw held.naming(try latest())
        }
        do {
            let value = try await body(lease)
            await giveLeaseBack()
            return value
        } catch {
            await giveLeaseBack()
            throw error
        }
    }

    /// Also when this task was cancelled: otherwise other machines would wait for the lease to run out.
    func giveLeaseBack() async {
        await Task(executorPreference: engine.executor) { [cluster = engine.cluster] in
            await cluster.releaseLease()
        }.value
    }

    /// Tells releases that were live that a newer one is.
    func settleHistory() throws {
        let live = try engine.journal.releases(app: name, limit: 50, before: nil).filter { $0.state == .live }
        guard let newest = live.first else { return }
        let wentBack = if case .rollback = newest.order.kind { true } else { false }
        for older in live.dropFirst() {
            let event = Event.replaced(by: newest.order.number, rolledBack: wentBack)
            let recorded = RecordedEvent(sequence: older.sequence + 1, at: engine.clock.now, event: event)
            try engine.journal.append(recorded, app: name, number: older.order.number)
        }
    }
}

/// How long to go on with something before looking elsewhere.
actor Patience {
    private let every: Duration
    private let clock: any ReleaseClock
    private var until: Timestamp

    init(every: Duration, clock: any ReleaseClock) {
        self.every = every
        self.clock = clock
        until = clock.now + every
    }

    var isLeft: Bool {
        guard clock.now >= until else { return true }
        until = clock.now + every
        return false
    }
}

/// How far a release has been told to whoever watches it.
actor Told {
    private(set) var last: Int

    init(from sequence: Int) {
        last = sequence
    }

    func tell(_ sequence: Int) { last = max(last, sequence) }
}
