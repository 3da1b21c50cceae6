import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ViridianConfiguration

/// The DORA measures; `Statistics.swift` computes them.
extension API {
    @Sendable func statistics(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let days = try request.integer("days", 1...365) ?? 30
        let names = try appInQuery(request, context).map { [$0] } ?? appsSeen(by: identity)
        return .json(try await services.statistics(of: names, days: days))
    }
}
