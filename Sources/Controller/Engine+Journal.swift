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
    /// - Throws: `JournalConflict` when other events are there, `CancellationError`.
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
}
