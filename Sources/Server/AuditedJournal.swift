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
        var request: KeyedRequest?
        if case .requested = event.event { request = requestOrigin.request }
        do {
            try journal.append(
                event,
                app: app,
                number: number,
                audit: AuditEntry(
                    event, app: app, number: number, origin: requestOrigin.origin, token: requestOrigin.token),
                request: request
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
}
