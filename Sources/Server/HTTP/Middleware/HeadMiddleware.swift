import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Drops the body of every answer to HEAD, errors included: the headers are those of the GET.
struct HeadMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        return request.method == .head ? response.createHeadResponse() : response
    }
}
