import Foundation

extension JSON {
    /// - Throws: `JSON.Malformed`.
    package init(parsing data: Data) throws {
        self = try data.withUnsafeBytes { bytes in
            var reader = JSONReader(bytes: bytes)
            return try reader.document()
        }
    }

    /// - Throws: `JSON.Malformed`.
    package init(parsing text: String) throws {
        try self.init(parsing: Data(text.utf8))
    }

    /// The text is not JSON (RFC 8259), or is nested deeper than any Kubernetes object.
    package struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        package var problem: String
        /// In bytes from the start of the text.
        package var offset: Int

        package var description: String { "\(problem) at byte \(offset)" }
    }
}

/// Parses JSON in one pass. As in client-go, `Int64` numbers stay exact, the last of several members with the same name
/// counts, and invalid UTF-8 becomes replacement characters.
struct JSONReader {
    /// The deepest Kubernetes objects, schemas of custom resources, have about 100 levels.
    static let depthLimit = 512

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func document() throws(JSON.Malformed) -> JSON {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw malformed("text after the end of the value") }
        return value
    }

    private func malformed(_ problem: String) -> JSON.Malformed { JSON.Malformed(problem: problem, offset: position) }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSON.Malformed) -> JSON {
        skipSpace()
        guard let byte = current else { throw malformed("the text ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "{"): return try nested { reader throws(JSON.Malformed) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(JSON.Malformed) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try keyword("true", .bool(true))
        case UInt8(ascii: "f"): return try keyword("false", .bool(false))
        case UInt8(ascii: "n"): return try keyword("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw malformed("a value is expected")
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(JSON.Malformed) -> JSON
    ) throws(JSON.Malformed) -> JSON {
        guard depth < Self.depthLimit else { throw malformed("nested deeper than \(Self.depthLimit) levels") }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func keyword(_ text: StaticString, _ value: JSON) throws(JSON.Malformed) -> JSON {
        let end = position + text.utf8CodeUnitCount
        guard end <= bytes.count,
            bytes[position..<end].elementsEqual(
                UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        else { throw malformed("a value is expected") }
        position = end
        return value
    }

    private mutating func object() throws(JSON.Malformed) -> JSON {
        var members: [String: JSON] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw malformed("a member name is expected") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw malformed("a colon is expected") }
            members[name] = try value()
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw malformed("a comma or } is expected") }
        }
    }

    private mutating func array() throws(JSON.Malformed) -> JSON {
        var items: [JSON] = []
        skipSpace()
        if take("]") { return .array(items) }
        while true {
            items.append(try value())
            skipSpace()
            if take("]") { return .array(items) }
            guard take(",") else { throw malformed("a comma or ] is expected") }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    // MARK: - Numbers

    private mutating func number() throws(JSON.Malformed) -> JSON {
        let start = position
        var isWhole = true
        _ = take("-")
        let whole = digits()
        // No leading zeros.
        guard whole == 1 || (whole > 1 && bytes[position - whole] != UInt8(ascii: "0")) else {
            throw malformed("a malformed number")
        }
        if take(".") {
            isWhole = false
            guard digits() > 0 else { throw malformed("a malformed number") }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { throw malformed("a malformed number") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw malformed("a number out of range") }
        return .number(value)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    // MARK: - Strings

    private mutating func string() throws(JSON.Malformed) -> String {
        position += 1
        let start = position
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: bytes[start..<position - 1], as: UTF8.self)
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw malformed("a control character in a string")
            default: position += 1
            }
        }
        throw malformed("an unterminated string")
    }

    /// A string with an escape sequence at the current position.
    private mutating func escapedString(from start: Int) throws(JSON.Malformed) -> String {
        var text = Array(bytes[start..<position])
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                try text.append(contentsOf: escapeSequence())
            case 0..<0x20: throw malformed("a control character in a string")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw malformed("an unterminated string")
    }

    private mutating func escapeSequence() throws(JSON.Malformed) -> [UInt8] {
        guard let byte = current else { throw malformed("an unterminated string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try scalar()).utf8)
        default: throw malformed("an unknown escape sequence in a string")
        }
    }

    /// The character of `\uXXXX` or of a surrogate pair. An unpaired surrogate becomes a replacement character.
    private mutating func scalar() throws(JSON.Malformed) -> Unicode.Scalar {
        let high = try codeUnit()
        if UTF16.isLeadSurrogate(high), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        {
            let before = position
            position += 2
            let low = try codeUnit()
            if UTF16.isTrailSurrogate(low) {
                return Unicode.Scalar(0x10000 + ((UInt32(high) & 0x3FF) << 10 | UInt32(low) & 0x3FF)) ?? "\u{FFFD}"
            }
            position = before
        }
        return Unicode.Scalar(high) ?? "\u{FFFD}"
    }

    private mutating func codeUnit() throws(JSON.Malformed) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("\\u needs four hexadecimal digits")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}
