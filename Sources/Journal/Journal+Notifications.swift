import GRDB
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
    /// Messages that are to be sent, now or again.
    package var waiting: Int
    /// Messages whose time has not come.
    package var later: Int
    package var failed: Int
    /// Since when the oldest of those that wait does.
    package var oldest: Timestamp?
    /// The message of those that wait that was tried last, and was not accepted.
    package var retried: OutboxNotification?
    /// The message that was tried last, whatever became of it.
    package var lastTried: OutboxNotification?
}

extension Journal {
    /// The newest messages first, at most `limit`.
    package func notifications(_ query: NotificationQuery = NotificationQuery(), limit: Int) throws(JournalError)
        -> [OutboxNotification]
    {
        try read { database in
            var condition = "id < ?"
            var values: [any DatabaseValueConvertible] = [query.before ?? Int.max]
            func add(_ more: String, _ value: (any DatabaseValueConvertible)?) {
                guard let value else { return }
                condition += " AND \(more)"
                values.append(value)
            }
            add("number = ?", query.number)
            add("state = ?", query.state?.rawValue)
            add("destination = ?", query.destination)
            if let apps = query.apps {
                condition += " AND \(Self.isAny(of: apps))"
                values += apps
            }
            return try Row.fetchAll(
                database, sql: "SELECT * FROM outbox WHERE \(condition) ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments(values + [limit])
            ).map { OutboxNotification($0) }
        }
    }

    /// The destinations that have messages, by name. With `apps`, only messages about these apps count.
    package func destinationRecords(apps: [String]? = nil, at now: Timestamp) throws(JournalError)
        -> [DestinationRecord]
    {
        let ofApps = apps.map { " AND \(Self.isAny(of: $0))" } ?? ""
        return try read { database in
            let time = now.milliseconds
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT destination, sum(state = 'pending' AND not_before <= ?) AS waiting,
                        sum(state = 'pending' AND not_before > ?) AS later, sum(state = 'failed') AS failed,
                        min(CASE WHEN state = 'pending' AND not_before <= ? THEN max(queued_at, not_before) END) AS oldest
                    FROM outbox WHERE true\(ofApps) GROUP BY destination ORDER BY destination
                    """,
                arguments: StatementArguments([time, time, time] + (apps ?? []) as [any DatabaseValueConvertible]))
            return try rows.map { row in
                let name: String = row["destination"]
                func last(_ condition: String) throws -> OutboxNotification? {
                    try Row.fetchOne(
                        database,
                        sql: """
                            SELECT * FROM outbox WHERE destination = ? AND answer IS NOT NULL\(condition)\(ofApps)
                            ORDER BY tried_at DESC, id DESC LIMIT 1
                            """,
                        arguments: StatementArguments([name] + (apps ?? []))
                    ).map { OutboxNotification($0) }
                }
                let oldest: Int64? = row["oldest"]
                return DestinationRecord(
                    name: name, waiting: row["waiting"], later: row["later"], failed: row["failed"],
                    oldest: oldest.map(Timestamp.init(milliseconds:)),
                    retried: try last(" AND state = 'pending' AND attempts > 0"), lastTried: try last(""))
            }
        }
    }

    private static func isAny(of apps: [String]) -> String {
        "app IN (\(apps.map { _ in "?" }.joined(separator: ", ")))"
    }
}
