import ReleaseMachine

/// Why a journal was not copied.
package struct CopyError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
}

/// What was copied.
package struct CopiedJournal: Sendable, Hashable {
    /// The number of rows in each table.
    package var rows: [String: Int]
    package var events: Int { rows["events"] ?? 0 }
}

/// A checksum of rows, in their order (FNV-1a, 64 bits): whether what arrived is what was sent.
private struct RowChecksum: Hashable {
    var count = 0
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ row: [DatabaseValue]) {
        count += 1
        for value in row {
            switch value {
            case .null: add([0])
            case .integer(let number): withUnsafeBytes(of: number.littleEndian) { add([1] + Array($0)) }
            case .text(let text): add(text.utf8, tag: 2)
            case .bytes(let bytes): add(bytes, tag: 3)
            }
        }
    }

    private mutating func add(_ bytes: some Collection<UInt8>, tag: UInt8) {
        withUnsafeBytes(of: Int64(bytes.count).littleEndian) { add([tag] + Array($0)) }
        add(bytes)
    }

    private mutating func add(_ bytes: some Collection<UInt8>) {
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }
}

extension Journal {
    private static let batch = 200
    /// In the list of migrations while a copy is not finished: no version of the program opens such a journal.
    package static let unfinishedCopy = "a copy that is not finished"

    /// Whether nothing was ever recorded in it.
    package func isEmpty() async throws(JournalError) -> Bool {
        try await read { database in
            for table in JournalTable.all where try !table.isEmpty(database) { return false }
            return true
        }
    }

    /// Copies everything to a journal in which there is nothing yet, and compares what arrived. Throws when something was recorded here
    /// meanwhile, so nobody may use it. A copy that fails leaves a PostgreSQL database that no server opens; a file is the caller's.
    package func copy(to target: Journal) async throws -> CopiedJournal {
        guard try await target.isEmpty() else {
            throw CopyError(description: "journal \(target.name) is not empty: copy to a new one")
        }
        let before = try await state()
        try await target.mark(isCopying: true)
        var checksums: [JournalTable: RowChecksum] = [:]
        for table in JournalTable.all {
            if table == .heads { try await target.write { try $0.execute(sql: "DELETE FROM heads") } }
            var checksum = RowChecksum()
            try await each(table) { rows in
                for row in rows { checksum.add(row) }
                try await target.write { try table.insert(rows, $0) }
            }
            checksums[table] = checksum
            if let identity = table.identity {
                let last = try await lastNumber(of: table, identity)
                try await target.advance(table, identity, to: last)
            }
        }
        for table in JournalTable.all {
            var checksum = RowChecksum()
            try await target.each(table) { rows in for row in rows { checksum.add(row) } }
            guard checksum == checksums[table] else {
                throw CopyError(
                    description: """
                        journal \(target.name): the \(checksum.count) rows of \(table.name) are not the \
                        \(checksums[table]?.count ?? 0) that were copied: use it for nothing
                        """)
            }
        }
        guard try await state() == before else {
            throw CopyError(
                description: """
                    journal \(name): something was recorded while it was copied: stop all servers and copy to a new journal
                    """)
        }
        try await target.mark(isCopying: false)
        return CopiedJournal(
            rows: Dictionary(uniqueKeysWithValues: checksums.map { ($0.key.name, $0.value.count) }))
    }

    /// All rows of a table in the order of their keys, in batches, each read on its own.
    func each(
        _ table: JournalTable, limit: Int = Journal.batch,
        where condition: (sql: String, arguments: StatementArguments)? = nil,
        _ body: ([[DatabaseValue]]) async throws -> Void
    ) async throws {
        var after: [DatabaseValue]?
        while true {
            try Task.checkCancellation()
            let rows = try await read { [after] in
                try table.rows(after: after, limit: limit, where: condition, $0)
            }
            guard let last = rows.last else { return }
            try await body(rows)
            guard rows.count == limit else { return }
            after = table.key(of: last)
        }
    }

    /// What differs once somebody has recorded something.
    private func state() async throws(JournalError) -> [Int] {
        try await read { database in
            try ["max(position) FROM heads", "max(id) FROM audit", "max(id) FROM deliveries", "max(id) FROM outbox"]
                .map { try database.value(Int.self, sql: "SELECT \($0)") ?? 0 }
        }
    }

    /// The highest number that was given, also when its row is gone.
    private func lastNumber(of table: JournalTable, _ column: String) async throws(JournalError) -> Int {
        try await read { [isShared] database in
            let highest = try database.value(Int.self, sql: "SELECT max(\(column)) FROM \(table.name)") ?? 0
            let given =
                isShared
                ? try database.value(
                    Int.self,
                    sql: "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM \(table.name)_\(column)_seq")
                : try database.value(
                    Int.self, sql: "SELECT seq FROM sqlite_sequence WHERE name = ?", arguments: [table.name])
            return max(highest, given ?? 0)
        }
    }

    private func advance(_ table: JournalTable, _ column: String, to last: Int) async throws(JournalError) {
        guard last > 0 else { return }
        try await write { [isShared] database in
            if isShared {
                _ = try database.rows(
                    sql: "SELECT setval(pg_get_serial_sequence('\(table.name)', '\(column)'), CAST(? AS BIGINT))",
                    arguments: [last])
                return
            }
            let changed = try database.execute(
                sql: "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", arguments: [last, table.name])
            // Of a table without AUTOINCREMENT the highest number that is there counts.
            if changed == 0, try database.value(Int.self, sql: Self.isAutoincrement, arguments: [table.name]) != nil {
                try database.execute(
                    sql: "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", arguments: [table.name, last])
            }
        }
    }

    private static let isAutoincrement = "SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'"

    /// Only where servers could open it before it is finished: a file gets its name when it is.
    private func mark(isCopying: Bool) async throws(JournalError) {
        guard isShared else { return }
        try await write { database in
            try database.execute(
                sql: isCopying
                    ? "INSERT INTO schema_migrations (name, applied_at) VALUES (?, 0)"
                    : "DELETE FROM schema_migrations WHERE name = ?",
                arguments: [Self.unfinishedCopy])
        }
    }
}
