import ReleaseMachine

extension Engine {
    /// Repeats a call of the journal while it does not answer, with growing pauses. Ends when it answers, or the task is cancelled.
    func untilAnswered<T>(_ call: () async throws -> T) async throws -> T {
        var wait = pace.firstRetry
        while true {
            do {
                return try await call()
            } catch is JournalUnavailable {
                try await clock.sleep(for: wait)
                wait = min(wait * 2, pace.lastRetry)
            }
        }
    }

    /// Appends events that follow the last one of `release`, however long the journal does not answer.
    ///
    /// The same events are appended again after an answer that was lost: when they are there by then, they were written.
    /// - Throws: `JournalConflict` when other events are there, or those before are not, `CancellationError`.
    func append(_ events: [RecordedEvent], after release: Release) async throws {
        let (app, number) = (release.order.app, release.order.number)
        var isRepeated = false
        try await untilAnswered {
            do {
                try await journal.append(events, app: app, number: number)
            } catch let conflict as JournalConflict {
                guard isRepeated else { throw conflict }
                let written = try await journal.events(app: app, number: number, after: release.sequence)
                guard Array(written.prefix(events.count)) == events else { throw conflict }
            } catch let unavailable as JournalUnavailable {
                isRepeated = true
                throw unavailable
            }
        }
    }

    /// The events of a release after `end`, which the journal has acknowledged.
    /// - Throws: `JournalWentBack` when it does not have that one any more.
    func events(app: String, after end: JournalEnd) async throws -> ArraySlice<RecordedEvent> {
        let events = try await journal.events(app: app, number: end.release, after: end.sequence - 1)
        if let first = events.first, JournalEnd(release: end.release, first) == end { return events.dropFirst() }
        let found = try await journal.events(app: app, number: end.release, after: 0).last
        throw JournalWentBack(
            app: app, seen: end, found: found.map { JournalEnd(release: end.release, $0) },
            newest: try await journal.lastNumber(app: app))
    }

    /// Records in the lease what the journal has acknowledged, before an effect that cannot be taken back.
    ///
    /// The way back waits a second at most: it must be possible without the cluster, and leaves both colours where they are.
    func recordJournal(before effect: Effect) async throws {
        switch effect {
        case .switchNode, .removeOld, .removeCandidate: try await cluster.recordJournal()
        case .revertNode:
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [cluster] in try? await cluster.recordJournal() }
                group.addTask { [clock] in try? await clock.sleep(for: .seconds(1)) }
                await group.next()
                group.cancelAll()
            }
        default: return
        }
    }
}
