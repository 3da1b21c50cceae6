import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// Closes the connection after the response to a request whose body was not read: a GET or HEAD with a body, or a body that is too
/// large, whose answer says `Connection: close`. Reading the rest could take any time.
struct UnreadBodyMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        let isUnread = Self.hasUnreadBody(request) || response.headers[.connection] == "close"
        return isUnread ? Self.closing(response, context) : response
    }

    private static func hasUnreadBody(_ request: Request) -> Bool {
        guard request.method == .get || request.method == .head else { return false }
        return request.headers[.transferEncoding] != nil || request.headers[.contentLength].map { $0 != "0" } ?? false
    }

    /// Closes in two steps: closing with unread bytes resets the connection, and the response could be lost.
    private static func closing(_ response: Response, _ context: ServerContext) -> Response {
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
}
