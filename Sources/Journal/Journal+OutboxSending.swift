import ReleaseMachine

extension Journal {
    /// The messages of a destination that may be sent next, the oldest of each lane: a lane's messages go out in order.
    private static let firstOfEachLane = """
        FROM outbox WHERE destination = ? AND state = 'pending' AND id IN
            (SELECT min(id) FROM outbox WHERE destination = ? AND state = 'pending' AND not_before <= ? GROUP BY lane)
        """

    /// No message waits for its next attempt for longer than this: when it seems to, the clock was set back.
    package static let longestOutboxWait = Duration.seconds(7200)

    /// The message that is to be sent now, of those that the condition allows; `nil` when none is.
    package func dueNotification(
        of destination: String, at now: Timestamp,
        where isAllowed: @escaping @Sendable (OutboxNotification) -> Bool = { _ in true }
    ) async throws(JournalError) -> OutboxNotification? {
        try await read { database in
            let rows = try database.rows(
                sql: """
                    SELECT * \(Self.firstOfEachLane) AND (next_at <= ? OR next_at > ?) ORDER BY priority, next_at, id
                    """,
                arguments: [
                    destination, destination, now.milliseconds, now.milliseconds,
                    (now + Self.longestOutboxWait).milliseconds,
                ])
            return rows.lazy.map { OutboxNotification($0) }.first(where: isAllowed)
        }
    }

    /// When the next message of a destination is to be sent that is not due yet; `nil` when there is none.
    package func nextNotification(of destination: String, after now: Timestamp) async throws(JournalError) -> Timestamp?
    {
        try await read { database in
            let waiting = try database.value(
                Int64.self, sql: "SELECT min(next_at) \(Self.firstOfEachLane) AND next_at > ?",
                arguments: [destination, destination, now.milliseconds, now.milliseconds])
            let later = try database.value(
                Int64.self,
                sql: "SELECT min(next_at) FROM outbox WHERE destination = ? AND state = 'pending' AND not_before > ?",
                arguments: [destination, now.milliseconds])
            return [waiting, later].compactMap { $0 }.min().map(Timestamp.init(milliseconds:))
        }
    }

    /// Makes messages due whose next attempt is only waited for because an earlier one failed. What another process may be sending at this
    /// moment is left to it, unless this one `isAlone`.
    package func retryNotifications(
        of destinations: [String], at now: Timestamp, isAlone: Bool = false
    ) async throws(JournalError) {
        try await write { database in
            for destination in destinations {
                try database.execute(
                    sql: """
                        UPDATE outbox SET next_at = CASE WHEN not_before > ? THEN not_before ELSE ? END
                        WHERE destination = ? AND state = 'pending' AND next_at > not_before AND next_at > ?
                            AND (begun_until IS NULL OR begun_until <= ? OR ? = 1)
                        """,
                    arguments: [
                        now.milliseconds, now.milliseconds, destination, now.milliseconds, now.milliseconds, isAlone,
                    ])
            }
        }
    }

    /// The pending messages of each destination that has any.
    package func outboxBacklogs(at now: Timestamp) async throws(JournalError) -> [String: OutboxBacklog] {
        try await read { database in
            let rows = try database.rows(
                sql: """
                    SELECT destination, count(*) AS count,
                        min(CASE WHEN not_before <= ? THEN CASE WHEN queued_at > not_before THEN queued_at ELSE not_before END END) AS oldest
                    FROM outbox WHERE state = 'pending' GROUP BY destination
                    """,
                arguments: [now.milliseconds])
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["destination"], OutboxBacklog($0)) })
        }
    }

    /// Records that an attempt begins, before anything is sent. Should this process die meanwhile, it is due again when its `server` is found
    /// gone, and at `until` at the latest.
    /// - Returns: false when another process has begun one.
    package func beginAttempt(
        _ notification: OutboxNotification, at now: Timestamp, until: Timestamp, by server: String? = nil
    ) async throws(JournalError) -> Bool {
        try await write { database in
            let changed = try database.execute(
                sql: """
                    UPDATE outbox SET attempts = attempts + 1, tried_at = ?, next_at = ?, begun_until = ?
                    WHERE id = ? AND state = 'pending' AND attempts = ? AND next_at = ? AND revision = ?
                    """,
                arguments: [
                    now.milliseconds, until.milliseconds, until.milliseconds, notification.id, notification.attempts,
                    notification.nextAt.milliseconds, notification.revision,
                ])
            if changed == 1, let server { try Claim(.message, notification.id).insert(for: server, database) }
            return changed == 1
        }
    }

    /// Records the receiver's id of what a message made.
    package func record(externalID: String, of notification: Int) async throws(JournalError) {
        try await write {
            try $0.execute(
                sql: "UPDATE outbox SET external_id = ? WHERE id = ?", arguments: [externalID, notification])
        }
    }

    /// Records how an attempt ended. A pending message is retried at `nextAt`. One that was replaced while it was sent stays as it is: what
    /// replaced it has to be sent.
    /// - Returns: false when it was replaced.
    @discardableResult
    package func endAttempt(
        _ notification: OutboxNotification, _ state: OutboxNotification.State, answer: String, nextAt: Timestamp
    ) async throws(JournalError) -> Bool {
        try await write { database in
            let changed = try database.execute(
                sql: """
                    UPDATE outbox SET state = ?, answer = ?, next_at = ?, begun_until = NULL WHERE id = ? AND revision = ?
                    """,
                arguments: [state.rawValue, answer, nextAt.milliseconds, notification.id, notification.revision])
            try Claim(.message, notification.id).end(database)
            let isEnded = changed == 1
            if !isEnded {
                try database.execute(
                    sql: "UPDATE outbox SET begun_until = NULL WHERE id = ?", arguments: [notification.id])
            }
            return isEnded
        }
    }

    /// The receiver's id of what earlier messages about a release made.
    package func externalID(at destination: String, app: String, number: Int) async throws(JournalError) -> String? {
        try await read { database in
            try database.value(
                String.self,
                sql: """
                    SELECT external_id FROM outbox
                    WHERE destination = ? AND app = ? AND number = ? AND external_id IS NOT NULL ORDER BY id DESC LIMIT 1
                    """,
                arguments: [destination, app, number])
        }
    }

    /// The receiver's ids that belong to other releases than this one.
    package func externalIDs(at destination: String, exceptOf app: String, _ number: Int) async throws(JournalError)
        -> Set<String>
    {
        let ids = try await read { database in
            try database.values(
                String.self,
                sql: """
                    SELECT external_id FROM outbox
                    WHERE destination = ? AND external_id IS NOT NULL AND NOT (app = ? AND number = ?)
                    """,
                arguments: [destination, app, number])
        }
        return Set(ids)
    }

    /// A message about the same release that was made later and has been delivered; `nil` when there is none.
    package func laterDelivered(than notification: OutboxNotification) async throws(JournalError) -> OutboxNotification?
    {
        try await read { database in
            try database.row(
                sql: """
                    SELECT * FROM outbox WHERE destination = ? AND app = ? AND number = ? AND id > ? AND state = 'delivered'
                    ORDER BY id DESC LIMIT 1
                    """,
                arguments: [notification.destination, notification.app, notification.number, notification.id]
            ).map { OutboxNotification($0) }
        }
    }

    /// The newest of the messages about the same release that tell something later, and have been delivered or are due; `nil` when there is
    /// none.
    package func laterNews(than notification: OutboxNotification, at now: Timestamp) async throws(JournalError)
        -> OutboxNotification?
    {
        try await read { database in
            try database.row(
                sql: """
                    SELECT * FROM outbox WHERE destination = ? AND app = ? AND number = ? AND (at, id) > (?, ?)
                        AND (state = 'delivered' OR state = 'pending' AND not_before <= ?)
                    ORDER BY at DESC, id DESC LIMIT 1
                    """,
                arguments: [
                    notification.destination, notification.app, notification.number, notification.at.milliseconds,
                    notification.id, now.milliseconds,
                ]
            ).map { OutboxNotification($0) }
        }
    }
}
