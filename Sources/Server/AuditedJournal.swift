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

    package func append(_ event: RecordedEvent, app: String, number: Int) throws {
        var (request, entry): (KeyedRequest?, String?)
        if case .requested = event.event { (request, entry) = (requestOrigin.request, requestOrigin.entry) }
        do {
            try journal.append(
                event,
                app: app,
                number: number,
                audit: AuditEntry(
                    event, app: app, number: number, origin: requestOrigin.origin, token: requestOrigin.token,
                    alias: requestOrigin.alias),
                request: request,
                entry: entry,
                lock: try lockAfterRollback(event)
            )
        } catch {
            throw error.kind == .conflict ? JournalConflict() : error as any Error
        }
    }

    package func events(app: String, number: Int, after sequence: Int) throws -> [RecordedEvent] {
        try journal.events(app: app, number: number, after: sequence)
    }

    package func releases(app: String, limit: Int, before: Int?) throws -> [Release] {
        try journal.releases(app: app, limit: limit, before: before)
    }

    package func lastNumber(app: String) throws -> Int {
        try journal.numbers(app: app, limit: 1).first ?? 0
    }

    package func versions(app: String, tag: String) throws -> [PushedVersion] {
        try journal.versions(app: app, tag: tag)
    }
    package func queuedVersion(app: String) throws -> PushedVersion? { try journal.queued(app: app)?.version }
    package func locks(at now: Timestamp) throws -> [ReleaseLock] { try journal.locks(at: now) }

    package func add(_ lock: ReleaseLock) throws { try journal.add(lock) }

    /// A rollback, and an older version that a person releases, lock the app for automatic releases: otherwise the next push would bring
    /// back what was taken away.
    private func lockAfterRollback(_ event: RecordedEvent) throws(JournalError) -> ReleaseLock? {
        guard case .requested(let order) = event.event, order.kind != .deploy || order.isOlder == true,
            try !journal.locks(at: event.at).contains(where: { $0.isAutomatic(for: order.app) })
        else { return nil }
        let what = order.kind == .deploy ? "released the older" : "rolled back to"
        return ReleaseLock(
            id: ReleaseLock.newID(), app: order.app, reason: "\(order.name) \(what) \(order.version)",
            by: order.requestedBy, since: event.at, isAutomatic: true)
    }
}
