import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// The versions that wait to be released, at most one an app.
extension API {
    @Sendable func listQueue(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try appInQuery(request, context)
        return .json(QueueList(queue: try await services.lockService(context).queue(of: app)))
    }

    @Sendable func dropQueued(_ request: Request, _ context: ServerContext) async throws -> Response {
        _ = try await services.lockService(context).dropQueued(try app(context))
        return Response(status: .noContent)
    }
}

/// A version that waits, as the outside sees it.
package struct QueueView: Codable, Sendable, Hashable {
    package var app: String
    package var version: String
    package var digest: String?
    package var since: String
    package var requestedBy: String
    /// What it waits for, one sentence.
    package var waits: String
    /// The number of the delivery that named it.
    package var delivery: Int
    /// The app's release that has not ended, `blog/41`.
    package var running: String?

    /// `latest` is the app's newest release.
    package init(_ queued: QueuedVersion, latest: Release?) {
        app = queued.version.app
        version = queued.version.version
        digest = queued.version.digest
        since = queued.since.iso8601
        requestedBy = queued.requestedBy
        waits = queued.waitsFor
        delivery = queued.delivery
        running = latest.flatMap { $0.state.hasEnded ? nil : $0.order.name }
    }
}

/// By the apps' names.
package struct QueueList: Codable, Sendable {
    package var queue: [QueueView]
}
