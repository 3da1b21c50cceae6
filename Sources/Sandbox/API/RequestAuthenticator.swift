import HTTPTypes
import Hummingbird

/// Refuses requests without the sandbox's token: a client that can start a pod can run commands as the sandbox's user.
///
/// Web pages in a browser on this machine can reach the port too, also through a name that resolves to 127.0.0.1 (DNS rebinding).
/// They are refused even with the token, so that a token leaked to a page is useless there.
struct RequestAuthenticator: Sendable {
    /// The address the API listens on.
    let host: String
    let token: String

    /// - Throws: 403 for requests of web pages, 401 without the token.
    func check(_ request: Request) throws {
        guard request.headers[.origin] == nil else {
            throw Self.refusal("requests from web pages are refused: the request has an Origin header")
        }
        let name = Self.name(of: request.head.authority ?? "")
        guard [host.lowercased(), "127.0.0.1", "localhost", "[::1]"].contains(name) else {
            throw Self.refusal("the API can be reached only as 127.0.0.1 or localhost")
        }
        guard let header = request.headers[.authorization], header.hasPrefix("Bearer "),
            String(header.dropFirst(7)) == token
        else { throw StatusError.unauthorized }
    }

    /// The accepted media types. They do not include forms and plain text, which web pages can send to any server without a
    /// preflight request.
    private static let mediaTypes: Set<String> = [
        "application/json", "application/yaml", "application/apply-patch+yaml", "application/json-patch+json",
        "application/merge-patch+json", "application/strategic-merge-patch+json",
    ]

    /// - Throws: 415 for other media types, such as Protocol Buffers.
    func checkMediaType(_ request: Request) throws {
        let header = request.headers[.contentType] ?? ""
        let type = header.prefix { $0 != ";" }.lowercased().trimmingSpaces()
        guard Self.mediaTypes.contains(type) else { throw StatusError.unsupportedMediaType(type) }
    }

    /// The name in `name:port`, with the brackets of an IPv6 address.
    private static func name(of authority: String) -> String {
        let end = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : nil
        return authority[..<(end ?? authority.firstIndex(of: ":") ?? authority.endIndex)].lowercased()
    }

    private static func refusal(_ message: String) -> StatusError {
        StatusError(code: 403, reason: "Forbidden", message: message)
    }
}
