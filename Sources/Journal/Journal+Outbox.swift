import GRDB
import ReleaseMachine

// MARK: - From the events to the outbox

extension Journal {
    /// The position up to which the events have been projected for a destination; `nil` for a new destination.
    package func outboxCursor(of destination: String) throws(JournalError) -> Int? {
        try read { database in
            try Int.fetchOne(
                database, sql: "SELECT position FROM outbox_cursors WHERE destination = ?", arguments: [destination])
        }
    }

    /// Adds messages in their order, except those that are there already, and moves the cursors of destinations, all or nothing.
    /// - Returns: the number of new messages.
    @discardableResult
    package func enqueue(_ notifications: [NewNotification], cursors: [String: Int], at now: Timestamp)
        throws(JournalError) -> Int
    {
        try write { database in
            var count = 0
            for new in notifications {
                try database.execute(
                    sql: """
                        INSERT OR IGNORE INTO outbox
                            (destination, kind, app, number, message, payload, at, state, queued_at, next_at)
                        VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?)
                        """,
                    arguments: [
                        new.destination, new.kind, new.app, new.number, new.message, new.payload, new.at.milliseconds,
                        now.milliseconds, now.milliseconds,
                    ])
                count += database.changesCount
            }
            for (destination, position) in cursors {
                try database.execute(
                    sql: """
                        INSERT INTO outbox_cursors VALUES (?, ?)
                        ON CONFLICT (destination) DO UPDATE SET position = excluded.position
                        """,
                    arguments: [destination, position])
            }
            return count
        }
    }

    /// Removes messages that were dealt with before `end`. Their events are too old to be projected again.
    package func forgetNotifications(before end: Timestamp) throws(JournalError) {
        try write {
            try $0.execute(
                sql: "DELETE FROM outbox WHERE state <> 'pending' AND queued_at < ?", arguments: [end.milliseconds])
        }
    }
}

// MARK: - Sending

extension Journal {
    /// The messages of a destination that may be sent next, the oldest of each app: an app's messages go out in order.
    private static let firstOfEachApp = """
        FROM outbox WHERE destination = ? AND state = 'pending' AND id IN
            (SELECT min(id) FROM outbox WHERE destination = ? AND state = 'pending' GROUP BY app)
        """

    /// The message that is to be sent now; `nil` when none is.
    package func dueNotification(of destination: String, at now: Timestamp) throws(JournalError) -> OutboxNotification?
    {
        try read { database in
            try Row.fetchOne(
                database, sql: "SELECT * \(Self.firstOfEachApp) AND next_at <= ? ORDER BY next_at, id LIMIT 1",
                arguments: [destination, destination, now.milliseconds]
            ).map { OutboxNotification($0) }
        }
    }

    /// When the next message of a destination is to be sent; `nil` when none is pending.
    package func nextNotification(of destination: String) throws(JournalError) -> Timestamp? {
        try read { database in
            try Int64.fetchOne(
                database, sql: "SELECT min(next_at) \(Self.firstOfEachApp)", arguments: [destination, destination])
        }.map(Timestamp.init(milliseconds:))
    }

    /// Records that an attempt begins, before anything is sent. It is due again at `until`, should this process die meanwhile.
    /// - Returns: false when another process has begun one.
    package func beginAttempt(_ notification: OutboxNotification, at now: Timestamp, until: Timestamp)
        throws(JournalError)
        -> Bool
    {
        try write { database in
            try database.execute(
                sql: """
                    UPDATE outbox SET attempts = attempts + 1, tried_at = ?, next_at = ?
                    WHERE id = ? AND state = 'pending' AND attempts = ? AND next_at = ?
                    """,
                arguments: [
                    now.milliseconds, until.milliseconds, notification.id, notification.attempts,
                    notification.nextAt.milliseconds,
                ])
            return database.changesCount == 1
        }
    }

    /// Records the receiver's id of what a message made.
    package func record(externalID: String, of notification: Int) throws(JournalError) {
        try write {
            try $0.execute(
                sql: "UPDATE outbox SET external_id = ? WHERE id = ?", arguments: [externalID, notification])
        }
    }

    /// Records how an attempt ended. A pending message is retried at `nextAt`.
    package func endAttempt(
        _ notification: Int, _ state: OutboxNotification.State, answer: String, nextAt: Timestamp
    ) throws(JournalError) {
        try write {
            try $0.execute(
                sql: "UPDATE outbox SET state = ?, answer = ?, next_at = ? WHERE id = ?",
                arguments: [state.rawValue, answer, nextAt.milliseconds, notification])
        }
    }

    /// The receiver's id of what earlier messages about a release made.
    package func externalID(at destination: String, app: String, number: Int) throws(JournalError) -> String? {
        try read { database in
            try String.fetchOne(
                database,
                sql: """
                    SELECT external_id FROM outbox
                    WHERE destination = ? AND app = ? AND number = ? AND external_id IS NOT NULL ORDER BY id DESC LIMIT 1
                    """,
                arguments: [destination, app, number])
        }
    }

    /// The receiver's ids that belong to other releases than this one.
    package func externalIDs(at destination: String, exceptOf app: String, _ number: Int) throws(JournalError)
        -> Set<String>
    {
        try read { database in
            try String.fetchSet(
                database,
                sql: """
                    SELECT external_id FROM outbox
                    WHERE destination = ? AND external_id IS NOT NULL AND NOT (app = ? AND number = ?)
                    """,
                arguments: [destination, app, number])
        }
    }

    /// A message about the same release that was made later and has been delivered; `nil` when there is none.
    package func laterDelivered(than notification: OutboxNotification) throws(JournalError) -> OutboxNotification? {
        try read { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT * FROM outbox WHERE destination = ? AND app = ? AND number = ? AND id > ? AND state = 'delivered'
                    ORDER BY id DESC LIMIT 1
                    """,
                arguments: [notification.destination, notification.app, notification.number, notification.id]
            ).map { OutboxNotification($0) }
        }
    }
}

// MARK: - For people

extension Journal {
    /// The newest messages first, at most `limit`, older than message `before`. With `apps`, only messages about these apps.
    package func notifications(limit: Int, before: Int? = nil, apps: [String]? = nil) throws(JournalError)
        -> [OutboxNotification]
    {
        try read { database in
            let marks = apps.map { "AND app IN (\($0.map { _ in "?" }.joined(separator: ", ")))" } ?? ""
            let values: [any DatabaseValueConvertible] = [before ?? Int.max] + (apps ?? []) + [limit]
            return try Row.fetchAll(
                database, sql: "SELECT * FROM outbox WHERE id < ? \(marks) ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments(values)
            ).map { OutboxNotification($0) }
        }
    }

    package func notification(_ id: Int) throws(JournalError) -> OutboxNotification? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM outbox WHERE id = ?", arguments: [id])
                .map { OutboxNotification($0) }
        }
    }

    /// Sends a message again, or a pending one now.
    /// - Returns: the message; `nil` when there is none with this id.
    package func resend(_ id: Int, at now: Timestamp) throws(JournalError) -> OutboxNotification? {
        try write { database in
            try database.execute(
                sql: "UPDATE outbox SET state = 'pending', queued_at = ?, next_at = ? WHERE id = ?",
                arguments: [now.milliseconds, now.milliseconds, id])
            return try Row.fetchOne(database, sql: "SELECT * FROM outbox WHERE id = ?", arguments: [id])
                .map { OutboxNotification($0) }
        }
    }
}
