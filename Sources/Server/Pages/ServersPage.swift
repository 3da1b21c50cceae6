import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/servers`: the servers on the same journal.
    @Sendable func showServers(_ request: Request, _ context: ServerContext) async throws -> Response {
        try context.require(.viewer)
        let page = ServersPage(
            servers: try await services.journal.servers(), this: services.presence.id, now: services.clock.now)
        return respond(page.page, request, context)
    }
}

struct ServersPage {
    var servers: [ServerRecord]
    /// The id of the server that shows the page.
    var this: String
    var now: Timestamp

    var page: Pages.Page {
        var model = PageValues()
        model["rows"] = servers.map(row)
        return Pages.Page(template: "servers", title: "Servers", section: .servers, model: model)
    }

    private func row(_ server: ServerRecord) -> PageValues {
        PageValues {
            $0["name"] = "\(server.host.safe) (process \(server.process))"
            $0["url"] = server.url?.safe
            $0["isGone"] = server.isGone
            $0["isThis"] = server.id == this
            $0["version"] = server.version.safe
            $0["started"] = DisplayText.when(server.startedAt, now: now, seconds: false)
            $0["startedISO"] = server.startedAt.iso8601
            $0["seen"] = DisplayText.when(server.seenAt, now: now, seconds: true)
            $0["seenISO"] = server.seenAt.iso8601
        }
    }
}
