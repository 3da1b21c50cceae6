/// A JSON value. Kubernetes objects are kept as JSON values instead of a typed model, so that unknown fields survive a round
/// trip.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is not an `Int64`. JSON has no infinity and no NaN: a value with one of them cannot be sent.
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

// MARK: - Reading and changing

extension JSON {
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    package var integer: Int? {
        switch self {
        case .integer(let value): Int(value)
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The value as a count. In the API, counts are non-negative int32 values; other values are clamped to that range, so that
    /// sums cannot overflow.
    package var count: Int? { integer.map { min(max($0, 0), Int(Int32.max)) } }

    /// The member `key`; nil when there is none or this is not an object. Setting nil removes it.
    package subscript(key: String) -> JSON? {
        get { object?[key] }
        set {
            var members = object ?? [:]
            members[key] = newValue
            self = .object(members)
        }
    }

    package subscript(index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }

    /// The value at a path of keys. Setting it creates missing objects on the path.
    package subscript(path: [String]) -> JSON? {
        get { path.reduce(Optional(self)) { $0?[$1] } }
        set {
            guard let first = path.first else { return }
            guard path.count > 1 else {
                self[first] = newValue
                return
            }
            var child = self[first] ?? .object([:])
            child[Array(path.dropFirst())] = newValue
            self[first] = child
        }
    }

    /// The value at a dotted path whose keys contain no dots: `spec.template.metadata`.
    package subscript(at dotted: String) -> JSON? {
        get { self[dotted.split(separator: ".").map(String.init)] }
        set { self[dotted.split(separator: ".").map(String.init)] = newValue }
    }

    /// JSON merge patch (RFC 7396): members of `patch` replace those here, `null` removes, objects merge.
    package func merging(_ patch: JSON) -> JSON {
        guard let changes = patch.object else { return patch }
        var result = object ?? [:]
        for (key, change) in changes {
            if change.isNull {
                // In a conditional expression, `nil` may mean `JSON.null`.
                result.removeValue(forKey: key)
            } else {
                result[key] = (result[key] ?? .null).merging(change)
            }
        }
        return .object(result)
    }
}

// MARK: - Literals

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}

extension JSON: ExpressibleByStringInterpolation {}
