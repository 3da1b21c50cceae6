import Kubernetes

/// An error response of the API: a `metav1.Status`.
///
/// Reasons and messages follow `k8s.io/apimachinery/pkg/api/errors`, as clients parse them.
struct StatusError: Error, CustomStringConvertible, Sendable {
    var code: Int
    var reason: String
    var message: String
    var details: JSON?

    var description: String { message }

    var status: JSON {
        var status: JSON = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
            "message": .string(message), "reason": .string(reason), "code": .int(code),
        ]
        status["details"] = details
        return status
    }

    private static func details(_ type: ResourceType, _ name: String) -> JSON {
        var details: JSON = ["kind": .string(type.plural)]
        if !name.isEmpty { details["name"] = .string(name) }
        if !type.group.isEmpty { details["group"] = .string(type.group) }
        return details
    }

    static func notFound(_ type: ResourceType, _ name: String) -> StatusError {
        StatusError(
            code: 404, reason: "NotFound", message: "\(type.qualifiedName) \"\(name)\" not found",
            details: details(type, name))
    }

    static let noSuchPath = StatusError(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: [:])

    static func alreadyExists(_ type: ResourceType, _ name: String) -> StatusError {
        StatusError(
            code: 409, reason: "AlreadyExists", message: "\(type.qualifiedName) \"\(name)\" already exists",
            details: details(type, name))
    }

    static func conflict(_ type: ResourceType, _ name: String, _ why: String? = nil) -> StatusError {
        let why =
            why
            ?? "the object has been modified; please apply your changes to the latest version and try again"
        return StatusError(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(type.qualifiedName) \"\(name)\": \(why)",
            details: details(type, name))
    }

    static func forbidden(_ type: ResourceType, _ name: String, _ why: String) -> StatusError {
        StatusError(
            code: 403, reason: "Forbidden", message: "\(type.qualifiedName) \"\(name)\" is forbidden: \(why)",
            details: details(type, name))
    }

    static func badRequest(_ message: String) -> StatusError {
        StatusError(code: 400, reason: "BadRequest", message: message)
    }

    static func methodNotAllowed() -> StatusError {
        StatusError(
            code: 405, reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource", details: [:])
    }

    static func unsupportedMediaType(_ type: String) -> StatusError {
        StatusError(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - accepted media types include: "
                + "application/json, application/yaml, application/json-patch+json, application/merge-patch+json, "
                + "application/strategic-merge-patch+json, application/apply-patch+yaml; got \(type)")
    }

    static func expired(_ message: String) -> StatusError {
        StatusError(code: 410, reason: "Expired", message: message)
    }

    static let unauthorized = StatusError(code: 401, reason: "Unauthorized", message: "Unauthorized")

    /// 422 with a cause for each invalid field.
    static func invalid(_ type: ResourceType, _ name: String, _ problems: [FieldProblem]) -> StatusError {
        let texts = problems.map(\.description)
        let message = texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
        var details: JSON = [
            "name": .string(name), "kind": .string(type.kind),
            "causes": .array(
                problems.map {
                    ["reason": .string($0.reason.rawValue), "message": .string($0.text), "field": .string($0.field)]
                }),
        ]
        if !type.group.isEmpty { details["group"] = .string(type.group) }
        let kind = type.group.isEmpty ? type.kind : "\(type.kind).\(type.group)"
        return StatusError(
            code: 422, reason: "Invalid", message: "\(kind) \"\(name)\" is invalid: \(message)", details: details)
    }
}

/// An invalid field of an object (`k8s.io/apimachinery/pkg/util/validation/field`).
struct FieldProblem: CustomStringConvertible, Sendable {
    enum Reason: String, Sendable {
        case required = "FieldValueRequired"
        case invalid = "FieldValueInvalid"
        case notSupported = "FieldValueNotSupported"
        case duplicate = "FieldValueDuplicate"
        case forbidden = "FieldValueForbidden"
    }

    var reason: Reason
    var field: String
    var text: String

    var description: String { "\(field): \(text)" }

    static func required(_ field: String, _ why: String = "") -> FieldProblem {
        FieldProblem(reason: .required, field: field, text: why.isEmpty ? "Required value" : "Required value: \(why)")
    }

    static func invalid(_ field: String, _ value: String, _ why: String) -> FieldProblem {
        FieldProblem(reason: .invalid, field: field, text: "Invalid value: \(value): \(why)")
    }

    static func outOfRange(_ field: String, _ value: Int, _ range: ClosedRange<Int>) -> FieldProblem {
        .invalid(
            field, String(value),
            value < range.lowerBound
                ? "must be greater than or equal to \(range.lowerBound)"
                : "must be less than or equal to \(range.upperBound)")
    }

    static func notSupported(_ field: String, _ value: String, _ supported: [String]) -> FieldProblem {
        let list = supported.map { "\"\($0)\"" }.joined(separator: ", ")
        return FieldProblem(
            reason: .notSupported, field: field, text: "Unsupported value: \"\(value)\": supported values: \(list)")
    }

    static func duplicate(_ field: String, _ value: String) -> FieldProblem {
        FieldProblem(reason: .duplicate, field: field, text: "Duplicate value: \(value)")
    }

    static func forbidden(_ field: String, _ why: String) -> FieldProblem {
        FieldProblem(reason: .forbidden, field: field, text: "Forbidden: \(why)")
    }
}
