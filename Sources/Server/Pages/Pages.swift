import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Mustache
import NIOCore
import ReleaseMachine

/// The pages: rendered on the server, and updated live by `live.js`.
///
/// A page is a template and a model. A command is a form that is posted, answered with a redirect to the page that shows the result,
/// so that reloading repeats nothing.
struct Pages: Sendable {
    let services: Services
    let idempotency: Idempotency
    let refusedForms = RefusedForms()
    private let assets = Assets.all

    init(_ services: Services) {
        self.services = services
        idempotency = Idempotency(journal: services.journal, clock: services.clock)
    }

    func add(to routes: Routes) {
        routes.get("assets/{name}") { [assets] _, context in try assets.response(try context.parameter("name")) }
        routes.get("favicon.ico") { [assets] _, _ in
            Response(status: .movedPermanently, headers: [.location: assets.path("favicon.svg")])
        }
        routes.get("robots.txt") { _, _ in Response.plain("User-agent: *\nDisallow: /\n") }
        addSigningIn(to: routes)
        routes.get("", use: home)
        routes.get("apps/{app}", use: showApp)
        routes.post("apps/{app}/deploy", use: deploy)
        routes.get("apps/{app}/deploy") { _, context in redirect("/apps/\(try visibleApp(context))") }
        routes.get("apps/{app}/rollback", use: askRollback)
        routes.post("apps/{app}/rollback", use: rollback)
        routes.get("apps/{app}/releases/{number}", use: showRelease)
        routes.get("apps/{app}/releases/{number}/log.txt", use: plainLog)
        routes.get("apps/{app}/releases/{number}/promote", use: askPromote)
        routes.post("apps/{app}/releases/{number}/promote", use: promote)
        routes.get("apps/{app}/releases/{number}/abort", use: askAbort)
        routes.post("apps/{app}/releases/{number}/abort", use: abort)
        routes.get("apps/{app}/versions", use: showVersions)
        addLocks(to: routes)
        routes.get("deliveries", use: showDeliveries)
        addNotifications(to: routes)
        routes.get("nodes", use: showNodes)
        routes.get("audit", use: showAudit)
        routes.get("servers", use: showServers)
        routes.get("stats", use: showStatistics)
        addTokens(to: routes)
        addSlack(to: routes)
    }

    /// A page without the layout.
    struct Page: Sendable {
        var template: String
        var title: String
        /// The entry of the navigation that is marked as current.
        var section: Section?
        var model: PageValues
        var status = HTTPResponse.Status.ok
        /// The event stream that reports changes of what the page shows.
        var stream: String?
        /// The only app that the page shows: events of others are ignored.
        var app: String?
        /// The interval of reloads without JavaScript, in seconds.
        var refresh: Int?
        var favicon = "favicon.svg"
    }

    enum Section: String, Sendable, CaseIterable {
        case apps = "/"
        case nodes = "/nodes"
        case deliveries = "/deliveries"
        case notifications = "/notifications"
        case statistics = "/stats"
        case audit = "/audit"
        case servers = "/servers"
        case tokens = "/tokens"

        var label: String {
            switch self {
            case .apps: "Apps"
            case .nodes: "Nodes"
            case .deliveries: "Deliveries"
            case .notifications: "Notifications"
            case .statistics: "Statistics"
            case .audit: "Audit"
            case .servers: "Servers"
            case .tokens: "Tokens"
            }
        }
    }

    func respond(_ page: Page, _ request: Request, _ context: ServerContext) -> Response {
        let html = render(page, session: context.session, flash: Flash(request))
        return Response(
            status: page.status,
            headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: html))
        )
    }

    /// The whole page as HTML.
    func render(_ page: Page, session: Session?, flash: Flash? = nil) -> String {
        var layout = PageValues()
        layout["icons"] = assets.path("icons.svg")
        layout["csrf"] = session?.csrf
        layout["icon_out"] = PageValues { $0["icon"] = "out" }
        var body = page.model
        body["icons"] = assets.path("icons.svg")
        body["csrf"] = session?.csrf
        body["icon_out"] = PageValues { $0["icon"] = "out" }

        layout["title"] = page.title
        layout["css"] = assets.path("app.css")
        layout["js"] = assets.path("live.js")
        layout["logo"] = assets.path("favicon.svg")
        layout["favicon"] = assets.path(page.favicon)
        layout["now"] = services.clock.now.iso8601
        layout["build"] = services.settings.version
        layout["stream"] = page.stream
        layout["about"] = page.app
        layout["refresh"] = page.refresh
        layout["user"] = session.map { session in
            PageValues {
                $0["name"] = session.identity.name
                $0["role"] = session.identity.role.rawValue
            }
        }
        layout["nav"] = Section.allCases.filter { $0 != .tokens || session?.identity.role == .admin }.map { section in
            PageValues {
                $0["href"] = section.rawValue
                $0["label"] = section.label
                $0["current"] = section == page.section
            }
        }
        layout["flash"] = flash.map { flash in
            PageValues { $0["text"] = flash.text }
        }
        layout.setHTML(Templates.library.render(body, withTemplate: page.template), as: "main")
        return Templates.library.render(layout, withTemplate: "layout") ?? ""
    }

    /// An error as a page; one with status 303 as a redirect.
    func errorPage(_ error: APIError, _ request: Request, _ context: ServerContext) -> Response {
        if error.status == .seeOther { return Response(status: .seeOther) }
        var model = PageValues()
        model["heading"] = DisplayText.heading(error.status)
        model["message"] = error.message
        let app = request.uri.path.split(separator: "/").dropFirst().first.map(String.init)
        if request.uri.path.hasPrefix("/apps/"), let app, services.knows(app) {
            model["back"] = PageValues {
                $0["href"] = "/apps/\(app)"
                $0["label"] = "Back to \(app)"
            }
        }
        let page = Page(
            template: "error", title: DisplayText.heading(error.status), section: nil, model: model,
            status: error.status)
        let html = render(page, session: context.session)
        return Response(
            status: error.status,
            headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: html))
        )
    }

    /// A redirect to the page that shows the result of a command.
    func redirect(_ path: String, _ flash: Flash? = nil) -> Response {
        let separator = path.contains("?") ? "&" : "?"
        return Response(
            status: .seeOther, headers: [.location: flash.map { "\(path)\(separator)did=\($0.rawValue)" } ?? path])
    }
}

/// A confirmation on the page after a command, where that page does not show the result otherwise.
enum Flash: String, Sendable, CaseIterable {
    case revoked
    case resent
    case connected

    init?(_ request: Request) {
        guard let name = request.uri.queryParameters["did"] else { return nil }
        self.init(rawValue: String(name))
    }

    var text: String {
        switch self {
        case .revoked: "The token is revoked, and its sessions have ended."
        case .resent: "The notification is sent again. Reload the page to see what became of it."
        case .connected: "Your Slack account is connected: it has the rights of your token now."
        }
    }
}
