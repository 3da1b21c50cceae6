import ReleaseMachine

/// The newest event of an app.
package struct JournalHead: Sendable, Hashable {
    package var app: String
    /// Its newest release, and the number of that release's newest event.
    package var number: Int
    package var sequence: Int
    /// Higher after every event of any app, also of an older release.
    package var position: Int

    private init(_ row: Row) {
        app = row["app"]
        number = row["number"]
        sequence = row["sequence"]
        position = row["position"]
    }

    static func fetch(_ database: any DatabaseConnection, after position: Int) throws -> [JournalHead] {
        try database.rows(sql: "SELECT * FROM heads WHERE position > ? ORDER BY position", arguments: [position])
            .map { JournalHead($0) }
    }

    static func fetch(_ database: any DatabaseConnection, app: String) throws -> JournalHead? {
        try database.row(sql: "SELECT * FROM heads WHERE app = ?", arguments: [app]).map { JournalHead($0) }
    }
}

extension Journal {
    /// Apps with an event after `position`, in the order of their newest events.
    package func heads(after position: Int = 0) async throws(JournalError) -> [JournalHead] {
        try await read { try JournalHead.fetch($0, after: position) }
    }

    /// The app's newest event; `nil`: it has no release.
    package func head(app: String) async throws(JournalError) -> JournalHead? {
        try await read { try JournalHead.fetch($0, app: app) }
    }
}
