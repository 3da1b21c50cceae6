import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Adds the security headers, and `Cache-Control: no-store`, unless the response sets them.
struct SecurityHeadersMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    private let headers: [(HTTPField.Name, String)]

    /// - Parameter isSecure: browsers reach the server over HTTPS; they are told to do so always (HSTS).
    init(isSecure: Bool) {
        headers = isSecure ? Self.plain + Self.strictTransport : Self.plain
    }

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        for (name, value) in headers where response.headers[name] == nil { response.headers[name] = value }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        return response
    }

    private static let plain = fields([
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
                + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ])

    private static let strictTransport = fields([("Strict-Transport-Security", "max-age=31536000")])

    private static func fields(_ pairs: [(String, String)]) -> [(HTTPField.Name, String)] {
        pairs.compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }
    }
}
