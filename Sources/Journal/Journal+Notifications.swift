import ReleaseMachine

/// Which messages of the outbox are asked for.
package struct NotificationQuery: Sendable, Hashable {
    /// Only messages about these; `nil` for all.
    package var apps: [String]?
    /// Only messages about the releases of this number.
    package var number: Int?
    package var state: OutboxNotification.State?
    package var destination: String?
    /// Only messages that are older than the one with this id.
    package var before: Int?

    package init(
        apps: [String]? = nil, number: Int? = nil, state: OutboxNotification.State? = nil, destination: String? = nil,
        before: Int? = nil
    ) {
        self.apps = apps
        self.number = number
        self.state = state
        self.destination = destination
        self.before = before
    }
}

/// How it goes with the messages for one destination.
package struct DestinationRecord: Sendable, Hashable {
    package var name: String
    package var delivered: Int
    package var failed: Int
    /// Messages that are to be sent, now or again.
    package var waiting = 0
    /// Messages whose time has not come.
    package var later = 0
    /// Since when the oldest of those that wait does.
    package var oldest: Timestamp?
    /// The message of those that wait that was tried last, and was not accepted.
    package var retried: OutboxNotification?
    /// The message that was dealt with last, whatever became of it.
    package var lastEnded: OutboxNotification?

    fileprivate mutating func count(_ pending: [OutboxNotification], at now: Timestamp) {
        let due = pending.filter { $0.notBefore.map { $0 <= now } ?? true }
        (waiting, later) = (due.count, pending.count - due.count)
        oldest = due.map { max($0.queuedAt, $0.notBefore ?? $0.queuedAt) }.min()
        retried = due.filter { $0.attempts > 0 && $0.answer != nil }
            .max { ($0.triedAt?.milliseconds ?? 0, $0.id) < ($1.triedAt?.milliseconds ?? 0, $1.id) }
    }
}

extension Journal {
    /// The newest messages first, at most `limit`.
    package func notifications(_ query: NotificationQuery = NotificationQuery(), limit: Int) async throws(JournalError)
        -> [OutboxNotification]
    {
        try await read { database in
            var conditions = "id < ?"
            var values: [any ColumnValue] = [query.before ?? Int.max]
            func add(_ more: String, _ value: (any ColumnValue)?) {
                guard let value else { return }
                conditions += " AND \(more)"
                values.append(value)
            }
            add("number = ?", query.number)
            add("state = ?", query.state?.rawValue)
            add("destination = ?", query.destination)
            if let apps = query.apps {
                conditions += " AND \(condition("app", isAnyOf: apps))"
                values += apps
            }
            return try database.rows(
                sql: "SELECT * FROM outbox WHERE \(conditions) ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments(values + [limit])
            ).map { OutboxNotification($0) }
        }
    }

    /// The destinations that have messages, by name. With `apps`, only messages about these apps count.
    package func destinationRecords(apps: [String]? = nil, at now: Timestamp) async throws(JournalError)
        -> [DestinationRecord]
    {
        let ofApps = apps.map { " AND \(condition("app", isAnyOf: $0))" } ?? ""
        return try await read { database in
            var counts: [String: [String: Int]] = [:]
            let rows = try database.rows(
                sql:
                    "SELECT destination, state, count(*) AS count FROM outbox WHERE true\(ofApps) GROUP BY destination, state",
                arguments: StatementArguments(apps ?? []))
            for row in rows { counts[row["destination"], default: [:]][row["state"]] = row["count"] }
            return try counts.sorted { $0.key < $1.key }.map { name, counts in
                var record = DestinationRecord(
                    name: name, delivered: counts["delivered"] ?? 0, failed: counts["failed"] ?? 0)
                let arguments = StatementArguments([name] + (apps ?? []))
                let pending = try database.rows(
                    sql: "SELECT * FROM outbox WHERE destination = ? AND state = 'pending'\(ofApps)",
                    arguments: arguments
                ).map { OutboxNotification($0) }
                record.count(pending, at: now)
                // The newest one is found in the index.
                record.lastEnded = try database.row(
                    sql: """
                        SELECT * FROM outbox WHERE id =
                            (SELECT id FROM outbox WHERE destination = ? AND state <> 'pending'\(ofApps)
                            ORDER BY tried_at DESC NULLS LAST, id DESC LIMIT 1)
                        """,
                    arguments: arguments
                ).map { OutboxNotification($0) }
                return record
            }
        }
    }
}
