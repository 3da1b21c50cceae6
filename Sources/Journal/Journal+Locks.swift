import ReleaseMachine

extension Journal {
    /// Adds a lock. `audit` is its entry in the audit log.
    package func add(_ lock: ReleaseLock, audit: AuditEntry? = nil) async throws(JournalError) {
        try await write { database in
            try lock.insert(database)
            try audit?.insert(database)
        }
    }

    /// Locks the lock's app for automatic releases, unless a lock does that already. Of several at one moment one is added.
    package func addAutomatic(_ lock: ReleaseLock) async throws(JournalError) {
        try await write { try lock.insertUnlessAutomatic($0) }
    }

    /// Ends a lock.
    /// - Returns: false when no lock with this id holds.
    package func end(
        lock id: String, by: String, at: Timestamp, audit: AuditEntry? = nil
    ) async throws(JournalError) -> Bool {
        try await write { database in
            let changed = try database.execute(
                sql: """
                    UPDATE locks SET ended_at = ?, ended_by = ?
                    WHERE id = ? AND ended_at IS NULL AND (until IS NULL OR until > ?)
                    """,
                arguments: [at.milliseconds, by, id, at.milliseconds])
            guard changed > 0 else { return false }
            try audit?.insert(database)
            return true
        }
    }

    /// The locks that hold at a time, the oldest first.
    package func locks(at now: Timestamp) async throws(JournalError) -> [ReleaseLock] {
        try await read { try ReleaseLock.holding(at: now, $0) }
    }
}

extension ReleaseLock {
    fileprivate static func holding(at now: Timestamp, _ database: any DatabaseConnection) throws -> [ReleaseLock] {
        try database.rows(
            sql: "SELECT * FROM locks WHERE ended_at IS NULL AND (until IS NULL OR until > ?) ORDER BY since, id",
            arguments: [now.milliseconds]
        ).map { ReleaseLock($0) }
    }

    /// Looks and writes in one transaction, which has the journal for itself.
    func insertUnlessAutomatic(_ database: any DatabaseConnection) throws {
        guard let app, try !Self.holding(at: since, database).contains(where: { $0.isAutomatic(for: app) }) else {
            return
        }
        try insert(database)
    }

    fileprivate init(_ row: Row) {
        self.init(
            id: row["id"], app: row["app"], reason: row["reason"], by: row["locked_by"],
            since: Timestamp(milliseconds: row["since"]),
            until: (row["until"] as Int64?).map { Timestamp(milliseconds: $0) },
            isAutomatic: row["is_automatic"])
    }

    func insert(_ database: any DatabaseConnection) throws {
        try database.execute(
            sql: """
                INSERT INTO locks (id, app, reason, locked_by, since, until, is_automatic)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [id, app, reason, by, since.milliseconds, until?.milliseconds, isAutomatic])
    }
}
