import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOCore
import ReleaseMachine

/// Finds out who makes a request, and refuses what must not come through.
struct Guardian: Sendable {
    /// Names the first step to whoever has installed the server.
    static let firstToken = "viridian token create --role admin --name NAME"
    static let cookie = "viridian_session"

    private let services: Services

    init(_ services: Services) {
        self.services = services
    }

    // MARK: - Who

    func identify(_ request: Request, _ context: inout ServerContext) throws {
        let surface = Surface(request)
        // Styles and icons hold no secret, and the page that says how to get in needs them.
        if surface == .health || isAsset(request.uri.path) { return }
        guard try services.access.hasTokens() else {
            throw APIError(
                .unauthorized, "no_token_yet",
                "nobody has access yet: run `\(Guardian.firstToken)` on the server, which prints the first token",
                headers: ["WWW-Authenticate": "Bearer realm=\"viridian\""])
        }
        switch surface {
        case .health, .metrics, .hooks: return
        case .api:
            if let header = request.headers[.authorization] {
                context.identity = try bearer(header, context)
            } else {
                try takeSession(request, &context)
                guard context.session != nil else { throw APIError.unauthorized }
            }
        case .pages:
            try takeSession(request, &context)
            guard context.session == nil, !isOpen(request.uri.path) else { return }
            throw signInFirst(request)
        }
    }

    private func bearer(_ header: String, _ context: ServerContext) throws -> Identity {
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        if parts.count == 2, parts[0].lowercased() == "bearer",
            let identity = try services.access.identity(bearing: String(parts[1]))
        {
            return identity
        }
        throw failed(context, "this access token is not one, has expired, or was revoked")
    }

    /// One more that came with something wrong from that address.
    func failed(_ context: ServerContext, _ message: String) -> APIError {
        services.logger.warning("a token was refused", metadata: ["from": "\(context.remoteAddress)"])
        if let wait = services.access.failures.count(context.remoteAddress) {
            let seconds = max(1, Int(wait.components.seconds))
            return APIError(
                .tooManyRequests, "too_many_failures",
                "too many bad tokens from \(context.remoteAddress): try again in \(seconds) s",
                headers: ["Retry-After": "\(seconds)"])
        }
        var error = APIError.unauthorized
        error.message = message
        return error
    }

    private func takeSession(_ request: Request, _ context: inout ServerContext) throws {
        guard let cookie = request.cookies[Guardian.cookie]?.value else { return }
        context.session = try services.access.session(cookie: cookie)
        context.identity = context.session?.identity
    }

    private func isOpen(_ path: String) -> Bool {
        path == "/signin" || path == "/robots.txt"
    }

    private func isAsset(_ path: String) -> Bool { path.hasPrefix("/assets/") || path == "/favicon.ico" }

    private func signInFirst(_ request: Request) -> APIError {
        guard request.method == .get || request.method == .head else {
            return APIError(.unauthorized, "signed_out", "you are signed out: sign in and do that again")
        }
        let here = request.uri.path + (request.uri.query.map { "?\($0)" } ?? "")
        let next = here.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return APIError(
            .seeOther, "sign_in", "sign in first",
            headers: ["Location": here == "/" ? "/signin" : "/signin?next=\(next)"])
    }

    // MARK: - What it brings

    /// Reads the whole body, no more than is taken, and no longer than is waited for it.
    func takeBody(_ request: Request, _ context: inout ServerContext) async throws {
        guard request.method != .get, request.method != .head else { return }
        let limit = services.settings.maximumBody
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge(limit) }
        let deadline = context.channel.eventLoop.scheduleTask(
            in: .nanoseconds(services.settings.idleTimeout.milliseconds * 1_000_000)
        ) { [channel = context.channel] in
            // A body that drips in byte by byte holds nothing up but its own connection.
            channel.close(promise: nil)
        }
        defer { deadline.cancel() }
        do {
            context.body = try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw tooLarge(limit)
        }
        let type = request.headers[.contentType]?.lowercased() ?? ""
        if type.hasPrefix("application/x-www-form-urlencoded"), Surface(request) == .pages {
            context.form = Guardian.fields(String(buffer: context.body))
        }
    }

    private func tooLarge(_ limit: Int) -> APIError {
        APIError(.contentTooLarge, "too_large", "the body is larger than \(limit >> 10) KiB")
    }

    static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&").prefix(100) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { $0.replacing("+", with: " ").removingPercentEncoding ?? "" }
            fields[decoded[0]] = decoded.count > 1 ? decoded[1] : ""
        }
        return fields
    }

    // MARK: - Whether the person meant it

    /// A browser sends cookies along with what other sites make it send. What changes something has to come from our own pages.
    func checkOrigin(_ request: Request, _ context: ServerContext) throws {
        guard request.method != .get, request.method != .head else { return }
        let surface = Surface(request)
        guard surface == .pages || (surface == .api && context.session != nil) else { return }
        if let site = request.headers[HTTPField.Name("Sec-Fetch-Site") ?? .from], site == "cross-site" {
            throw APIError.forbidden("this was sent by another site")
        }
        if let origin = request.headers[.origin], !isOurs(origin, request) {
            throw APIError.forbidden("this was sent by another site")
        }
        guard let session = context.session else { return }
        let brought = context.form["csrf"] ?? request.headers[HTTPField.Name("X-CSRF-Token") ?? .from] ?? ""
        guard isEqual(brought, session.csrf) else {
            throw APIError.forbidden("the form is from another visit: open the page again and send it once more")
        }
    }

    private func isOurs(_ origin: String, _ request: Request) -> Bool {
        if let url = services.settings.url, origin == url { return true }
        guard let host = request.head.authority, let scheme = origin.range(of: "://") else { return false }
        return origin[scheme.upperBound...] == host
    }

    /// In a time that does not tell how much of it was right.
    private func isEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
