import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// The page on which somebody who is signed in connects a person in Slack to their access token.
extension Pages {
    func addSlack(to routes: Routes) {
        routes.get("slack/connect", use: askConnect)
        routes.post("slack/connect", use: connect)
    }

    private var slackConnections: SlackConnections {
        SlackConnections(journal: services.journal, clock: services.clock)
    }

    @Sendable private func askConnect(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let code = request.uri.queryParameters["code"].map(String.init) ?? ""
        guard let link = try await slackConnections.link(code) else { throw Self.usedUp }
        let apps = identity.apps.map { "the apps \($0.joined(separator: ", "))" } ?? "all apps"
        var model = PageValues()
        model["heading"] = "Connect \(link.name) in Slack to \(identity.name)"
        model["action"] = "/slack/connect"
        model["key"] = code
        model["effects"] = [
            "Slack's user \(link.name) (\(link.user)) gets the rights of your access token \(identity.name): \(identity.role.rawValue), for \(apps).",
            "Connect only if that is you, and you asked for this link in Slack yourself a moment ago.",
            "It ends when the token is revoked or expires, or with “disconnect” after the slash command in Slack.",
        ]
        model["button"] = "Connect"
        model["takesReason"] = false
        model["cancel"] = "/"
        let page = Page(template: "confirm", title: "Connect to Slack", section: nil, model: model)
        return respond(page, request, context)
    }

    @Sendable private func connect(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let code = context.form["key"] ?? ""
        guard try await slackConnections.connect(code, to: identity, origin: context.remoteAddress) != nil else {
            throw Self.usedUp
        }
        return redirect("/", .connected)
    }

    private static let usedUp = APIError.notFound(
        "This link was used, has expired, or was replaced by a newer one. Ask again in Slack: the answer has a new link."
    )
}
