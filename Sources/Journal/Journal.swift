import Foundation
import ReleaseMachine

/// Releases and their events, and what goes with them: access, the inbox, the queue, the outbox. An event is appended before anything acts
/// on it, and never changed or removed.
///
/// Several processes may use one journal at the same time: the command line, a server beside it, and, with PostgreSQL, servers on several
/// machines. What was appended survives a power failure.
package struct Journal: Sendable {
    let database: any JournalDatabase
    private let watch: ChangeWatch
    /// A server that was not seen for this long is gone: what it has claimed is free. The same for all servers of a journal.
    package var serverLife = Duration.seconds(12)

    package init(_ database: any JournalDatabase) {
        self.database = database
        watch = ChangeWatch(database)
    }

    /// What messages call it: the path of its file, or the servers and the database.
    package var name: String { database.name }

    /// Whether servers on other machines can use it at the same time.
    package var isShared: Bool { database.isShared }

    /// Appends events to a release, the first as its number `sequence`, all in one transaction. Throws `JournalError.Kind.conflict` when that
    /// number is taken: another process has appended since, and its event comes first.
    ///
    /// `audit` are the events' entries in the audit log, `request` the Idempotency-Key of a request that starts a release, `entry` the
    /// entry of the queue that it starts, which has to be there, `lock` a lock for automatic releases that begins with it, unless one of
    /// the app holds already. All are written together with the events, or not at all.
    ///
    /// With `follows` the event before the first one has to be there, or it is a conflict too: a database may have lost it in a failover.
    package func append(
        _ events: [RecordedEvent],
        app: String,
        number: Int,
        audit: [AuditEntry] = [],
        request: KeyedRequest? = nil,
        entry: String? = nil,
        lock: ReleaseLock? = nil,
        follows: Bool = false
    ) async throws(JournalError) {
        let payloads: [String]
        do {
            payloads = try events.map { try String(decoding: JournalJSON.encoder.encode($0.event), as: UTF8.self) }
        } catch {
            throw JournalError(journal: name, kind: .unusable("an event cannot be written: \(error)"))
        }
        try await write { database in
            if follows, let first = events.first?.sequence, first > 1 {
                let before = try database.value(
                    Int.self, sql: "SELECT sequence FROM events WHERE app = ? AND number = ? AND sequence = ?",
                    arguments: [app, number, first - 1])
                if before == nil { throw EventBeforeGone() }
            }
            for (event, payload) in zip(events, payloads) {
                try database.execute(
                    sql: "INSERT INTO events (app, number, sequence, at, event) VALUES (?, ?, ?, ?, ?)",
                    arguments: [app, number, event.sequence, event.at.milliseconds, payload])
            }
            for entry in audit { try entry.insert(database) }
            if let first = events.first {
                try request?.insert(database, app: app, number: number, at: first.at)
                if let entry, case .requested(let order) = first.event {
                    try QueuedVersion.hasStarted(order, entry: entry, database)
                }
            }
            try lock?.insertUnlessAutomatic(database)
        }
    }

    /// The events of a release in order, from the one after `sequence` on.
    package func events(app: String, number: Int, after sequence: Int = 0) async throws(JournalError) -> [RecordedEvent]
    {
        try await read { database in
            try database.rows(
                sql:
                    "SELECT sequence, at, event FROM events WHERE app = ? AND number = ? AND sequence > ? ORDER BY sequence",
                arguments: [app, number, sequence]
            ).map(JournalJSON.event)
        }
    }

    /// The numbers of an app's releases, newest first: at most `limit`, below `before`.
    package func numbers(app: String, limit: Int, before: Int? = nil) async throws(JournalError) -> [Int] {
        try await read { database in
            try database.values(
                Int.self,
                sql: """
                    SELECT number FROM events WHERE app = ? AND sequence = 1 AND number < ?
                    ORDER BY number DESC LIMIT ?
                    """,
                arguments: [app, before ?? Int.max, limit]
            )
        }
    }

    /// An element at once, and one after each commit of any process; several commits may be one element.
    package func changes() -> AsyncStream<Void> { watch.changes(of: nil) }

    /// An element at once, and one after events of the app's releases were appended, by whichever process; several may be one element.
    package func changes(of app: String) -> AsyncStream<Void> { watch.changes(of: app) }

    /// Throws when nothing can be written: no permission, no space, or another process keeps the database locked.
    package func checkWritable() async throws(JournalError) { try await database.checkWritable() }

    @discardableResult
    func write<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    { try await database.write(body) }

    func read<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    { try await database.read(body) }
}

/// An event is to be appended after one that is not there.
struct EventBeforeGone: Error {}
