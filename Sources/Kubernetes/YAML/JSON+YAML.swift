import Yams

extension JSON {
    /// The JSON that kubectl sends for a YAML text; `null` for an empty text.
    ///
    /// Unlike kubectl, it refuses duplicate keys and fractions as keys.
    package init(yaml text: String) throws(InvalidYAML) {
        guard let node = try YAMLDocument.compose(text) else {
            self = .null
            return
        }
        self = try JSON(node)
    }

    /// Converts a node of a `YAMLDocument`.
    init(_ node: Node) throws(InvalidYAML) {
        switch node {
        case .scalar(let scalar): self = try JSON(YAMLScalar(scalar, at: node), at: node)
        case .sequence(let sequence):
            var items: [JSON] = []
            for item in sequence { items.append(try JSON(item)) }
            self = .array(items)
        case .mapping(let mapping):
            var members: [String: JSON] = [:]
            for (key, value) in mapping { members[key.scalar?.string ?? ""] = try JSON(value) }
            self = .object(members)
        case .alias: throw InvalidYAML(node, "an alias without an anchor")
        }
    }

    private init(_ scalar: YAMLScalar, at node: Node) throws(InvalidYAML) {
        switch scalar {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .large(let value): self = .number(Double(value))
        case .string(let value): self = .string(value)
        case .float(let value):
            guard value.isFinite else {
                throw InvalidYAML(
                    node,
                    "JSON has no number \(node.scalar?.string ?? ""); put it in quotation marks to make it a string")
            }
            self = Self.wholeAsWritten(value).map(JSON.integer) ?? .number(value)
        }
    }

    /// A float without a fraction becomes an integer, with the digits that Go writes: the shortest that give the same float,
    /// followed by zeros.
    private static func wholeAsWritten(_ value: Double) -> Int64? {
        guard value == value.rounded(), abs(value) < 0x1p63 else { return nil }
        if abs(value) < 0x1p53 { return Int64(value) }
        let parts = value.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        guard exponent >= fraction.count else { return Int64(exactly: value) }
        return Int64(mantissa[0] + fraction + String(repeating: "0", count: exponent - fraction.count))
    }
}
