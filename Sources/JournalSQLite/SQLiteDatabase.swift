import Foundation
import GRDB
import Journal

// The module and its main type have one name: what both modules have is named here.
import enum Journal.DatabaseValue
import struct Journal.Row
import struct Journal.StatementArguments

/// A journal in one SQLite file. Several processes of one machine may share it.
///
/// Writes are synchronous and full (`synchronous = FULL`): what was committed survives a power failure.
struct SQLiteDatabase: JournalDatabase {
    let path: String
    let pool: DatabasePool
    private let file: SQLiteFileCheck

    /// `path` is what messages call it.
    init(path: String, pool: DatabasePool) {
        self.path = path
        self.pool = pool
        file = SQLiteFileCheck(path: pool.path)
    }

    var name: String { path }
    var isShared: Bool { false }
    var senderLock: String? { path + "-sender" }

    /// Not GRDB's own asynchronous functions: those end a transaction when the task is cancelled, and what has happened is to be written
    /// also then.
    func read<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    {
        let result: Result<Value, JournalError> = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                continuation.resume(
                    returning: journalResult { try body(SQLiteConnection(database: try database.get())) })
            }
        }
        return try result.get()
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    {
        let result: Result<Value, JournalError> = await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                continuation.resume(
                    returning: journalResult {
                        var value: Value?
                        try database.inTransaction(.immediate) {
                            value = try body(SQLiteConnection(database: database))
                            return .commit
                        }
                        guard let value else { throw CancellationError() }
                        return value
                    })
            }
        }
        return try result.get()
    }

    func checkWritable() async throws(JournalError) {
        let result: Result<Void, JournalError> = await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                continuation.resume(
                    returning: journalResult {
                        try database.inTransaction(.immediate) { .rollback }
                        if let problem = file.problem() { throw JournalError(journal: path, kind: problem) }
                    })
            }
        }
        try result.get()
    }

    func openChangeSource() throws(JournalError) -> any ChangeSource { try SQLiteChangeSource(path: path) }

    private func journalResult<Value>(_ body: () throws -> Value) -> Result<Value, JournalError> {
        Result(catching: body).mapError { JournalError(path: path, $0) }
    }
}

/// A connection of GRDB's inside a transaction.
struct SQLiteConnection: DatabaseConnection {
    let database: Database

    func rows(sql: String, arguments: StatementArguments) throws -> [Row] {
        let cursor = try GRDB.Row.fetchCursor(database, sql: sql, arguments: arguments.forSQLite)
        var columns: [String: Int]?
        var rows: [Row] = []
        while let row = try cursor.next() {
            let names = columns ?? Dictionary(zip(row.columnNames, 0...)) { first, _ in first }
            columns = names
            rows.append(Row(row.databaseValues.map(DatabaseValue.init), columns: names))
        }
        return rows
    }

    func execute(sql: String, arguments: StatementArguments) throws -> Int {
        try database.execute(sql: sql, arguments: arguments.forSQLite)
        return database.changesCount
    }
}

extension StatementArguments {
    fileprivate var forSQLite: GRDB.StatementArguments {
        GRDB.StatementArguments(
            values.map { value -> (any DatabaseValueConvertible)? in
                switch value {
                case .null: nil
                case .integer(let number): number
                case .text(let text): text
                case .bytes(let bytes): Data(bytes)
                }
            })
    }
}

extension DatabaseValue {
    fileprivate init(_ value: GRDB.DatabaseValue) {
        self =
            switch value.storage {
            case .null: .null
            case .int64(let number): .integer(number)
            case .double(let number): .integer(Int64(number))
            case .string(let text): .text(text)
            case .blob(let data): .bytes(Array(data))
            }
    }
}
