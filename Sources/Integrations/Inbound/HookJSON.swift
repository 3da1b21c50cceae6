/// The JSON value of a delivery.
///
/// Senders add fields, and now and then change the type of one that is not read here. A value that is missing or of another type reads as
/// `nil`, so that only what matters has to be right.
enum HookJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([HookJSON])
    case object([String: HookJSON])
}

extension HookJSON {
    /// The member; `null` where there is none.
    subscript(name: String) -> HookJSON { object?[name] ?? .null }

    var isNull: Bool { self == .null }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var array: [HookJSON]? { if case .array(let value) = self { value } else { nil } }
    var object: [String: HookJSON]? { if case .object(let value) = self { value } else { nil } }

    /// A string that is not empty.
    var text: String? { string.flatMap { $0.isEmpty ? nil : $0 } }
}
