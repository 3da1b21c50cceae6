import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Refuses requests that another site made a browser send. Browsers add the cookie to them, so a request that changes something has to
/// come from the server's own origin, with the session's CSRF token in the form or in `X-CSRF-Token`.
struct CSRFMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let settings: ServerSettings

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        try check(request, context)
        return try await next(request, context)
    }

    private func check(_ request: Request, _ context: ServerContext) throws {
        guard request.method != .get, request.method != .head else { return }
        let surface = Surface(request)
        guard surface == .pages || (surface == .api && context.session != nil) else { return }
        if let site = request.headers[HTTPField.Name("Sec-Fetch-Site") ?? .from], site == "cross-site" {
            throw APIError.forbidden("another site sent this request")
        }
        if let origin = request.headers[.origin], !isOurs(origin, request) {
            let here = settings.url ?? request.head.authority ?? "no host"
            throw APIError.forbidden(
                "another site sent this request: \(origin.safe.cut(200)) is not \(here.safe.cut(200)). If people reach this server "
                    + "by that address, through a proxy for example, set server.url to it")
        }
        guard let session = context.session else { return }
        let token = context.form["csrf"] ?? request.headers[HTTPField.Name("X-CSRF-Token") ?? .from] ?? ""
        guard Self.isEqual(token, session.csrf) else {
            throw APIError.forbidden("the form is from another session: reload the page and send it again")
        }
    }

    private func isOurs(_ origin: String, _ request: Request) -> Bool {
        guard let sender = WebOrigin(origin) else { return false }
        if let url = settings.url, WebOrigin(url) == sender { return true }
        // The browser's scheme is that of the connection to the proxy, which may differ from this one's.
        guard let host = request.head.authority else { return false }
        return WebOrigin("\(sender.scheme)://\(host)") == sender
    }

    /// Compares in constant time.
    private static func isEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
