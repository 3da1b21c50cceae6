import Controller
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Integrations
import NIOCore

/// The fields of the JSON object in a request's body, read strictly: an unknown field, or one of another type, is an error that names
/// the field.
struct BodyFields: Sendable {
    private let members: [String: JSONValue]

    /// `known` are the fields that the request may have. An empty body is an object without fields.
    init(_ request: Request, _ context: ServerContext, known: [String]) throws(APIError) {
        guard context.body.readableBytes > 0 else {
            members = [:]
            return
        }
        if let type = request.headers[.contentType] {
            let media = type.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
            guard media == "application/json" else {
                throw APIError(
                    .unsupportedMediaType, "unsupported_media_type",
                    "the body has to be application/json, not \(String(media ?? "").safe.cut(100))",
                    field: "Content-Type")
            }
        }
        guard BodyFields.depth(context.body) <= 32 else { throw .malformed("the JSON is nested too deeply") }
        let value: JSONValue
        do {
            try HookJSONReader.check(Array(context.body.readableBytesView))
            value = try JSONDecoder().decode(JSONValue.self, from: Data(context.body.readableBytesView))
        } catch let error as MalformedHook {
            throw .malformed(error.message)
        } catch {
            throw .malformed("the body is not JSON")
        }
        guard case .object(let members) = value else {
            throw .malformed("the body has to be a JSON object, not \(value.kind)")
        }
        for name in members.keys.sorted() where !known.contains(name) {
            let shown = name.safe.cut(100)
            throw .invalid(
                shown,
                known.isEmpty
                    ? "unknown field \(shown): this request has no fields"
                    : "unknown field \(shown): the fields are \(known.joined(separator: ", "))")
        }
        self.members = members
    }

    func string(_ name: String) throws(APIError) -> String? {
        switch members[name] {
        case nil, .null: return nil
        case .string(let value): return value
        case let other?: throw .invalid(name, "\(name) has to be a string, not \(other.kind)")
        }
    }

    func integer(_ name: String) throws(APIError) -> Int? {
        switch members[name] {
        case nil, .null: return nil
        case .integer(let value): return value
        case .number: throw .invalid(name, "\(name) has to be a whole number")
        case let other?: throw .invalid(name, "\(name) has to be a number, not \(other.kind)")
        }
    }

    func flag(_ name: String) throws(APIError) -> Bool? {
        switch members[name] {
        case nil, .null: return nil
        case .bool(let value): return value
        case let other?: throw .invalid(name, "\(name) has to be true or false, not \(other.kind)")
        }
    }

    func strings(_ name: String) throws(APIError) -> [String]? {
        switch members[name] {
        case nil, .null: return nil
        case .array(let values):
            var strings: [String] = []
            for value in values {
                guard case .string(let string) = value else {
                    throw .invalid(name, "\(name) has to hold strings, not \(value.kind)")
                }
                strings.append(string)
            }
            return strings
        case let other?: throw .invalid(name, "\(name) has to be an array of strings, not \(other.kind)")
        }
    }

    /// Equal for requests that ask for the same, in whatever order and spacing.
    func hash(_ what: String) throws -> [UInt8] {
        let told = members.filter { $0.value != .null }
        return Array(SHA256.hash(data: Data("\(what)\n\(try JSONValue.object(told).jsonLine())".utf8)))
    }

    /// How deep brackets are nested, without parsing: a recursive parser must not be given ten thousand.
    private static func depth(_ body: ByteBuffer) -> Int {
        var (depth, deepest, isInString, isEscaped) = (0, 0, false, false)
        for byte in body.readableBytesView {
            if isEscaped {
                isEscaped = false
            } else if isInString {
                if byte == UInt8(ascii: "\\") { isEscaped = true }
                if byte == UInt8(ascii: "\"") { isInString = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    depth += 1
                    deepest = max(deepest, depth)
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
            }
        }
        return deepest
    }
}
