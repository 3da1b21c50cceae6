import CPostgreSQL
import Journal

/// Numbers of types (pg_type.dat), which never change.
enum PostgreSQLType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    /// What `sum` of large numbers returns.
    static let numeric: UInt32 = 1700
}

/// What the server answered to a statement.
final class PostgreSQLResult {
    let functions: libpq
    let handle: OpaquePointer

    init(_ functions: libpq, _ handle: OpaquePointer) {
        self.functions = functions
        self.handle = handle
    }

    deinit { functions.clear(handle) }

    /// Why the statement failed; `nil` when it did not.
    var failure: PostgreSQLFailure? {
        let status = Int(functions.resultStatus(handle))
        if [pq_command_ok, pq_tuples_ok, pq_empty_query].contains(status) { return nil }
        // The fields' letters: https://www.postgresql.org/docs/15/libpq-exec.html#LIBPQ-PQRESULTERRORFIELD
        guard let state = field("C") else {
            return PostgreSQLFailure(
                .connectionLost, PostgreSQLConnecting.oneLine(String(libpq: functions.resultErrorMessage(handle))))
        }
        let message = field("M") ?? "the server refuses the statement"
        return PostgreSQLFailure(.refused(state: state, constraint: field("n")), message)
    }

    private func field(_ letter: Unicode.Scalar) -> String? {
        functions.resultErrorField(handle, Int32(letter.value)).map { String(cString: $0) }
    }

    /// The number of rows that the statement inserted, changed, deleted or returned.
    var count: Int { Int(String(libpq: functions.cmdTuples(handle))) ?? 0 }

    var rows: [Row] {
        let columns = (0..<functions.nfields(handle)).map { String(libpq: functions.fname(handle, $0)) }
        let types = (0..<Int32(columns.count)).map { functions.ftype(handle, $0) }
        let places = Dictionary(zip(columns, 0...)) { first, _ in first }
        return (0..<functions.ntuples(handle)).map { row in
            Row(types.indices.map { value(row, Int32($0), types[$0]) }, columns: places)
        }
    }

    private func value(_ row: Int32, _ column: Int32, _ type: UInt32) -> DatabaseValue {
        guard functions.getisnull(handle, row, column) == 0, let start = functions.getvalue(handle, row, column) else {
            return .null
        }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(functions.getlength(handle, row, column)))
        switch type {
        case PostgreSQLType.bool: return .integer(bytes.first == UInt8(ascii: "t") ? 1 : 0)
        case PostgreSQLType.int2, PostgreSQLType.int4, PostgreSQLType.int8, PostgreSQLType.numeric:
            let text = String(decoding: bytes, as: UTF8.self)
            return Int64(text).map { .integer($0) } ?? .text(text)
        case PostgreSQLType.bytea: return .bytes(Self.bytes(hexadecimal: bytes.dropFirst(2)))
        default: return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// The bytes of `\x6869`, without its beginning: each transaction asks for this format.
    private static func bytes(hexadecimal digits: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        func value(_ digit: UInt8) -> UInt8 { digit < UInt8(ascii: "a") ? digit - UInt8(ascii: "0") : digit - 87 }
        return stride(from: digits.startIndex, to: digits.endIndex - 1, by: 2).map {
            value(digits[$0]) << 4 | value(digits[$0 + 1])
        }
    }
}
