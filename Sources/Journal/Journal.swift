import Foundation
import GRDB
import ReleaseMachine

/// Releases and their events in one SQLite file. An event is appended before anything acts on it, and never changed or removed.
///
/// Several processes may share the file: the command line, and a server beside it. Writes are synchronous and full (`synchronous =
/// FULL`): an event that was appended survives a power failure.
package struct Journal: Sendable {
    package let path: String
    let pool: DatabasePool

    init(path: String, pool: DatabasePool) {
        self.path = path
        self.pool = pool
    }

    /// Opens the journal, and creates it when there is none. A file that cannot be a journal is left byte for byte as it is.
    package init(path: String) throws(JournalError) {
        self.path = path
        do {
            if try Schema.isMissing(path) { Schema.create(path) } else { try Schema.check(path) }
            pool = try Schema.open(path)
        } catch {
            throw JournalError(path: path, error)
        }
    }

    /// Appends an event as number `recorded.sequence` of its release. Throws `JournalError.Kind.conflict` when that number is taken:
    /// another process has appended since, and its event comes first.
    ///
    /// `audit` is the event's entry in the audit log, `request` the Idempotency-Key of a request that starts a release, `entry` the
    /// entry of the queue that it starts, which has to be there, `lock` a lock that begins with it. All are written together with the event, or not at all.
    package func append(
        _ recorded: RecordedEvent,
        app: String,
        number: Int,
        audit: AuditEntry? = nil,
        request: KeyedRequest? = nil,
        entry: String? = nil,
        lock: ReleaseLock? = nil
    ) throws(JournalError) {
        do {
            let payload = try String(decoding: Schema.encoder.encode(recorded.event), as: UTF8.self)
            try pool.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    try database.execute(
                        sql: "INSERT INTO events (app, number, sequence, at, event) VALUES (?, ?, ?, ?, ?)",
                        arguments: [app, number, recorded.sequence, recorded.at.milliseconds, payload]
                    )
                    try audit?.insert(database)
                    try request?.insert(database, app: app, number: number, at: recorded.at)
                    if let entry, case .requested(let order) = recorded.event {
                        try QueuedVersion.hasStarted(order, entry: entry, database)
                    }
                    try lock?.insert(database)
                    return .commit
                }
            }
        } catch {
            throw JournalError(path: path, error)
        }
    }

    /// The events of a release in order, from the one after `sequence` on.
    package func events(app: String, number: Int, after sequence: Int = 0) throws(JournalError) -> [RecordedEvent] {
        try read { database in
            try Row.fetchAll(
                database,
                sql:
                    "SELECT sequence, at, event FROM events WHERE app = ? AND number = ? AND sequence > ? ORDER BY sequence",
                arguments: [app, number, sequence]
            ).map(Schema.event)
        }
    }

    /// The numbers of an app's releases, newest first: at most `limit`, below `before`.
    package func numbers(app: String, limit: Int, before: Int? = nil) throws(JournalError) -> [Int] {
        try read { database in
            try Int.fetchAll(
                database,
                sql: """
                    SELECT number FROM events WHERE app = ? AND sequence = 1 AND number < ?
                    ORDER BY number DESC LIMIT ?
                    """,
                arguments: [app, before ?? Int.max, limit]
            )
        }
    }

    /// The newest releases of an app, folded, newest first.
    package func releases(app: String, limit: Int, before: Int? = nil) throws(JournalError) -> [Release] {
        var releases: [Release] = []
        for number in try numbers(app: app, limit: limit, before: before) {
            if let release = Release(folding: try events(app: app, number: number)) { releases.append(release) }
        }
        return releases
    }

    /// The newest releases of an app, folded, newest first. Of those in `known` only the events after them are read.
    package func releases(app: String, limit: Int, known: [Release]) throws(JournalError) -> [Release] {
        let known = Dictionary(known.map { ($0.order.number, $0) }) { $1 }
        var releases: [Release] = []
        for number in try numbers(app: app, limit: limit) {
            if var release = known[number] {
                for event in try events(app: app, number: number, after: release.sequence) { release.apply(event) }
                releases.append(release)
            } else if let release = Release(folding: try events(app: app, number: number)) {
                releases.append(release)
            }
        }
        return releases
    }

    /// Changes tables other than the events, whole or not at all.
    func write<T: Sendable>(_ body: @Sendable (Database) throws -> T) throws(JournalError) -> T {
        do {
            return try pool.writeWithoutTransaction { database in
                var value: T?
                try database.inTransaction(.immediate) {
                    value = try body(database)
                    return .commit
                }
                guard let value else { throw CancellationError() }
                return value
            }
        } catch {
            throw JournalError(path: path, error)
        }
    }

    func read<T: Sendable>(_ body: @Sendable (Database) throws -> T) throws(JournalError) -> T {
        do {
            return try pool.read(body)
        } catch {
            throw JournalError(path: path, error)
        }
    }
}
