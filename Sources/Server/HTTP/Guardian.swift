import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ReleaseMachine
import ServiceLifecycle

/// Finds out who makes a request, and refuses what must not come through.
struct Guardian: Sendable {
    /// Names the first step to whoever has installed the server.
    static let firstToken = "viridian token create --role admin --name NAME"
    private static let patienceAtTheEnd = TimeAmount.seconds(1)
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
            if let token = Guardian.bearer(request) {
                guard let identity = try services.access.identity(bearing: token) else {
                    throw failed(context, "this access token is not one, has expired, or was revoked")
                }
                context.identity = identity
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

    /// The token that a request brings. Another scheme is not for us: a proxy before the server may ask for a password of its own
    /// (`auth_basic`), and browsers send that along.
    private static func bearer(_ request: Request) -> String? {
        let parts = (request.headers[.authorization] ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard parts.first?.lowercased() == "bearer" else { return nil }
        return parts.dropFirst().joined(separator: " ")
    }

    /// One more that came with something wrong from that address. A good token is taken from there all the same: behind a proxy or a
    /// network's one address, somebody's mistakes must not lock everybody out, and 256 random bits are not guessed.
    func failed(_ context: ServerContext, _ message: String) -> APIError {
        let excess = services.access.failures.count(context.remoteAddress)
        if excess?.isFirst ?? true {
            services.logger.warning(
                excess == nil ? "a token was refused" : "too many bad tokens: the next are refused without a line here",
                metadata: ["from": "\(context.remoteAddress)"])
        }
        if let excess {
            let seconds = max(1, Int(excess.wait.components.seconds))
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
        guard let cookie = request.cookies[services.settings.cookie]?.value else { return }
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

    /// Reads the whole body, no more than is taken, and no longer than is waited for it, which is a moment when the server ends.
    func takeBody(_ request: Request, _ context: inout ServerContext) async throws {
        guard request.method != .get, request.method != .head else { return }
        let limit = services.settings.maximumBody
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge(limit) }
        // A body that drips in byte by byte holds nothing up but its own connection.
        let isRead = NIOLockedValueBox(false)
        let giveUp = { @Sendable [channel = context.channel] (limit: TimeAmount) in
            channel.eventLoop.scheduleTask(in: limit) {
                if !isRead.withLockedValue({ $0 }) { channel.close(promise: nil) }
            }
        }
        let deadline = giveUp(.nanoseconds(services.settings.idleTimeout.milliseconds * 1_000_000))
        defer { deadline.cancel() }
        do {
            defer { isRead.withLockedValue { $0 = true } }
            context.body = try await withGracefulShutdownHandler {
                try await request.body.collect(upTo: limit)
            } onGracefulShutdown: {
                _ = giveUp(Guardian.patienceAtTheEnd)
            }
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
            let here = services.settings.url ?? request.head.authority ?? "no host"
            throw APIError.forbidden(
                "this was sent by another site: \(origin.safe.cut(200)) is not \(here.safe.cut(200)). If people reach this server "
                    + "by that address, through a proxy for one, set server.url to it")
        }
        guard let session = context.session else { return }
        let brought = context.form["csrf"] ?? request.headers[HTTPField.Name("X-CSRF-Token") ?? .from] ?? ""
        guard isEqual(brought, session.csrf) else {
            throw APIError.forbidden("the form is from another visit: open the page again and send it once more")
        }
    }

    private func isOurs(_ origin: String, _ request: Request) -> Bool {
        guard let sender = WebOrigin(origin) else { return false }
        if let url = services.settings.url, WebOrigin(url) == sender { return true }
        // The scheme that the browser used is the proxy's, not this connection's.
        guard let host = request.head.authority else { return false }
        return WebOrigin("\(sender.scheme)://\(host)") == sender
    }

    /// In a time that does not tell how much of it was right.
    private func isEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
