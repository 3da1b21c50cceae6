import ViridianConfiguration

/// Parses JSON (RFC 8259) strictly: whoever signs a body and whoever reads it must see the same in it. A member that stands twice in an object
/// is an error, since one reader takes the first and another the last.
package struct HookJSONReader {
    /// Senders nest about ten levels deep. This bounds the recursion.
    static let depthLimit = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    /// What the body is meant to be.
    private let expected: String
    private var position = 0
    private var depth = 0

    /// Whether a request's body can be read in one way only.
    /// - Throws: `MalformedHook`.
    package static func check(_ bytes: [UInt8]) throws(MalformedHook) {
        _ = try value(of: bytes, expected: "JSON")
    }

    /// - Throws: `MalformedHook`.
    static func value(
        of bytes: [UInt8], expected: String = "the JSON of a delivery"
    ) throws(MalformedHook) -> HookJSON {
        guard !bytes.isEmpty else { throw MalformedHook("the body is empty; expected JSON") }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw MalformedHook("the body is not UTF-8; expected JSON")
        }
        let result = bytes.withUnsafeBufferPointer { bytes in
            Result { () throws(MalformedHook) in
                var reader = HookJSONReader(bytes: bytes, expected: expected)
                return try reader.document()
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, expected: String) {
        (self.bytes, self.expected) = (bytes, expected)
    }

    private mutating func document() throws(MalformedHook) -> HookJSON {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw malformed("there is text after the end of the value") }
        return value
    }

    private func malformed(_ problem: String) -> MalformedHook {
        MalformedHook("the body is not \(expected): \(problem) at byte \(position)")
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(MalformedHook) -> HookJSON {
        skipSpace()
        switch current {
        case nil: throw malformed("it ends where a value is expected")
        case UInt8(ascii: "{"), UInt8(ascii: "["): return try container()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try keyword("true", .bool(true))
        case UInt8(ascii: "f"): return try keyword("false", .bool(false))
        case UInt8(ascii: "n"): return try keyword("null", .null)
        default: return try number()
        }
    }

    private mutating func keyword(_ text: StaticString, _ value: HookJSON) throws(MalformedHook) -> HookJSON {
        let end = position + text.utf8CodeUnitCount
        let word = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard end <= bytes.count, bytes[position..<end].elementsEqual(word) else {
            throw malformed("a value is expected")
        }
        position = end
        return value
    }

    // MARK: - Objects and arrays

    private mutating func container() throws(MalformedHook) -> HookJSON {
        guard depth < Self.depthLimit else { throw malformed("it is nested deeper than \(Self.depthLimit) levels") }
        depth += 1
        defer { depth -= 1 }
        let isObject = current == UInt8(ascii: "{")
        position += 1
        return isObject ? .object(try members()) : .array(try items())
    }

    private mutating func members() throws(MalformedHook) -> [String: HookJSON] {
        var members: [String: HookJSON] = [:]
        skipSpace()
        if take("}") { return members }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw malformed("the name of a member is expected") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw malformed("a colon is expected") }
            let value = try value()
            guard members.updateValue(value, forKey: name) == nil else {
                throw malformed("the second \(Excerpt.quoted(name)) in one object")
            }
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw malformed("a comma or } is expected") }
        }
    }

    private mutating func items() throws(MalformedHook) -> [HookJSON] {
        var items: [HookJSON] = []
        skipSpace()
        if take("]") { return items }
        while true {
            items.append(try value())
            skipSpace()
            if take("]") { return items }
            guard take(",") else { throw malformed("a comma or ] is expected") }
        }
    }

    // MARK: - Numbers

    private mutating func number() throws(MalformedHook) -> HookJSON {
        let start = position
        var isWhole = true
        _ = take("-")
        let whole = digits()
        guard whole > 0 else { throw malformed("a value is expected") }
        guard whole == 1 || bytes[position - whole] != UInt8(ascii: "0") else {
            throw malformed("a number begins with 0")
        }
        if take(".") {
            isWhole = false
            guard digits() > 0 else { throw malformed("a digit is expected") }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { throw malformed("a digit is expected") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw malformed("a number is too large") }
        return .number(value)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    // MARK: - Strings

    private mutating func string() throws(MalformedHook) -> String {
        position += 1
        var text: [UInt8] = []
        var start = position
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                text.append(contentsOf: bytes[start..<position])
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: bytes[start..<position])
                position += 1
                text.append(contentsOf: try escapeSequence())
                start = position
            case 0..<0x20: throw malformed("a control character in a string")
            default: position += 1
            }
        }
        throw malformed("a string does not end")
    }

    private mutating func escapeSequence() throws(MalformedHook) -> [UInt8] {
        guard let byte = current else { throw malformed("a string does not end") }
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

    /// The character of `\uXXXX` or of a surrogate pair; half a pair becomes a replacement character.
    private mutating func scalar() throws(MalformedHook) -> Unicode.Scalar {
        let high = try codeUnit()
        guard UTF16.isLeadSurrogate(high), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
        let before = position
        position += 2
        let low = try codeUnit()
        guard UTF16.isTrailSurrogate(low) else {
            position = before
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + ((UInt32(high) & 0x3FF) << 10 | UInt32(low) & 0x3FF)) ?? "\u{FFFD}"
    }

    private mutating func codeUnit() throws(MalformedHook) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("four hexadecimal digits are expected")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}
