import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Records the route that handles the request. Without one it explains why: nothing is at that path, or the path has other methods.
///
/// It has to be the innermost middleware: a request that another one refuses has no route.
struct UnknownRouteMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let routes: RouteTable

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        // The router sets the path's pattern before the middlewares run, where it has a route.
        guard let route = context.endpointPath else { throw unknownRoute(request) }
        context.record(route: route)
        return try await next(request, context)
    }

    private func unknownRoute(_ request: Request) -> APIError {
        let methods = routes.methods(of: request.uri.path)
        guard !methods.isEmpty else { return .nothing(at: request) }
        var names = Set(methods.map(\.rawValue))
        if names.contains("GET") { names.insert("HEAD") }
        let allow = names.sorted().joined(separator: ", ")
        return APIError(
            .methodNotAllowed, "method_not_allowed",
            "\(request.method.rawValue.prefix(20)) is not allowed at \(request.uri.path.prefix(200)); allowed: \(allow)",
            headers: ["Allow": allow])
    }
}

extension APIError {
    /// No route has the request's path.
    static func nothing(at request: Request) -> APIError {
        .notFound("there is nothing at \(request.uri.path.prefix(200))")
    }
}
