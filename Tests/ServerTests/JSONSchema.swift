import Controller
import Foundation
import ReleaseMachine

@testable import Server

/// A schema of the API's description, with the document that its references lead into.
struct JSONSchema {
    let value: JSONValue
    let document: JSONValue

    /// The schema itself, where this one is a reference.
    init(_ value: JSONValue, in document: JSONValue) {
        self.value = JSONSchema.resolve(value, in: document)
        self.document = document
    }

    /// What the reference leads to; the value itself where it is none.
    static func resolve(_ value: JSONValue, in document: JSONValue) -> JSONValue {
        guard let reference = value["$ref"].string else { return value }
        return reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] }
    }

    var type: String? { value["type"].string }
    var required: [String] { value["required"].array.compactMap(\.string) }
    var alternatives: [JSONSchema] { value["anyOf"].array.map { JSONSchema($0, in: document) } }
    var options: [JSONValue] { value["enum"].array }
    var items: JSONSchema { JSONSchema(value["items"], in: document) }
    var properties: [String: JSONSchema] {
        guard case .object(let members) = value["properties"] else { return [:] }
        return members.mapValues { JSONSchema($0, in: document) }
    }
    /// Of members that have no name of their own; `nil` where there may be none.
    var others: JSONSchema? {
        if case .object = value["additionalProperties"] {
            JSONSchema(value["additionalProperties"], in: document)
        } else {
            nil
        }
    }
    /// Any members, of which nothing is described.
    var isOpen: Bool { value["properties"] == .null && others == nil }
}

// MARK: - Holding a value against it

extension JSONSchema {
    /// The keywords that `problems` checks, and those that say nothing about a value. One that is none of them is a problem too, so
    /// that nothing is passed over.
    private static let keywords: Set<String> = [
        "$ref", "type", "required", "properties", "additionalProperties", "items", "anyOf", "enum", "nullable",
        "format",
        "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "default", "description", "example",
    ]

    /// Where `found` is not as the schema says.
    func problems(_ found: JSONValue, at place: String) -> [String] {
        var problems: [String] = []
        if case .object(let members) = value {
            for name in members.keys where !JSONSchema.keywords.contains(name) {
                problems.append("\(place): these tests do not know \(name)")
            }
        } else {
            problems.append("\(place): there is no schema")
        }
        if !alternatives.isEmpty {
            let each = alternatives.map { $0.problems(found, at: place) }
            // What is wrong with the first one, where it is none of them.
            return problems + (each.contains([]) ? [] : each[0])
        }
        if found == .null, value["nullable"] == .bool(true) { return problems }
        if !options.isEmpty, !options.contains(found) { problems.append("\(place): \(found) is none of \(options)") }
        switch (type, found) {
        case ("object", .object(let members)): problems += self.problems(members, at: place)
        case ("array", .array(let values)):
            if values.count < value["minItems"].integer ?? 0 { problems.append("\(place): too few items") }
            for (index, value) in values.enumerated() { problems += items.problems(value, at: "\(place)[\(index)]") }
        case ("string", .string(let text)): problems += self.problems(text, at: place)
        case ("integer", .integer(let number)):
            if number < value["minimum"].integer ?? .min || number > value["maximum"].integer ?? .max {
                problems.append("\(place): \(number) is out of bounds")
            }
        case ("number", .integer), ("number", .number), ("boolean", .bool): break
        default: problems.append("\(place): \(found.kind) where \(type ?? "nothing") is described")
        }
        return problems
    }

    private func problems(_ members: [String: JSONValue], at place: String) -> [String] {
        var problems = required.filter { members[$0] == nil }.map { "\(place): \($0) is missing" }
        for (name, member) in members {
            if let schema = properties[name] ?? others {
                problems += schema.problems(member, at: "\(place).\(name)")
            } else if !isOpen {
                problems.append("\(place): \(name) is not described")
            }
        }
        return problems
    }

    private func problems(_ text: String, at place: String) -> [String] {
        var problems: [String] = []
        if value["format"].string == "date-time", Timestamp(iso8601: text) == nil {
            problems.append("\(place): \(text) is no time")
        }
        if let pattern = value["pattern"].string, (try? Regex(pattern).wholeMatch(in: text)) == nil {
            problems.append("\(place): \(text) does not match \(pattern)")
        }
        let length = text.unicodeScalars.count
        if length < value["minLength"].integer ?? 0 || length > value["maxLength"].integer ?? .max {
            problems.append("\(place): \(text) is too short or too long")
        }
        return problems
    }
}

// MARK: - Holding a type against it

extension JSONSchema {
    /// A value with everything that the schema describes.
    var fullest: JSONValue {
        if let first = options.first { return first }
        switch type {
        case "object":
            var members = properties.mapValues(\.fullest)
            if let others { members["blue"] = others.fullest }
            return .object(members)
        case "array": return .array([items.fullest])
        case "integer": return .integer(7)
        case "number": return .number(7.5)
        case "boolean": return .bool(true)
        default:
            return .string(value["format"].string == "date-time" ? "2015-10-25T14:34:03.000Z" : "text")
        }
    }

    /// Where the stored properties of `subject`, and of everything in it, are not those that are described: names, and which may be
    /// missing.
    func differences(from subject: Any, at place: String) -> [String] {
        let mirror = Mirror(reflecting: subject)
        switch (mirror.displayStyle, type) {
        case (.optional, _):
            return mirror.children.flatMap { differences(from: $0.value, at: place) }
        case (.collection, "array"):
            return mirror.children.flatMap { items.differences(from: $0.value, at: "\(place)[]") }
        case (.dictionary, "object"):
            guard let others else { return ["\(place): any members are encoded, and none are described"] }
            return mirror.children.flatMap { pair in
                Mirror(reflecting: pair.value).children.dropFirst().flatMap {
                    others.differences(from: $0.value, at: "\(place).*")
                }
            }
        case (.struct, "object"):
            var differences: [String] = []
            let stored = mirror.children.compactMap { child in child.label.map { ($0, child.value) } }
            let names = Set(stored.map(\.0))
            for name in properties.keys.sorted() where !names.contains(name) {
                differences.append("\(place): \(name) is described, and is not encoded")
            }
            for (name, value) in stored {
                guard let schema = properties[name] else {
                    differences.append("\(place): \(name) is encoded, and is not described")
                    continue
                }
                let mayBeMissing = Mirror(reflecting: value).displayStyle == .optional
                if mayBeMissing == required.contains(name) {
                    differences.append("\(place): \(name) \(mayBeMissing ? "may be missing" : "is required")")
                }
                differences += schema.differences(from: value, at: "\(place).\(name)")
            }
            return differences
        default: return []
        }
    }
}
