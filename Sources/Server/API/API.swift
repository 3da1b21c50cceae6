import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import NIOCore
import ReleaseMachine
import ViridianConfiguration

/// What machines talk to. `/openapi.json` describes it.
struct API: Sendable {
    let services: Services
    let idempotency: Idempotency
    /// Of this process: versions of the board are counted anew by the next one.
    let life = String(UInt32.random(in: .min ... .max), radix: 36)

    init(_ services: Services) {
        self.services = services
        idempotency = Idempotency(journal: services.journal, clock: services.clock)
    }

    func add(to routes: Routes) {
        addHealth(to: routes)
        routes.get("api/v1/apps", use: listApps)
        routes.get("api/v1/apps/{app}", use: showApp)
        routes.get("api/v1/apps/{app}/releases", use: listReleases)
        routes.post("api/v1/apps/{app}/releases", use: deploy)
        routes.get("api/v1/apps/{app}/releases/{number}", use: showRelease)
        routes.get("api/v1/apps/{app}/releases/{number}/events", use: listEvents)
        routes.post("api/v1/apps/{app}/releases/{number}/promote", use: promote)
        routes.post("api/v1/apps/{app}/releases/{number}/abort", use: abort)
        routes.post("api/v1/apps/{app}/rollback", use: rollback)
        routes.post("api/v1/apps/{app}/repair", use: repair)
        routes.get("api/v1/nodes", use: listNodes)
        routes.get("api/v1/events", use: changes)
        routes.get("api/v1/audit", use: listAudit)
        routes.get("api/v1/stats", use: statistics)
        routes.get("api/v1/tokens", use: listTokens)
        routes.post("api/v1/tokens", use: createToken)
        routes.delete("api/v1/tokens/{id}", use: revokeToken)
    }

    // MARK: - Apps

    @Sendable private func listApps(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let (version, body) = try await services.board.encodedApps()
        guard let only = identity.apps else { return .tagged(body, tag: "\(life)-\(version)", for: request) }
        let seen = AppsAnswer(apps: await services.board.apps().filter { only.contains($0.app) })
        return .tagged(
            ByteBuffer(string: try seen.jsonLine()), tag: "\(life)-\(version)-\(identity.tokenID)", for: request)
    }

    @Sendable private func showApp(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        // What is asked for by name is looked at now, unless somebody just did.
        await services.lookout.look(at: app, unlessYoungerThan: .seconds(2))
        guard let view = await services.board.app(app) else { throw APIError.notFound("there is no app \(app)") }
        return .json(view)
    }

    // MARK: - Releases

    private struct ReleasesAnswer: Codable {
        var releases: [ReleaseView]
        /// The value of `before` for the next page; left out on the last one.
        var next: Int?
    }

    @Sendable private func listReleases(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let limit = try request.integer("limit", 1...200) ?? 20
        let before = try request.integer("before", 1...Int.mostInJSON)
        let found = try services.journal.releases(app: app, limit: limit + 1, before: before)
        let page = found.prefix(limit)
        let answer = ReleasesAnswer(
            releases: page.map { ReleaseView($0) }, next: found.count > limit ? page.last?.order.number : nil)
        return .json(answer)
    }

    @Sendable private func showRelease(_ request: Request, _ context: ServerContext) async throws -> Response {
        let release = try await release(context)
        let body = ByteBuffer(string: try ReleaseView(release).jsonLine() + "\n")
        let tag = "\(release.order.name)-\(release.sequence)".replacing("/", with: "-")
        return .tagged(body, tag: tag, for: request)
    }

    @Sendable private func deploy(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let fields = try BodyFields(
            request, context, known: ["version", "image", "replicas", "verify", "reason", "commitTime", "removeStrays"])
        guard let version = try fields.string("version") else {
            throw APIError.invalid("version", "version is missing: the tag of the image to release")
        }
        let image = try fields.string("image")
        let replicas = try fields.integer("replicas")
        let verify = try fields.flag("verify")
        let reason = try fields.string("reason")
        let commitTime = try fields.string("commitTime")
        let removeStrays = try fields.flag("removeStrays")
        let identity = try context.require(.deployer, for: app)
        let start = { @Sendable [services] (key: KeyedRequest?) in
            try await services.acts(context).deploy(
                app, version: version, image: image, replicas: replicas, verify: verify, reason: reason,
                commitTime: commitTime, removeStrays: removeStrays, request: key)
        }
        guard let key = HTTPField.Name("Idempotency-Key").flatMap({ request.headers[$0] }) else {
            return started(try await start(nil))
        }
        try Idempotency.check(key)
        let keyed = KeyedRequest(owner: identity.tokenID, key: key, hash: try fields.hash(app))
        let (release, isRepeated) = try await idempotency.once(keyed, app: app) { number in
            try services.apps.releases(app).release(number)
        } _: {
            try await start(keyed)
        }
        var response = started(release)
        if isRepeated, let name = HTTPField.Name("Idempotent-Replayed") { response.headers[name] = "true" }
        return response
    }

    private func started(_ release: Release) -> Response {
        var response = Response.json(ReleaseView(release), status: .created)
        response.headers[.location] = "/api/v1/apps/\(release.order.app)/releases/\(release.order.number)"
        return response
    }

    @Sendable private func promote(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let number = try context.number("number")
        _ = try BodyFields(request, context, known: [])
        try context.require(.deployer, for: app)
        _ = try await release(context)
        return .json(ReleaseView(try await services.acts(context).promote(app, number)), status: .accepted)
    }

    @Sendable private func abort(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let number = try context.number("number")
        let reason = try BodyFields(request, context, known: ["reason"]).string("reason")
        try context.require(.deployer, for: app)
        _ = try await release(context)
        return .json(
            ReleaseView(try await services.acts(context).abort(app, number, reason: reason)), status: .accepted)
    }

    @Sendable private func rollback(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let fields = try BodyFields(request, context, known: ["to", "reason"])
        let (version, reason) = (try fields.string("to"), try fields.string("reason"))
        let release = try await services.acts(context).rollback(app, to: version, reason: reason)
        return .json(ReleaseView(release), status: .accepted)
    }

    @Sendable private func repair(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let isDryRun = try BodyFields(request, context, known: ["dryRun"]).flag("dryRun") ?? false
        let report = try await services.acts(context).repair(app, isDryRun: isDryRun)
        return .json(RepairView(app, report, isDryRun: isDryRun))
    }

    // MARK: - Events

    private struct EventsAnswer<Event: Encodable>: Encodable {
        var events: [Event]
        /// The value of `after` for the next page; left out when this one holds the newest event.
        var next: Int?
    }

    @Sendable private func listEvents(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let number = try context.number("number")
        let wanted = try request.integer("after", 0...Int.mostInJSON) ?? 0
        let limit = try request.integer("limit", 1...5000) ?? 1000
        guard let tail = try await services.board.tail(app, number) else { throw noRelease(app, number) }
        if request.headers[.accept]?.contains("text/event-stream") == true {
            let header = HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }
            return EventStreams(services: services)
                .release(tail, after: header.flatMap { Int($0) } ?? wanted, request, context)
        }
        let events = Array(await tail.events(after: wanted, limit: limit))
        let newest = await tail.release.sequence
        let next = events.last.flatMap { $0.sequence < newest ? $0.sequence : nil }
        switch request.uri.queryParameters["form"].map(String.init) {
        case nil: return .json(EventsAnswer(events: events, next: next))
        case "journal": return .json(EventsAnswer(events: events.compactMap(\.recorded), next: next))
        case _?: throw APIError.invalid("form", "form takes journal, or is left out")
        }
    }

    @Sendable private func changes(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        return EventStreams(services: services).changes(identity, request, context)
    }

    // MARK: - Parts

    /// The app in the path, which is there and which the caller may see.
    func app(_ context: ServerContext) throws -> String {
        let name = try context.parameter("app")
        try context.require(.viewer, for: name)
        return try services.apps.configuration(name).name.text
    }

    func release(_ context: ServerContext) async throws -> Release {
        let app = try app(context)
        let number = try context.number("number")
        guard let release = try await services.board.release(app, number) else { throw noRelease(app, number) }
        return release
    }

    private func noRelease(_ app: String, _ number: Int) -> APIError {
        .notFound("there is no release \(app)/\(number)")
    }
}
