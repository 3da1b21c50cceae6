import Controller
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// The fields of a JSON object that was sent, read strictly: what nobody knows, or what has another type, is an error that names
/// the field.
struct BodyFields: Sendable {
    private let members: [String: JSONValue]

    /// `known` are the fields that there are. An empty body is an object without fields.
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
        guard BodyFields.depth(context.body) <= 32 else { throw .malformed("the JSON is nested too deep") }
        let value: JSONValue
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: Data(context.body.readableBytesView))
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
                    ? "there is no field \(shown): this takes none"
                    : "there is no field \(shown): this takes \(known.joined(separator: ", "))")
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

    /// Equal for requests that ask for the same, however they are written.
    func hash(_ what: String) throws -> [UInt8] {
        let told = members.filter { $0.value != .null }
        return Array(SHA256.hash(data: Data("\(what)\n\(try JSONValue.object(told).jsonLine())".utf8)))
    }

    /// How deep brackets are nested, without parsing: a parser that recurses must not see ten thousand.
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

extension Int {
    /// The greatest number that every reader of JSON takes for what it is (RFC 8259, section 6).
    static let mostInJSON = 9_007_199_254_740_991
}

extension Request {
    /// A whole number in the query.
    func integer(_ name: String, _ range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            let bounds =
                range.upperBound == .mostInJSON
                ? "from \(range.lowerBound) on" : "from \(range.lowerBound) to \(range.upperBound)"
            throw .invalid(name, "\(name) has to be a whole number \(bounds)")
        }
        return value
    }
}

extension Response {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        do {
            let line = try value.jsonLine() + "\n"
            return Response(
                status: status, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: line)))
        } catch {
            return Response(status: .internalServerError)
        }
    }

    /// The same answer as last time is not sent again to whoever says that they have it.
    static func tagged(_ body: ByteBuffer, tag: String, for request: Request) -> Response {
        var headers = HTTPFields()
        headers[.eTag] = "\"\(tag)\""
        headers[.cacheControl] = "private, no-cache"
        headers[.vary] = "Authorization, Cookie, Accept"
        let known =
            request.headers[.ifNoneMatch]?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
        if known.contains(where: { $0 == "\"\(tag)\"" || $0 == "W/\"\(tag)\"" || $0 == "*" }) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: body))
    }
}
