import ReleaseMachine

extension AppReleases {
    func begin(
        lease: LeaseTerm,
        until stop: Engine.Stop,
        note: String? = nil,
        observe: @escaping Engine.Observer,
        order: (Int) -> Order
    ) async throws -> Release {
        try await markReplacedReleases()
        try await recordLiveIfMissing()
        var last = try await lastNumber(lease)
        // Journal and cluster may both have been lost; nodes refuse a number that is lower than what they have seen. When they do not
        // answer here, the survey reports it.
        if last == 0 { last = (try? await engine.nodes.lastRelease()) ?? 0 }
        // A request whose answer was lost may have come to the journal since its newest release was looked at.
        let newest = try await latest()
        if let open = newest, !open.state.hasEnded { throw Interrupted(release: open, app: app) }
        guard last < Order.highestNumber else {
            throw Refusal(
                "a node has seen release \(name)/\(last): no release can have a higher number",
                details: ["to fix: remove .viridian/\(name).token beside the upstream file on that node"])
        }
        let number = last + 1
        var order = order(number)
        order.live = try await liveCommit()
        let first = RecordedEvent(sequence: 1, at: engine.clock.now, event: .requested(order))
        try await engine.journal.append(first, app: name, number: number)
        // It may have gone back between the check and this append. One without a release of the app was a new one.
        if newest != nil { try await checkJournal(lease) }
        await engine.cluster.journalHas(JournalEnd(release: number, first))
        try await engine.cluster.note(release: number)
        if let release = Release(first) { await observe(first, release) }
        if let note {
            let (said, release) = try await append(.said(LogMessage("Note: \(note)")), to: number)
            await observe(said, release)
        }
        let ended = try await run(number, lease, until: stop, observe: observe)
        await markReplacedReleasesIfPossible()
        return ended
    }

    /// The highest release number in journal and cluster; 0 when there is none.
    func lastNumber(_ lease: LeaseTerm) async throws -> Int {
        if let unreadable = lease.unreadable { throw unreadable }
        let last = try await engine.journal.lastNumber(app: name)
        guard last < Order.highestNumber else {
            throw Refusal(
                "the journal's newest release is \(name)/\(last): no release can have a higher number",
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
        // The process that started it may have died before this.
        if number < Order.highestNumber { try await engine.cluster.note(release: number) }
        let (event, release) = try await append(.takenUp(by: by), to: number)
        await observe(event, release)
        let ended = try await run(number, lease, until: stop, observe: observe)
        await markReplacedReleasesIfPossible()
        return ended
    }

    /// Appends an event that applies whatever has happened since, after any event that another process appends at the same time.
    func append(_ event: Event, to number: Int) async throws -> (RecordedEvent, Release) {
        while true {
            var release = try await release(number)
            let event = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
            do {
                try await engine.journal.append(event, app: name, number: number)
            } catch is JournalConflict {
                continue  // Another event came first.
            }
            release.apply(event)
            return (event, release)
        }
    }

    /// Runs the release here when no other process does, after a request that is in the journal.
    func carryOut(
        _ request: RecordedEvent,
        _ release: Release,
        by: String,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let number = release.order.number
        await observe(request, release)
        let leaseCheck = RepeatingDeadline(every: .seconds(2), clock: engine.clock)
        let reported = ReportedEvents(upTo: request.sequence)
        while true {
            do {
                return try await withLease { lease in
                    let now = try await self.release(number)
                    if now.state.hasEnded {
                        return try await follow(number, after: await reported.lastSequence, observe: observe) ?? now
                    }
                    return try await takeUp(number, lease, by: by, until: .whenEnded, observe: observe)
                }
            } catch is LeaseHeld {
                // The process that holds the lease acts on the request. If it dies, the next attempt runs the release here.
                let ended = try await follow(
                    number,
                    after: await reported.lastSequence,
                    shouldGoOn: { await leaseCheck.hasTimeLeft },
                    observe: { recorded, release in
                        await reported.add(recorded, number)
                        await observe(recorded, release)
                    }
                )
                if let ended { return ended }
            }
        }
    }

    /// Acquires the app's lease for as long as `body` runs.
    /// - Throws: `LeaseHeld`; `JournalWentBack` unless `checkingJournal` is false; with `isFirst`, which says that nothing was written before,
    ///   `ClusterUnreached` when the cluster does not give the lease.
    func withLease<T>(
        checkingJournal: Bool = true, isFirst: Bool = false, _ body: (LeaseTerm) async throws -> T
    ) async throws -> T {
        let lease: LeaseTerm
        do {
            lease = try await acquireLease()
        } catch let held as LeaseHeld {
            throw held.naming(try await latest())
        } catch let error where isFirst && !(error is CancellationError || error is Refusal) {
            throw ClusterUnreached(cause: error)
        }
        do {
            if checkingJournal { try await checkJournal(lease) }
            let value = try await body(lease)
            await returnLease()
            return value
        } catch {
            await returnLease()
            throw error
        }
    }

    func acquireLease() async throws -> LeaseTerm {
        let began = engine.clock.now
        var lease = try await engine.cluster.acquireLease()
        lease.end = began + lease.duration
        return lease
    }

    /// Releases the lease, also when this task was cancelled: otherwise other machines would wait until it expires.
    func returnLease() async {
        await Task(executorPreference: engine.executor) { [cluster = engine.cluster] in
            await cluster.releaseLease()
        }.value
    }

    /// After a release has ended: what cannot be recorded now is recorded before the next one.
    private func markReplacedReleasesIfPossible() async { try? await markReplacedReleases() }

    /// Records in releases that were live that a newer one has replaced them.
    func markReplacedReleases() async throws {
        let live = try await engine.journal.releases(app: name, limit: 50, before: nil).filter { $0.state == .live }
        guard let newest = live.first else { return }
        for older in live.dropFirst() {
            let event = Event.replaced(by: newest.order.number, rolledBack: newest.order.isRollback)
            let recorded = RecordedEvent(sequence: older.sequence + 1, at: engine.clock.now, event: event)
            try await engine.journal.append(recorded, app: name, number: older.order.number)
        }
    }
}

/// A deadline that is set again each time it is found to have passed.
actor RepeatingDeadline {
    private let every: Duration
    private let clock: any ReleaseClock
    private var until: Timestamp

    init(every: Duration, clock: any ReleaseClock) {
        self.every = every
        self.clock = clock
        until = clock.now + every
    }

    var hasTimeLeft: Bool {
        guard clock.now >= until else { return true }
        until = clock.now + every
        return false
    }
}

/// The last event of a release that was reported to the caller.
actor ReportedEvents {
    private(set) var lastSequence: Int
    /// `nil` until one is reported.
    private(set) var end: JournalEnd?

    init(upTo sequence: Int) {
        lastSequence = sequence
    }

    func add(_ event: RecordedEvent, _ release: Int) {
        guard event.sequence > lastSequence else { return }
        lastSequence = event.sequence
        end = JournalEnd(release: release, event)
    }
}
