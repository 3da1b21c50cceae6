import Controller
import Journal
import ReleaseMachine

/// The journal as the controller asks for it.
struct JournalPort: ReleaseJournal {
    let journal: Journal

    func append(_ event: RecordedEvent, app: String, number: Int) throws {
        do {
            try journal.append(event, app: app, number: number)
        } catch {
            throw error.kind == .conflict ? JournalConflict() : error as any Error
        }
    }

    func events(app: String, number: Int, after sequence: Int) throws -> [RecordedEvent] {
        try journal.events(app: app, number: number, after: sequence)
    }

    func releases(app: String, limit: Int, before: Int?) throws -> [Release] {
        try journal.releases(app: app, limit: limit, before: before)
    }

    func lastNumber(app: String) throws -> Int {
        try journal.numbers(app: app, limit: 1).first ?? 0
    }
}
