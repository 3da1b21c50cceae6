import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Mustache
import NIOCore
import ReleaseMachine

/// Everything that people see: complete when it is loaded, and live from then on.
///
/// A page is a template and a model. An act is a form that is posted; its answer is a redirect to the page that shows what came of
/// it, so that nothing is done twice by loading again.
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
        routes.get("nodes", use: showNodes)
        routes.get("audit", use: showAudit)
        routes.get("stats", use: showStatistics)
        addTokens(to: routes)
    }

    /// A page before it is put into the frame that all share.
    struct Page: Sendable {
        var template: String
        var title: String
        /// The entry of the navigation that it belongs to.
        var section: Section?
        var model: Model
        var status = HTTPResponse.Status.ok
        /// The event stream that tells when it has changed.
        var stream: String?
        /// The only app that the page is about: news of others are nothing to it.
        var app: String?
        /// Between two loads of the page where there is no script, in seconds.
        var refresh: Int?
        var favicon = "favicon.svg"
    }

    enum Section: String, Sendable, CaseIterable {
        case apps = "/"
        case nodes = "/nodes"
        case statistics = "/stats"
        case audit = "/audit"
        case tokens = "/tokens"

        var label: String {
            switch self {
            case .apps: "Apps"
            case .nodes: "Nodes"
            case .statistics: "Statistics"
            case .audit: "Audit"
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
        var frame = Model()
        frame["icons"] = assets.path("icons.svg")
        frame["csrf"] = session?.csrf
        frame["icon_out"] = Model { $0["icon"] = "out" }
        var body = page.model
        body["icons"] = assets.path("icons.svg")
        body["csrf"] = session?.csrf
        body["icon_out"] = Model { $0["icon"] = "out" }

        frame["title"] = page.title
        frame["css"] = assets.path("app.css")
        frame["js"] = assets.path("live.js")
        frame["logo"] = assets.path("favicon.svg")
        frame["favicon"] = assets.path(page.favicon)
        frame["now"] = services.clock.now.iso8601
        frame["build"] = services.settings.version
        frame["stream"] = page.stream
        frame["about"] = page.app
        frame["refresh"] = page.refresh
        frame["user"] = session.map { session in
            Model {
                $0["name"] = session.identity.name
                $0["role"] = session.identity.role.rawValue
            }
        }
        frame["nav"] = Section.allCases.filter { $0 != .tokens || session?.identity.role == .admin }.map { section in
            Model {
                $0["href"] = section.rawValue
                $0["label"] = section.label
                $0["current"] = section == page.section
            }
        }
        frame["flash"] = flash.map { flash in
            Model { $0["text"] = flash.text }
        }
        frame.setHTML(Templates.library.render(body, withTemplate: page.template), as: "main")
        return Templates.library.render(frame, withTemplate: "layout") ?? ""
    }

    /// What went wrong, as a page; where it leads somewhere else, as a redirect.
    func errorPage(_ error: APIError, _ request: Request, _ context: ServerContext) -> Response {
        if error.status == .seeOther { return Response(status: .seeOther) }
        var model = Model()
        model["heading"] = Words.heading(error.status)
        model["message"] = error.message
        let app = request.uri.path.split(separator: "/").dropFirst().first.map(String.init)
        if request.uri.path.hasPrefix("/apps/"), let app, services.knows(app) {
            model["back"] = Model {
                $0["href"] = "/apps/\(app)"
                $0["label"] = "Back to \(app)"
            }
        }
        let page = Page(
            template: "problem", title: Words.heading(error.status), section: nil, model: model, status: error.status)
        let html = render(page, session: context.session)
        return Response(
            status: error.status,
            headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: html))
        )
    }

    /// On to the page that shows what came of an act.
    func redirect(_ path: String, _ flash: Flash? = nil) -> Response {
        Response(status: .seeOther, headers: [.location: flash.map { "\(path)?did=\($0.rawValue)" } ?? path])
    }
}

/// What was just done, told on the page that follows where that page does not show it by itself.
enum Flash: String, Sendable, CaseIterable {
    case revoked

    init?(_ request: Request) {
        guard let name = request.uri.queryParameters["did"] else { return nil }
        self.init(rawValue: String(name))
    }

    var text: String {
        switch self {
        case .revoked: "The token is revoked, and whoever was signed in with it is signed out."
        }
    }
}
