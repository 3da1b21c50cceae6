import ReleaseMachine

// MARK: - From the events to the outbox

extension Journal {
    /// How far the events have been projected for a destination.
    package struct OutboxCursor: Sendable, Hashable {
        package var position: Int
        /// Since when there is the destination.
        package var since: Timestamp
    }

    /// The cursor of a destination; of one that is new, it is made.
    package func openOutboxCursor(of destination: String, at now: Timestamp) async throws(JournalError) -> OutboxCursor
    {
        try await write { database in
            try database.execute(
                sql:
                    "INSERT INTO outbox_cursors (destination, position, since) VALUES (?, 0, ?) ON CONFLICT (destination) DO NOTHING",
                arguments: [destination, now.milliseconds])
            let row = try database.row(
                sql: "SELECT * FROM outbox_cursors WHERE destination = ?", arguments: [destination])
            return OutboxCursor(
                position: row?["position"] ?? 0, since: Timestamp(milliseconds: row?["since"] ?? now.milliseconds))
        }
    }

    /// The position up to which the events have been projected for a destination; `nil` for a new destination.
    package func outboxCursor(of destination: String) async throws(JournalError) -> Int? {
        try await read { database in
            try database.value(
                Int.self, sql: "SELECT position FROM outbox_cursors WHERE destination = ?", arguments: [destination])
        }
    }

    /// Adds messages in their order, except those that are there already, and moves the cursors of destinations, all or nothing. A message
    /// that is replaced by a later one of its name is there once: it is to be sent again when its payload differs, and keeps the
    /// receiver's id of what it made.
    ///
    /// Messages of a destination whose cursor is as far already are left out: another server has projected the same events, and perhaps
    /// later ones, whose messages are not replaced by older ones.
    /// - Returns: the number of messages that are new or differ.
    @discardableResult
    package func enqueue(_ notifications: [NewNotification], cursors: [String: Int], at now: Timestamp)
        async throws(JournalError) -> Int
    {
        try await write { database in
            var count = 0
            // Without messages, cursors are set as they are given.
            let isAhead = try Set(
                cursors.filter { try !notifications.isEmpty && Self.isProjected(to: $1, for: $0, database) }
                    .map(\.key))
            for new in notifications where !isAhead.contains(new.destination) {
                let changed = try database.execute(
                    sql: """
                        INSERT INTO outbox
                            (destination, kind, app, number, message, payload, at, state, queued_at, next_at, lane,
                                priority, not_before)
                        VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?)
                        ON CONFLICT (destination, app, number, message) \(new.isReplaced ? Self.replacing : "DO NOTHING")
                        """,
                    arguments: [
                        new.destination, new.kind, new.app, new.number, new.message, new.payload, new.at.milliseconds,
                        now.milliseconds, max(now, new.notBefore ?? now).milliseconds, new.lane, new.priority,
                        new.notBefore?.milliseconds ?? 0,
                    ])
                count += changed
            }
            for (destination, position) in cursors where !isAhead.contains(destination) {
                try database.execute(
                    sql: """
                        INSERT INTO outbox_cursors (destination, position) VALUES (?, ?)
                        ON CONFLICT (destination) DO UPDATE SET position = excluded.position
                        """,
                    arguments: [destination, position])
            }
            return count
        }
    }

    /// Whether the events have been projected for a destination up to a position. A cursor beyond the newest event is that of a journal
    /// which was restored since: nothing is known from it.
    private static func isProjected(
        to position: Int, for destination: String, _ database: any DatabaseConnection
    ) throws -> Bool {
        try database.value(
            Bool.self,
            sql: """
                SELECT EXISTS (
                    SELECT 1 FROM outbox_cursors WHERE destination = ? AND position >= ?
                        AND position <= (SELECT max(position) FROM heads))
                """,
            arguments: [destination, position]) ?? false
    }

    /// It is still the first attempt that counts where nobody knows whether that one arrived, and the first message that waits.
    private static let replacing = """
        DO UPDATE SET payload = excluded.payload, at = excluded.at, state = 'pending', revision = outbox.revision + 1,
            attempts = CASE WHEN outbox.external_id IS NULL THEN outbox.attempts ELSE 0 END,
            queued_at = CASE WHEN outbox.state = 'pending' THEN outbox.queued_at ELSE excluded.queued_at END,
            next_at = excluded.next_at, lane = excluded.lane, priority = excluded.priority,
            not_before = excluded.not_before, is_resent = 0
        WHERE outbox.payload <> excluded.payload
        """

    /// How many of an app's newest releases keep their messages: the live one is among them, to which more will happen.
    private static let keptReleases = 20

    /// Removes messages that were dealt with before `end`. Their events are too old to be projected again.
    package func forgetNotifications(before end: Timestamp) async throws(JournalError) {
        try await write {
            try $0.execute(
                sql: """
                    DELETE FROM outbox WHERE state <> 'pending' AND queued_at < ?
                        AND number <= coalesce((SELECT number FROM heads WHERE app = outbox.app) - ?, number)
                    """,
                arguments: [end.milliseconds, Self.keptReleases])
        }
    }

    /// Ends messages that have been pending since before `end` for destinations other than these: nobody sends them.
    package func endNotifications(exceptOf destinations: [String], before end: Timestamp) async throws(JournalError) {
        try await write {
            let values: [any ColumnValue] = [end.milliseconds] + destinations
            try $0.execute(
                sql: """
                    UPDATE outbox SET state = 'obsolete', answer = 'not sent: ' || destination || ' is not configured any more'
                    WHERE state = 'pending' AND queued_at < ? AND NOT \(condition("destination", isAnyOf: destinations))
                    """,
                arguments: StatementArguments(values))
        }
    }
}

// MARK: - For people

extension Journal {
    package func notification(_ id: Int) async throws(JournalError) -> OutboxNotification? {
        try await read { database in
            try database.row(sql: "SELECT * FROM outbox WHERE id = ?", arguments: [id])
                .map { OutboxNotification($0) }
        }
    }

    /// Sends a message again, or a pending one now, whatever it waits for.
    /// - Returns: the message; `nil` when there is none with this id.
    package func resend(_ id: Int, at now: Timestamp) async throws(JournalError) -> OutboxNotification? {
        try await write { database in
            try database.execute(
                sql: """
                    UPDATE outbox SET state = 'pending', queued_at = ?, next_at = ?, not_before = 0, is_resent = 1
                    WHERE id = ?
                    """,
                arguments: [now.milliseconds, now.milliseconds, id])
            return try database.row(sql: "SELECT * FROM outbox WHERE id = ?", arguments: [id])
                .map { OutboxNotification($0) }
        }
    }
}
