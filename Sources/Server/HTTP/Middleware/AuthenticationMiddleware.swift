import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging

/// Authenticates requests by access token or session cookie, and refuses unauthenticated ones.
struct AuthenticationMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let services: Services

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        try await authenticate(request, context)
        return try await next(request, context)
    }

    private func authenticate(_ request: Request, _ context: ServerContext) async throws {
        let surface = Surface(request)
        // The sign-in page needs styles and icons, and they are public.
        if surface == .health || isAsset(request.uri.path) { return }
        if surface == .metrics {
            guard await services.authenticator.hasHadTokens() else { throw Self.noTokenYet }
            return
        }
        guard try await services.authenticator.hasTokens() else { throw Self.noTokenYet }
        switch surface {
        case .health, .metrics, .hooks: return
        case .api:
            if let token = Self.bearer(request) {
                guard let identity = try await services.authenticator.identity(bearing: token) else {
                    throw services.refusedToken(
                        from: context.remoteAddress, "this access token is unknown, has expired, or was revoked")
                }
                context.authenticate(as: identity)
            } else {
                try await takeSession(request, context)
                guard context.session != nil else { throw APIError.unauthorized }
            }
        case .pages:
            try await takeSession(request, context)
            guard context.session == nil, !isOpen(request.uri.path) else { return }
            throw Self.signInFirst(request)
        }
    }

    /// Tells the administrator of a new server how to start.
    private static let noTokenYet = APIError(
        .unauthorized, "no_token_yet",
        "no access token exists yet: run `\(Services.firstToken)` on the server, which prints the first one",
        headers: ["WWW-Authenticate": "Bearer realm=\"viridian\""])

    /// The access token of a request. Other schemes are ignored: browsers also send the password of a proxy in front of the server
    /// (`auth_basic`).
    private static func bearer(_ request: Request) -> String? {
        let parts = (request.headers[.authorization] ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard parts.first?.lowercased() == "bearer" else { return nil }
        return parts.dropFirst().joined(separator: " ")
    }

    private func takeSession(_ request: Request, _ context: ServerContext) async throws {
        guard let cookie = request.cookies[services.settings.cookie]?.value else { return }
        guard let session = try await services.authenticator.session(cookie: cookie) else { return }
        context.authenticate(as: session.identity, in: session)
    }

    private func isOpen(_ path: String) -> Bool { path == "/signin" || path == "/robots.txt" }

    private func isAsset(_ path: String) -> Bool { path.hasPrefix("/assets/") || path == "/favicon.ico" }

    private static func signInFirst(_ request: Request) -> APIError {
        guard request.method == .get || request.method == .head else {
            return APIError(.unauthorized, "signed_out", "you are signed out: sign in and repeat the command")
        }
        let here = request.uri.path + (request.uri.query.map { "?\($0)" } ?? "")
        let next = here.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return APIError(
            .seeOther, "sign_in", "sign in first",
            headers: ["Location": here == "/" ? "/signin" : "/signin?next=\(next)"])
    }
}

extension Services {
    /// The command that creates the first access token.
    static let firstToken = "viridian token create --role admin --name NAME"

    /// Counts a bad token from an address. Valid tokens from there still work: many people may share the address of a proxy or a network,
    /// and 256 random bits cannot be guessed.
    func refusedToken(from address: String, _ message: String) -> APIError {
        let excess = authenticator.failures.count(address)
        if excess?.isFirst ?? true {
            logger.warning(
                excess == nil
                    ? "a token was refused"
                    : "too many bad tokens from one address: more are refused without a log line",
                metadata: ["from": "\(address)"])
        }
        if let excess {
            let seconds = max(1, Int(excess.wait.components.seconds))
            return APIError(
                .tooManyRequests, "too_many_failures", "too many bad tokens from \(address): retry in \(seconds) s",
                headers: ["Retry-After": "\(seconds)"])
        }
        var error = APIError.unauthorized
        error.message = message
        return error
    }
}
