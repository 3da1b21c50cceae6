import Controller
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// Events of a release as a page or a stream, and the stream of apps that change.
extension API {
    @Sendable func listEvents(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let number = try context.number("number")
        let wanted = try request.integer("after", 0...Int.mostInJSON) ?? 0
        let limit = try request.integer("limit", 1...5000) ?? 1000
        guard let feed = try await services.appStates.feed(app, number) else {
            throw try await services.noRelease(app, number)
        }
        if request.headers[.accept]?.contains("text/event-stream") == true {
            let header = HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }
            return EventStreams(services: services)
                .release(feed, after: header.flatMap { Int($0) } ?? wanted, request, context)
        }
        let events = Array(await feed.events(after: wanted, limit: limit))
        let newest = await feed.release.sequence
        let next = events.last.flatMap { $0.sequence < newest ? $0.sequence : nil }
        switch request.uri.queryParameters["form"].map(String.init) {
        case nil: return .json(EventList(events: events, next: next))
        case "journal": return .json(EventList(events: events.compactMap(\.recorded), next: next))
        case _?: throw APIError.invalid("form", "form takes journal, or is left out")
        }
    }

    @Sendable func changes(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        return EventStreams(services: services).changes(identity, request, context)
    }
}
