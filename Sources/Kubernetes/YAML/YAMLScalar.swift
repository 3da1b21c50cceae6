import Foundation
import Yams

/// The value of a scalar: https://github.com/kubernetes-sigs/yaml/blob/v1.4.0/goyaml.v2/resolve.go
enum YAMLScalar: Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// An integer beyond `Int64` that fits in a `UInt64`.
    case large(UInt64)
    case float(Double)
    case string(String)

    /// Yams' resolver writes the resolved type into a key's tag, which makes `1` and `!!int "1"` equal. This resolver gives all
    /// untagged scalars the same tag.
    static let untyped: Resolver = {
        // The pattern is constant and valid.
        (try? Resolver.basic.appending(untagged, "(?s)^.*$")) ?? .basic
    }()
    private static let untagged = Tag.Name(rawValue: "viridian:untagged")

    static func isMergeKey(_ key: Node) -> Bool {
        guard let scalar = key.scalar, scalar.string == "<<" else { return false }
        return isUntagged(scalar) && scalar.style == .plain || scalar.tag.rawValue == Tag.Name.merge.rawValue
    }

    private static func isUntagged(_ scalar: Node.Scalar) -> Bool {
        ["", untagged.rawValue].contains(scalar.tag.rawValue)
    }

    init(_ scalar: Node.Scalar, at node: Node) throws(InvalidYAML) {
        let text = scalar.string
        if Self.isUntagged(scalar) {
            self = scalar.style == .plain ? Self.plain(text) : .string(text)
            return
        }
        let found = Self.plain(text)
        switch (Tag.Name(rawValue: scalar.tag.rawValue), found) {
        case (.bool, .bool), (.int, .integer), (.int, .large), (.float, .float), (.null, .null): self = found
        case (.float, .integer(let value)): self = .float(Double(value))
        case (.binary, _):
            guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters),
                let decoded = String(data: data, encoding: .utf8)
            else { throw InvalidYAML(node, "!!binary requires base64 text") }
            self = .string(decoded)
        case (.bool, _), (.int, _), (.float, _), (.null, _):
            throw InvalidYAML(node, "\(text) is no \(scalar.tag.rawValue.replacing("tag:yaml.org,2002:", with: "!!"))")
        default: self = .string(text)
        }
    }

    /// The value of an unquoted, untagged scalar.
    static func plain(_ text: String) -> YAMLScalar {
        if let known = constants[text] { return known }
        switch text.utf8.first ?? 0 {
        case UInt8(ascii: "."):
            return fraction(text) ?? .string(text)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            // Times and dates stay strings: go-yaml has no base 60 numbers.
            let digits = text.replacing("_", with: "")
            return whole(digits) ?? decimal(digits) ?? binary(digits) ?? .string(text)
        default:
            return .string(text)
        }
    }

    private static let constants: [String: YAMLScalar] = {
        let meanings: [(YAMLScalar, [String])] = [
            (.bool(true), ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]),
            (.bool(false), ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]),
            (.null, ["", "~", "null", "Null", "NULL"]),
            (.float(.nan), [".nan", ".NaN", ".NAN"]),
            (.float(.infinity), [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"]),
            (.float(-.infinity), ["-.inf", "-.Inf", "-.INF"]),
        ]
        return Dictionary(uniqueKeysWithValues: meanings.flatMap { meaning, texts in texts.map { ($0, meaning) } })
    }()

    /// `17`, `-0x1F`, `0b11`, `0o17`, and octal `017`.
    private static func whole(_ text: String) -> YAMLScalar? {
        var digits = text[...]
        let isNegative = digits.hasPrefix("-")
        let hasSign = isNegative || digits.hasPrefix("+")
        if hasSign { digits = digits.dropFirst() }
        guard let first = digits.first, first.isASCII, first.isNumber else { return nil }
        var radix = 10
        if digits.count >= 3, first == "0",
            let known = ["x": 16, "b": 2, "o": 8][digits.dropFirst().prefix(1).lowercased()]
        {
            radix = known
            digits = digits.dropFirst(2)
        } else if first == "0", digits.count > 1 {
            radix = 8
            digits = digits.dropFirst()
        }
        // UInt64 would accept a second sign.
        guard digits.allSatisfy({ $0.isASCII && $0.isHexDigit }), let size = UInt64(digits, radix: radix) else {
            return nil
        }
        if isNegative { return size <= 1 << 63 ? .integer(Int64(truncatingIfNeeded: 0 &- size)) : nil }
        if let value = Int64(exactly: size) { return .integer(value) }
        return hasSign ? nil : .large(size)
    }

    /// `0b+11`: go-yaml also accepts a sign after the prefix.
    private static func binary(_ text: String) -> YAMLScalar? {
        guard text.hasPrefix("0b") else { return nil }
        return Int64(text.dropFirst(2), radix: 2).map(YAMLScalar.integer)
    }

    private static func decimal(_ text: String) -> YAMLScalar? {
        guard text.wholeMatch(of: #/[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?/#) != nil else { return nil }
        return double(text)
    }

    private static func fraction(_ text: String) -> YAMLScalar? {
        guard text.wholeMatch(of: #/\.[0-9](_?[0-9])*([eE][-+]?[0-9](_?[0-9])*)?/#) != nil else { return nil }
        return double(text.replacing("_", with: ""))
    }

    /// A number out of range stays a string, such as the commit 7e50100.
    private static func double(_ text: String) -> YAMLScalar? {
        guard let value = Double(text), value.isFinite else { return nil }
        return .float(value)
    }
}
