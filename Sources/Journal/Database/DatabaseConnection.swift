/// A connection inside a transaction. Its calls block the thread.
package protocol DatabaseConnection {
    /// The rows that a statement returns.
    func rows(sql: String, arguments: StatementArguments) throws -> [Row]

    /// Runs a statement.
    /// - Returns: the number of rows that it inserted, changed or deleted.
    @discardableResult
    func execute(sql: String, arguments: StatementArguments) throws -> Int

}

extension DatabaseConnection {
    package func rows(sql: String) throws -> [Row] { try rows(sql: sql, arguments: []) }

    @discardableResult
    package func execute(sql: String) throws -> Int { try execute(sql: sql, arguments: []) }

    package func row(sql: String, arguments: StatementArguments = []) throws -> Row? {
        try rows(sql: sql, arguments: arguments).first
    }

    /// The first column of the first row; `nil` when there is no row, or it is NULL.
    package func value<Value: ColumnValue>(
        _ type: Value.Type = Value.self, sql: String, arguments: StatementArguments = []
    ) throws -> Value? {
        try row(sql: sql, arguments: arguments).flatMap { Value($0.values[0]) }
    }

    /// The first column of all rows that have one.
    package func values<Value: ColumnValue>(
        _ type: Value.Type = Value.self, sql: String, arguments: StatementArguments = []
    ) throws -> [Value] {
        try rows(sql: sql, arguments: arguments).compactMap { Value($0.values[0]) }
    }
}

/// A row that a statement returned.
package struct Row: Sendable {
    /// The values, in the order of the columns.
    package let values: [DatabaseValue]
    private let columns: [String: Int]

    /// `columns` has the place of each column.
    package init(_ values: [DatabaseValue], columns: [String: Int]) {
        self.values = values
        self.columns = columns
    }

    /// The value of a column that is never NULL. The schema gives each column one type, so another one is a mistake of this program.
    package subscript<Value: ColumnValue>(column: String) -> Value {
        guard let value = Value(self.value(column)) else {
            preconditionFailure(
                "the journal's column \(column) has \(self.value(column)) where \(Value.self) is expected")
        }
        return value
    }

    /// The value of a column; `nil` when it is NULL.
    package subscript<Value: ColumnValue>(column: String) -> Value? { Value(value(column)) }

    private func value(_ column: String) -> DatabaseValue {
        guard let place = columns[column] else { preconditionFailure("the statement returns no column \(column)") }
        return values[place]
    }
}
