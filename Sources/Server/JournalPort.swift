import Controller
import Journal
import ReleaseMachine

/// The journal as the controller asks for it. People's words that are written through it are in the audit log too, in the same
/// transaction.
package struct JournalPort: ReleaseJournal {
    package let journal: Journal
    package let provenance: Provenance

    package init(journal: Journal, provenance: Provenance) {
        self.journal = journal
        self.provenance = provenance
    }

    package func append(_ event: RecordedEvent, app: String, number: Int) throws {
        var request: KeyedRequest?
        if case .requested = event.event { request = provenance.request }
        do {
            try journal.append(
                event,
                app: app,
                number: number,
                act: AuditEntry(event, app: app, number: number, origin: provenance.origin, token: provenance.token),
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
