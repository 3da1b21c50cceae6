import Controller
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import ReleaseMachine

/// Counts and times every request in the metrics, and logs it at level debug.
struct RequestMetricsMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let metrics: Metrics
    let logger: Logger

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let started = ContinuousClock.now
        let response = try await next(request, context)
        report(request, context, response, ContinuousClock.now - started)
        return response
    }

    private func report(_ request: Request, _ context: ServerContext, _ response: Response, _ took: Duration) {
        // The pattern, not the path, which would have any number of values.
        let route = context.route ?? "none"
        let method = Self.methods.contains(request.method) ? request.method.rawValue : "other"
        metrics.count(
            "viridian_http_requests_total", ["route": route, "method": method, "status": "\(response.status.code)"])
        metrics.time("viridian_http_request_seconds", took, ["route": route])
        logger.debug(
            "request",
            metadata: [
                "method": "\(method)", "path": "\(request.uri.path.safe.cut(200))", "status": "\(response.status.code)",
                "by": "\(context.identity?.name ?? "-")", "from": "\(context.remoteAddress)",
                "ms": "\(took.milliseconds)",
            ]
        )
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options]
}
