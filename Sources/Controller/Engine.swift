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
    /// - Throws: `LeaseLost` when another process holds the lease or it expired, `CancellationError` when cancelled, the journal's error
    ///   when it cannot be written.
    package func run(
        app: String,
        number: Int,
        until stop: Stop = .whenEnded,
        lease: LeaseTerm,
        observe: @escaping Observer = { _, _ in }
    ) async throws -> Release {
        guard let release = Release(folding: try await journal.events(app: app, number: number, after: 0)) else {
            throw Refusal("there is no release \(app)/\(number)")
        }
        let queue = MessageQueue()
        return try await withThrowingTaskGroup(of: Void.self, returning: Release.self) { group in
            group.addTask { await renewLease(lease, queue) }
            group.addTask { [journal] in for await _ in journal.changes(of: app) { queue.send(.journalChanged) } }
            group.addTask { [clock, pace] in
                while !Task.isCancelled {
                    try? await clock.sleep(for: pace.tick)
                    queue.send(.tick)
                }
            }
            defer { group.cancelAll() }
            var run = RunningRelease(engine: self, release: release, queue: queue, observe: observe)
            do {
                let release = try await run.work(until: stop)
                await run.stopAll()
                return release
            } catch {
                await run.stopAll()
                throw error
            }
        }
    }

    /// Renews three times in the lease's duration: two renewals may fail before it is lost.
    private func renewLease(_ lease: LeaseTerm, _ queue: MessageQueue) async {
        var end = clock.now + lease.duration
        var wait = lease.duration / 3
        while true {
            do {
                try await clock.sleep(for: min(wait, max(end - clock.now, .zero)))
                let began = clock.now
                try await renewLease(before: end)
                end = began + lease.duration
                wait = lease.duration / 3
            } catch let lost as LeaseLost {
                return queue.send(.leaseLost(lost))
            } catch {
                if Task.isCancelled { return }
                wait = min(wait, .seconds(1))
                // While the API does not answer, another process may have acquired the lease as soon as it expires: stop then.
                if clock.now >= end {
                    return queue.send(.leaseLost(LeaseLost(outage: "\(error)")))
                }
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
