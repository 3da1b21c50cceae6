import Foundation

extension JSON {
    /// The value as compact JSON with sorted keys, so that equal values give equal bytes.
    /// - Throws: `NotFinite` for infinity and NaN.
    package var data: Data {
        get throws(NotFinite) {
            var writer = JSONWriter()
            writer.write(self)
            if let number = writer.notFinite { throw NotFinite(number: number) }
            return Data(writer.bytes)
        }
    }

    /// The value for messages and comparisons. Unlike `data`, it also writes `inf` and `nan`.
    package var text: String {
        var writer = JSONWriter()
        writer.write(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// JSON has no infinity and no NaN, and a substitute would be a different value.
    package struct NotFinite: Error, Sendable, Hashable, CustomStringConvertible {
        package var number: String

        package var description: String { "the number \(number) cannot be written as JSON" }
    }
}

private struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    /// The first number that JSON cannot represent.
    private(set) var notFinite: String?

    mutating func write(_ value: JSON) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .number(let value):
            if !value.isFinite, notFinite == nil { notFinite = "\(value)" }
            // 3.0 as 3: the API server treats them alike, but some JSON readers do not accept 3.0 as an integer.
            append(Int64(exactly: value).map(String.init) ?? value.description)
        case .string(let value): write(value)
        case .array(let items):
            append("[")
            for (index, item) in items.enumerated() {
                if index > 0 { append(",") }
                write(item)
            }
            append("]")
        case .object(let members):
            append("{")
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { append(",") }
                write(member.key)
                append(":")
                write(member.value)
            }
            append("}")
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func write(_ text: String) {
        append("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x20:
                append("\\u00")
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 0xF))
            default: bytes.append(byte)
            }
        }
        append("\"")
    }

    private func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
