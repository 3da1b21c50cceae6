import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Sets `context.remoteAddress`: the peer's address, or the one that a proxy on this machine reports.
///
/// `X-Forwarded-For` is used only when `server.url` is set, which means that there is a proxy, and the peer is this machine.
struct RemoteAddressMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let settings: ServerSettings

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.remoteAddress = address(request, context)
        return try await next(request, context)
    }

    private func address(_ request: Request, _ context: ServerContext) -> String {
        let peer = context.channel.remoteAddress?.ipAddress ?? "unknown"
        guard settings.url != nil, peer == "127.0.0.1" || peer == "::1",
            let forwarded = request.headers[HTTPField.Name("X-Forwarded-For") ?? .from],
            let last = forwarded.split(separator: ",").last?.trimmingCharacters(in: .whitespaces),
            last.utf8.count <= 45, last.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }), !last.isEmpty
        else { return peer }
        return last
    }
}
