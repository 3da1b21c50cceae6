import Controller
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOHTTP1
import ReleaseMachine

/// Turns errors into responses: a page, or JSON. Refused commands are written to the audit log; refused reads are not.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let services: Services
    let routes: RouteTable
    let pages: Pages

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPParserError {
            throw error  // Hummingbird answers 400 and closes the connection.
        } catch {
            let error = APIError(error)
            await audit(error, request, context)
            return answer(error, request, context)
        }
    }

    private func answer(_ error: APIError, _ request: Request, _ context: ServerContext) -> Response {
        var response =
            Surface(request) == .pages
            ? pages.errorPage(error, request, context) : Response.json(ErrorAnswer(error), status: error.status)
        for (name, value) in error.headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        return response
    }

    private func audit(_ error: APIError, _ request: Request, _ context: ServerContext) async {
        guard let identity = context.identity, request.method != .get, request.method != .head,
            [.forbidden, .conflict, .locked].contains(error.status),
            let action = routes.action(request.method, request.uri.path)
        else { return }
        var detail = error.message.safe.cut(500)
        if let excess = services.authenticator.refusals.count(identity.id) {
            // The log is never truncated, so a caller must not be able to fill it.
            guard excess.isFirst else { return }
            detail += " (further refusals of this token within a minute are not listed)"
        }
        let parts = request.uri.path.split(separator: "/").map(String.init)
        let app = parts.firstIndex(of: "apps").flatMap { parts.count > $0 + 1 ? parts[$0 + 1] : nil }
        let entry = AuditEntry(
            at: services.clock.now, who: identity.name, token: identity.tokenID, action: action,
            app: app.flatMap { services.knows($0) ? $0 : nil }, origin: context.remoteAddress, outcome: .refused,
            detail: detail)
        do { try await services.journal.note(entry) } catch {
            services.logger.error("the audit log cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
