import HTTPTypes
import Hummingbird

/// Keeps everybody out but who was given the token: whoever can start a pod runs commands as the user of the sandbox.
///
/// A web page in a browser on this machine reaches the port too, and so does a name that is made to resolve to 127.0.0.1 (DNS
/// rebinding). Neither has the token; they are told apart nonetheless, so that a token that leaked into a page is of no use there.
struct RequestGate: Sendable {
    /// The address that the API listens on.
    let host: String
    let token: String

    /// - Throws: 403 for what a web page sends, 401 without the token.
    func check(_ request: Request) throws {
        guard request.headers[.origin] == nil else {
            throw Self.refusal("requests of web pages are not taken: this one has an Origin")
        }
        let name = Self.name(of: request.head.authority ?? "")
        guard [host.lowercased(), "127.0.0.1", "localhost", "[::1]"].contains(name) else {
            throw Self.refusal("this API is reached as 127.0.0.1 or localhost only")
        }
        guard let header = request.headers[.authorization], header.hasPrefix("Bearer "),
            String(header.dropFirst(7)) == token
        else { throw APIError.unauthorized }
    }

    /// What the API reads. The forms and plain texts that a web page can send anywhere without the browser asking first are not
    /// among it.
    private static let mediaTypes: Set<String> = [
        "application/json", "application/yaml", "application/apply-patch+yaml", "application/json-patch+json",
        "application/merge-patch+json", "application/strategic-merge-patch+json",
    ]

    /// - Throws: 415 for a body of another kind, Protocol Buffers among them.
    func checkMediaType(_ request: Request) throws {
        let header = request.headers[.contentType] ?? ""
        let type = header.prefix { $0 != ";" }.lowercased().trimmingSpaces()
        guard Self.mediaTypes.contains(type) else { throw APIError.unsupportedMediaType(type) }
    }

    /// The name in `name:port`, with the brackets of an IPv6 address.
    private static func name(of authority: String) -> String {
        let end = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : nil
        return authority[..<(end ?? authority.firstIndex(of: ":") ?? authority.endIndex)].lowercased()
    }

    private static func refusal(_ message: String) -> APIError {
        APIError(code: 403, reason: "Forbidden", message: message)
    }
}
