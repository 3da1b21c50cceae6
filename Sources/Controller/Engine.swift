import ReleaseMachine

/// Runs one release: keeps the effects running that it asks for, writes down what comes of them, and asks again.
///
/// Every event is in the journal before it changes anything, so that a process that dies at any instant is followed by one that
/// folds the journal and goes on. Nothing here decides; `Release` does.
package struct Engine: Sendable {
    package enum Stop: Sendable { case whenEnded, whenPaused }

    package typealias Observer = @Sendable (RecordedEvent, Release) async -> Void

    package struct Pace: Sendable {
        /// How often the journal is asked for what other processes appended, and timers are looked at.
        package var tick: Duration = .milliseconds(50)
        /// Between two tries of an effect: doubled from the first to the last.
        package var firstRetry: Duration = .milliseconds(200)
        package var lastRetry: Duration = .seconds(5)
        /// Between two looks at what the drain still holds.
        package var drainPoll: Duration = .milliseconds(250)
        /// Between two questions whether a node that does not answer the drain is still in the inventory.
        package var rollCall: Duration = .seconds(10)
        /// So long between two ticks means that nobody ran the release in between.
        package var absence: Duration = .seconds(10)
        /// For how long a release whose cluster does not answer is held, stopped, to go on with when it does.
        package var outage: Duration = .seconds(900)

        package init() {}
    }

    let cluster: any Cluster
    let nodes: any Nodes
    let journal: any ReleaseJournal
    let clock: any ReleaseClock
    let pace: Pace
    /// Where effects run; `nil` is where Swift runs tasks. A test's own one knows when none of them can go on.
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

    /// Runs the release until it has ended, or waits for a person where `stop` says so. The caller holds the app's lease.
    ///
    /// Cancelling stops all effects and leaves the release as the journal tells it: safe, and resumable by running it again.
    /// Throws `LeaseLost` when another process has taken the app over, `CancellationError` when cancelled, and the journal's error when
    /// it can no longer be written.
    package func run(
        app: String,
        number: Int,
        until stop: Stop = .whenEnded,
        lease: LeaseTerm,
        observe: @escaping Observer = { _, _ in }
    ) async throws -> Release {
        guard let release = Release(folding: try journal.events(app: app, number: number, after: 0)) else {
            throw Refusal("there is no release \(app)/\(number)")
        }
        let inbox = Inbox()
        return try await withThrowingTaskGroup(of: Void.self, returning: Release.self) { group in
            group.addTask { await renewLease(lease, inbox) }
            group.addTask { [clock, pace] in
                while !Task.isCancelled {
                    try? await clock.sleep(for: pace.tick)
                    inbox.send(.tick)
                }
            }
            defer { group.cancelAll() }
            var run = Run(engine: self, release: release, inbox: inbox, observe: observe)
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

    /// A third of the lease's life between two renewals: two may fail before it is lost.
    private func renewLease(_ lease: LeaseTerm, _ inbox: Inbox) async {
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
                return inbox.send(.leaseLost(lost))
            } catch {
                if Task.isCancelled { return }
                wait = min(wait, .seconds(1))
                // While the API is away nobody else can take the lease either, but nobody can tell: stop when it has run out.
                if clock.now >= end {
                    return inbox.send(.leaseLost(LeaseLost(outage: "\(error)")))
                }
            }
        }
    }

    /// A call that hangs is given up when the lease runs out: from then on others may hold it.
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
