import Controller
import Journal
import ReleaseMachine

/// The controller's `ReleaseJournal` on the server's journal. Commands that are appended through it are also written to the audit log, in
/// the same transaction.
package struct AuditedJournal: ReleaseJournal {
    package let journal: Journal
    package let requestOrigin: RequestOrigin

    package init(journal: Journal, requestOrigin: RequestOrigin) {
        self.journal = journal
        self.requestOrigin = requestOrigin
    }

    package func append(_ events: [RecordedEvent], app: String, number: Int) async throws {
        var (request, entry): (KeyedRequest?, String?)
        if case .requested? = events.first?.event { (request, entry) = (requestOrigin.request, requestOrigin.entry) }
        do {
            try await journal.append(
                events,
                app: app,
                number: number,
                audit: events.compactMap { event in
                    AuditEntry(
                        event, app: app, number: number, origin: requestOrigin.origin, token: requestOrigin.token,
                        alias: requestOrigin.alias)
                },
                request: request,
                entry: entry,
                lock: lockAfterRollback(events.first),
                follows: true
            )
        } catch {
            switch error.kind {
            case .conflict: throw JournalConflict()
            case .unreachable: throw JournalUnavailable(error.description, isUnknown: false)
            case .unknown: throw JournalUnavailable(error.description, isUnknown: true)
            default: throw error
            }
        }
    }

    package func changes(of app: String) -> AsyncStream<Void> { journal.changes(of: app) }

    package func events(app: String, number: Int, after sequence: Int) async throws -> [RecordedEvent] {
        try await journal.events(app: app, number: number, after: sequence)
    }

    package func deletedRelease(app: String, number: Int) async throws -> DeletedRelease? {
        try await journal.deletedRelease(app: app, number: number)
    }

    package func releases(app: String, limit: Int, before: Int?) async throws -> [Release] {
        try await journal.releases(app: app, limit: limit, before: before)
    }

    package func lastNumber(app: String) async throws -> Int {
        try await journal.numbers(app: app, limit: 1).first ?? 0
    }

    package func versions(app: String, tag: String) async throws -> [PushedVersion] {
        try await journal.versions(app: app, tag: tag)
    }
    package func queuedVersion(app: String) async throws -> PushedVersion? {
        try await journal.queued(app: app)?.version
    }
    package func locks(at now: Timestamp) async throws -> [ReleaseLock] { try await journal.locks(at: now) }

    package func addAutomatic(_ lock: ReleaseLock) async throws { try await journal.addAutomatic(lock) }

    /// A rollback, and an older version that a person releases, lock the app for automatic releases: otherwise the next push would bring
    /// back what was taken away.
    private func lockAfterRollback(_ first: RecordedEvent?) -> ReleaseLock? {
        guard let event = first, case .requested(let order) = event.event,
            order.kind != .deploy || order.isOlder == true
        else { return nil }
        let what = order.kind == .deploy ? "released the older" : "rolled back to"
        return ReleaseLock(
            id: ReleaseLock.newID(), app: order.app, reason: "\(order.name) \(what) \(order.version)",
            by: order.requestedBy, since: event.at, isAutomatic: true)
    }
}
