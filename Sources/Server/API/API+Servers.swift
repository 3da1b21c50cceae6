import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// The servers that use the same journal.
extension API {
    @Sendable func listServers(_ request: Request, _ context: ServerContext) async throws -> Response {
        try context.require(.viewer)
        let servers = try await services.journal.servers()
        return .json(ServerList(servers: servers.map { ServerView($0, this: services.presence.id) }))
    }
}

/// A server that uses the journal, as the outside sees it.
package struct ServerView: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable { case running, gone }

    package var id: String
    package var host: String
    package var process: Int
    package var url: String?
    package var version: String
    package var startedAt: String
    package var seenAt: String
    package var state: State
    package var isThis: Bool

    package init(_ server: ServerRecord, this id: String) {
        self.id = server.id
        host = server.host
        process = server.process
        url = server.url
        version = server.version
        startedAt = server.startedAt.iso8601
        seenAt = server.seenAt.iso8601
        state = server.isGone ? .gone : .running
        isThis = server.id == id
    }
}
