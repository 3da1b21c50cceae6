import Foundation

/// A value as databases keep it.
package enum DatabaseValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
}

/// What a column can hold.
package protocol ColumnValue: Sendable {
    var databaseValue: DatabaseValue { get }
    /// `nil` when it is NULL, or of another type.
    init?(_ value: DatabaseValue)
}

extension Int64: ColumnValue {
    package var databaseValue: DatabaseValue { .integer(self) }
    package init?(_ value: DatabaseValue) {
        guard case .integer(let number) = value else { return nil }
        self = number
    }
}

extension Int: ColumnValue {
    package var databaseValue: DatabaseValue { .integer(Int64(self)) }
    package init?(_ value: DatabaseValue) {
        guard case .integer(let number) = value else { return nil }
        self.init(number)
    }
}

/// 0 or 1: SQLite has no other type for it.
extension Bool: ColumnValue {
    package var databaseValue: DatabaseValue { .integer(self ? 1 : 0) }
    package init?(_ value: DatabaseValue) {
        guard case .integer(let number) = value else { return nil }
        self = number != 0
    }
}

extension String: ColumnValue {
    package var databaseValue: DatabaseValue { .text(self) }
    package init?(_ value: DatabaseValue) {
        guard case .text(let text) = value else { return nil }
        self = text
    }
}

extension Data: ColumnValue {
    package var databaseValue: DatabaseValue { .bytes(Array(self)) }
    package init?(_ value: DatabaseValue) {
        guard case .bytes(let bytes) = value else { return nil }
        self.init(bytes)
    }
}

/// The arguments of a statement, in the order of its `?`.
package struct StatementArguments: Sendable, ExpressibleByArrayLiteral {
    package var values: [DatabaseValue]

    package init(arrayLiteral elements: (any ColumnValue)?...) {
        values = elements.map { $0?.databaseValue ?? .null }
    }

    package init(_ elements: [any ColumnValue]) { values = elements.map(\.databaseValue) }

    package static func + (left: StatementArguments, right: StatementArguments) -> StatementArguments {
        var sum = left
        sum.values += right.values
        return sum
    }
}

/// The condition that a column has one of the values, which are arguments. PostgreSQL knows no empty list.
func condition(_ column: String, isAnyOf values: [String]) -> String {
    values.isEmpty ? "(1 = 0)" : "(\(column) IN (\(values.map { _ in "?" }.joined(separator: ", "))))"
}
