import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOCore
import NIOHTTP1
import ReleaseMachine
import ViridianConfiguration

/// Everything that holds for every request: who makes it, whether it may be looked at at all, what is counted and logged, and how
/// errors are answered.
struct Door: HTTPResponder {
    typealias Context = ServerContext

    private let services: Services
    private let table: RouteTable
    private let router: RouterResponder<ServerContext>
    private let pages: Pages
    private let guardian: Guardian

    init(_ services: Services, _ routes: Routes, _ pages: Pages) {
        self.services = services
        table = routes.table
        self.pages = pages
        router = routes.responder()
        guardian = Guardian(services)
    }

    func respond(to request: Request, context: ServerContext) async throws -> Response {
        let started = ContinuousClock.now
        var context = context
        context.remoteAddress = address(request, context)
        var response: Response
        do {
            try guardian.identify(request, &context)
            try await guardian.takeBody(request, &context)
            try guardian.checkOrigin(request, context)
            response = try await answer(request, context)
        } catch let error as HTTPParserError {
            throw error  // Answered where the connection is.
        } catch {
            response = refuse(APIError(error), request, context)
        }
        if request.bringsUnreadBody { response = last(response, context) }
        finish(&response, request)
        report(request, context, response, ContinuousClock.now - started)
        return response
    }

    private func answer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let response = try await router.respond(to: request, context: context)
        // The router answers by itself where it has no route.
        if context.endpointPath == "NotFound" { throw wrongPlace(request) }
        return response
    }

    private func wrongPlace(_ request: Request) -> APIError {
        if request.uri.path.hasPrefix("/hooks/") || request.uri.path.hasPrefix("/slack/") {
            // So that whoever sends them sees that nothing came of it, and does not look for a wrong address.
            return APIError(
                .notImplemented, "not_implemented", "this version of viridian takes no hooks and no Slack requests")
        }
        let methods = table.methods(of: request.uri.path)
        guard !methods.isEmpty else { return .notFound("there is nothing at \(request.uri.path.prefix(200))") }
        var names = Set(methods.map(\.rawValue))
        if names.contains("GET") { names.insert("HEAD") }
        let allow = names.sorted().joined(separator: ", ")
        return APIError(
            .methodNotAllowed, "method_not_allowed",
            "\(request.uri.path.prefix(200)) does not take \(request.method.rawValue.prefix(20)): it takes \(allow)",
            headers: ["Allow": allow])
    }

    // MARK: - Errors

    private func refuse(_ error: APIError, _ request: Request, _ context: ServerContext) -> Response {
        note(error, request, context)
        var response =
            Surface(request) == .pages
            ? pages.errorPage(error, request, context) : Response.json(ErrorAnswer(error), status: error.status)
        for (name, value) in error.headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        if error.status == .contentTooLarge, !request.bringsUnreadBody { response = last(response, context) }
        return response
    }

    /// The connection's last answer, because what is left of the request will not be read. It is closed in two steps: a connection
    /// that is closed with bytes unread is reset, and the answer might be lost with it.
    private func last(_ response: Response, _ context: ServerContext) -> Response {
        var response = response
        response.headers[.connection] = "close"
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(writer)
            let channel = context.channel
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        }
        return response
    }

    /// Acts that were refused are in the audit log, looks are not.
    private func note(_ error: APIError, _ request: Request, _ context: ServerContext) {
        guard let identity = context.identity, request.method != .get, request.method != .head,
            [.forbidden, .conflict].contains(error.status),
            let action = table.action(request.method, request.uri.path)
        else { return }
        var detail = error.message.safe.cut(500)
        if let excess = services.access.refusals.count(identity.tokenID) {
            // The log can never be shortened: nobody fills it.
            guard excess.isFirst else { return }
            detail += " (more that is refused to this token within a minute is not listed)"
        }
        let parts = request.uri.path.split(separator: "/").map(String.init)
        let app = parts.firstIndex(of: "apps").flatMap { parts.count > $0 + 1 ? parts[$0 + 1] : nil }
        let entry = AuditEntry(
            at: services.clock.now, who: identity.name, token: identity.tokenID, action: action,
            app: app.flatMap { services.knows($0) ? $0 : nil }, origin: context.remoteAddress, outcome: .refused,
            detail: detail)
        do { try services.journal.note(entry) } catch {
            services.logger.error("the audit log cannot be written", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Around the answer

    private func finish(_ response: inout Response, _ request: Request) {
        for (name, value) in SecurityHeaders.all(isSecure: services.settings.isSecure)
        where response.headers[name] == nil {
            response.headers[name] = value
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    }

    private func report(_ request: Request, _ context: ServerContext, _ response: Response, _ took: Duration) {
        // The pattern, not the path: as many label values as there are routes.
        let route = context.endpointPath.map { $0 == "NotFound" ? "none" : $0 } ?? "none"
        let method = Door.methods.contains(request.method) ? request.method.rawValue : "other"
        services.metrics.count(
            "viridian_http_requests_total", ["route": route, "method": method, "status": "\(response.status.code)"])
        services.metrics.time("viridian_http_request_seconds", took, ["route": route])
        services.logger.debug(
            "request",
            metadata: [
                "method": "\(method)", "path": "\(request.uri.path.safe.cut(200))", "status": "\(response.status.code)",
                "by": "\(context.identity?.name ?? "-")", "from": "\(context.remoteAddress)",
                "ms": "\(took.milliseconds)",
            ]
        )
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options]

    /// A proxy is believed when it runs on this machine and the configuration tells of one.
    private func address(_ request: Request, _ context: ServerContext) -> String {
        let peer = context.channel.remoteAddress?.ipAddress ?? "unknown"
        guard services.settings.url != nil, peer == "127.0.0.1" || peer == "::1",
            let forwarded = request.headers[HTTPField.Name("X-Forwarded-For") ?? .from],
            let last = forwarded.split(separator: ",").last?.trimmingCharacters(in: .whitespaces),
            last.utf8.count <= 45, last.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }), !last.isEmpty
        else { return peer }
        return last
    }
}

/// Which of the server's faces a path belongs to.
enum Surface {
    /// Open to everybody: whether the server is well.
    case health
    /// For machines that watch machines.
    case metrics
    case api
    /// Signs its requests itself.
    case hooks
    case pages

    init(_ request: Request) {
        let path = request.uri.path
        self =
            switch path {
            case "/healthz", "/readyz": .health
            case "/metrics", "/openapi.json": .metrics
            default:
                if path == "/api" || path.hasPrefix("/api/") {
                    .api
                } else if path.hasPrefix("/hooks/") || path.hasPrefix("/slack/") {
                    .hooks
                } else {
                    .pages
                }
            }
    }
}

enum SecurityHeaders {
    static func all(isSecure: Bool) -> [(HTTPField.Name, String)] { isSecure ? secure : plain }

    private static let plain: [(HTTPField.Name, String)] = [
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
    ].compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }

    private static let secure =
        plain
        + [("Strict-Transport-Security", "max-age=31536000")].compactMap { name, value in
            HTTPField.Name(name).map { ($0, value) }
        }
}

extension Request {
    /// A body that comes with a request for which none is read. Waiting for its end would keep the connection for as long as somebody
    /// likes to take.
    fileprivate var bringsUnreadBody: Bool {
        guard method == .get || method == .head else { return false }
        return headers[.transferEncoding] != nil || headers[.contentLength].map { $0 != "0" } ?? false
    }
}

extension Services {
    func knows(_ app: String) -> Bool { apps.configurations.contains { $0.name.text == app } }
}
