import ReleaseMachine

/// Runs one release: keeps the effects running that `Release.effects` names, and appends their results to the journal as events.
///
/// Every event is in the journal before it changes anything: after a crash at any instant, another process folds the journal and
/// continues. All decisions are made in `Release`.
package struct Engine: Sendable {
    package enum Stop: Sendable { case whenEnded, whenPaused }

    package typealias Observer = @Sendable (RecordedEvent, Release) async -> Void

    package struct Pace: Sendable {
        /// How often deadlines are checked, and effects that failed are looked at again.
        package var tick: Duration = .milliseconds(50)
        /// The pause between two attempts of an effect: doubled from the first to the last.
        package var firstRetry: Duration = .milliseconds(200)
        package var lastRetry: Duration = .seconds(5)
        /// Within this time those who follow a release look at what else they wait for.
        package var look: Duration = .seconds(2)
        /// Between two reads of what is still open during the drain.
        package var drainPoll: Duration = .milliseconds(250)
        /// Between two checks whether a node that does not answer during the drain is still in the inventory.
        package var inventoryCheck: Duration = .seconds(10)
        /// A gap between two ticks of at least this length means that the release was not run in between.
        package var absence: Duration = .seconds(10)
        /// How long a release is kept stopped, to be continued, while the cluster does not answer.
        package var outage: Duration = .seconds(900)

        package init() {}
    }

    let cluster: any Cluster
    let nodes: any Nodes
    let journal: any ReleaseJournal
    let clock: any ReleaseClock
    let pace: Pace
    /// Where effects run; `nil` is Swift's default. Tests use their own, which knows when all effects are waiting.
    let executor: (any TaskExecutor)?

    package init(
        cluster: any Cluster,
        nodes: any Nodes,
        journal: any ReleaseJournal,
        clock: any ReleaseClock,
        pace: Pace = Pace(),
        executor: (any TaskExecutor)? = nil
    ) {
        self.cluster = cluster
        self.nodes = nodes
        self.journal = journal
        self.clock = clock
        self.pace = pace
        self.executor = executor
    }

    /// Runs the release until it has ended, or, with `.whenPaused`, until it is awaiting promotion. The caller holds the app's lease.
    ///
    /// Cancelling stops all effects and leaves the release as it is in the journal: safe, and resumable by running it again.
    /// - Throws: `LeaseLost` when another process holds the lease or it expired, `CancellationError` when cancelled, `JournalWentBack` when
    ///   the journal has lost events that it had acknowledged, the journal's error when it cannot be written.
    package func run(
        app: String,
        number: Int,
        until stop: Stop = .whenEnded,
        lease: LeaseTerm,
        observe: @escaping Observer = { _, _ in }
    ) async throws -> Release {
        let queue = MessageQueue()
        let end = try await renewIfOld(lease)
        return try await withThrowingTaskGroup(of: Release?.self, returning: Release.self) { group in
            group.addTask {
                try await keepLease(lease.duration, until: end)
                return nil
            }
            group.addTask { [journal] in
                for await _ in journal.changes(of: app) { queue.journalHasChanged() }
                return nil
            }
            group.addTask { [clock, pace] in
                while !Task.isCancelled {
                    try? await clock.sleep(for: pace.tick)
                    queue.tick()
                }
                return nil
            }
            group.addTask { try await work(app, number, until: stop, lease.journal, queue, observe) }
            // A lease that is lost cancels the work, also while the journal does not answer.
            defer { group.cancelAll() }
            for try await release in group { if let release { return release } }
            throw CancellationError()
        }
    }

    private func work(
        _ app: String, _ number: Int, until stop: Stop, _ seen: JournalEnd?, _ queue: MessageQueue,
        _ observe: @escaping Observer
    ) async throws -> Release {
        let events = try await untilAnswered { try await journal.events(app: app, number: number, after: 0) }
        guard let release = Release(folding: events), let last = events.last else {
            throw Refusal("there is no release \(app)/\(number)")
        }
        let end = JournalEnd(release: number, last)
        // It may have gone back since the lease was acquired.
        if let seen, seen.release == number, !events.contains(where: { JournalEnd(release: number, $0) == seen }) {
            throw JournalWentBack(app: app, seen: seen, found: end, newest: number)
        }
        await cluster.journalHas(end)
        var run = RunningRelease(engine: self, release: release, end: end, queue: queue, observe: observe)
        do {
            let release = try await run.work(until: stop)
            await run.stopAll()
            return release
        } catch {
            await run.stopAll()
            throw error
        }
    }

    // MARK: The lease

    /// Renews a lease before anything is done when a third of its time is over: the journal was slow since it was acquired.
    /// - Returns: when it expires.
    private func renewIfOld(_ lease: LeaseTerm) async throws -> Timestamp {
        guard let end = lease.end else { return clock.now + lease.duration }
        guard clock.now + lease.duration * 2 / 3 > end else { return end }
        let renewed = clock.now + lease.duration
        do {
            try await renewLease(before: renewed)
        } catch let error where !(error is LeaseLost || error is CancellationError) {
            throw LeaseLost(outage: "\(error)")
        }
        return renewed
    }

    /// Renews three times in the lease's duration: two renewals may fail before it is lost. Returns when it is cancelled.
    private func keepLease(_ duration: Duration, until firstEnd: Timestamp) async throws(LeaseLost) {
        var end = firstEnd
        var wait = end - clock.now - duration * 2 / 3
        while true {
            do {
                try await clock.sleep(for: max(min(wait, end - clock.now), .zero))
                let began = clock.now
                try await renewLease(before: end)
                end = began + duration
                wait = duration / 3
            } catch let lost as LeaseLost {
                throw lost
            } catch {
                if Task.isCancelled { return }
                wait = min(duration / 3, .seconds(1))
                // While the API does not answer, another process may have acquired the lease as soon as it expires: stop then.
                if clock.now >= end { throw LeaseLost(outage: "\(error)") }
            }
        }
    }

    /// Cancels a call that hangs when the lease expires: from then on another process may hold it.
    private func renewLease(before end: Timestamp) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [cluster] in try await cluster.renewLease() }
            group.addTask { [clock] in
                try await clock.sleep(for: max(end - clock.now, .zero))
                throw RenewalTookTooLong()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private struct RenewalTookTooLong: Error, CustomStringConvertible {
        var description: String { "the renewal was not answered" }
    }
}
