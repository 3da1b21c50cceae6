import Controller
import Crypto
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

extension Pages {
    /// `/apps/{app}`: the lanes large, what each node really routes to, what can be done, and the history.
    @Sendable func showApp(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        // Whoever opens the page wants to know what is so now; an open page hears of it.
        await services.lookout.begin(at: app, unlessYoungerThan: .seconds(5))
        let query = request.uri.queryParameters
        var page = try await appPage(app, context, before: query["before"].flatMap { Int($0) })
        if let id = query["refused"], let identity = context.identity,
            let refused = refusedForms.find(String(id), of: app, token: identity.tokenID)
        {
            page.form = refused.form
            page.error = refused.message
        }
        return respond(page.page, request, context)
    }

    func appPage(_ app: String, _ context: ServerContext, before: Int? = nil) async throws -> AppPage {
        guard let view = await services.board.app(app) else { throw APIError.notFound("there is no app \(app)") }
        let limit = AppPage.historyLength
        return AppPage(
            app: view,
            configuration: try services.apps.configuration(app),
            latest: await services.board.latest(app),
            history: try services.journal.releases(app: app, limit: limit + 1, before: before),
            before: before,
            mayRelease: context.identity?.mayRelease(app) ?? false,
            now: services.clock.now
        )
    }

    /// The app in the path, which is there and which the visitor may see.
    func visibleApp(_ context: ServerContext) throws -> String {
        let name = try context.parameter("app")
        try context.require(.viewer, for: name)
        return try services.apps.configuration(name).name.text
    }

    /// The form was sent. What is wrong with it is said above it, with everything still filled in, on the app's own page: loading that
    /// again, which it also does by itself, sends nothing.
    @Sendable func deploy(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let identity = try context.require(.deployer, for: app)
        let form = DeployForm(context.form)
        do {
            let replicas = try form.replicaCount()
            let keyed = KeyedRequest(owner: identity.tokenID, key: "page-\(form.key)", hash: form.hash(app))
            let (release, _) = try await idempotency.once(keyed, app: app) { [services] number in
                try services.apps.releases(app).release(number)
            } _: { [services] in
                try await services.acts(context).deploy(
                    app, version: form.version, replicas: replicas, verify: form.verify, reason: form.reason,
                    request: keyed)
            }
            return redirect("/apps/\(app)/releases/\(release.order.number)")
        } catch {
            let error = APIError(error)
            guard error.status == .unprocessableContent || error.status == .conflict else { throw error }
            let id = refusedForms.keep(
                .init(form: form, message: error.message), of: app, token: identity.tokenID)
            return Response(status: .seeOther, headers: [.location: "/apps/\(app)?refused=\(id)#deploy"])
        }
    }
}

/// What was typed into the form that starts a release.
struct DeployForm: Sendable {
    var version = ""
    var replicas = ""
    var verify = false
    var reason = ""
    /// Of this form: sent twice, it starts one release.
    var key = UUID().uuidString

    init(verify: Bool) {
        self.verify = verify
    }

    init(_ fields: [String: String]) {
        let text = { (name: String) in (fields[name] ?? "").trimmingCharacters(in: .whitespacesAndNewlines) }
        version = text("version")
        replicas = text("replicas")
        verify = text("verify") == "yes"
        reason = text("reason")
        if (1...64).contains(text("key").utf8.count) { key = text("key") }
    }

    func replicaCount() throws(APIError) -> Int? {
        guard !replicas.isEmpty else { return nil }
        guard let count = Int(replicas) else { throw .invalid("replicas", "pods has to be a whole number") }
        return count
    }

    func hash(_ app: String) -> [UInt8] {
        Array(SHA256.hash(data: Data([app, version, replicas, "\(verify)", reason].joined(separator: "\n").utf8)))
    }
}

struct AppPage {
    static let historyLength = 25

    var app: AppView
    var configuration: AppConfiguration
    var latest: Release?
    /// One more than is shown, where there are more.
    var history: [Release]
    var before: Int?
    var mayRelease: Bool
    var now: Timestamp
    var form: DeployForm?
    var error: String?

    private var isIdle: Bool { latest?.state.hasEnded ?? true }

    var page: Pages.Page {
        var model = Model()
        Lanes(app, latest: latest).fill(&model, now: now)
        model["app"] = app.app
        model["sub"] = subtitle
        model["badge"] = badge
        model["color"] = latest?.candidate?.rawValue
        let paused = latest.flatMap { $0.state == .paused ? $0 : nil }
        model["awaiting"] = paused.map { HomePage.awaiting($0, mayRelease, now: now) }
        model["running"] = latest.flatMap { $0.state == .running ? $0 : nil }.map(running)
        // The awaiting card says what the first piece of advice would.
        model["advice"] = isIdle ? app.advice : []
        fillForms(&model)
        fillRoutes(&model)
        fillHistory(&model)
        return Pages.Page(
            template: "app",
            title: app.app,
            section: .apps,
            model: model,
            stream: "/api/v1/events",
            app: app.app,
            refresh: isIdle ? (app.seenAt == nil && app.trouble == nil ? 3 : nil) : 5,
            favicon: Words.favicon(isIdle ? nil : latest?.state)
        )
    }

    private var subtitle: String {
        var parts = ["namespace \(app.namespace)", "\(configuration.workload.rawValue)"]
        if !configuration.hosts.isEmpty { parts.append(configuration.hosts.prefix(3).joined(separator: ", ")) }
        return parts.joined(separator: " · ")
    }

    /// What is live: as cluster and nodes last said, or by a release that went live since.
    var live: LiveVersion? {
        let seen = app.seenAt.flatMap { Timestamp(iso8601: $0) }
        if let newest = history.first(where: { $0.state == .live }), let color = newest.candidate,
            let end = newest.endedAt,
            before == nil, seen.map({ $0 < end }) ?? true
        {
            return LiveVersion(color: color, version: newest.order.version)
        }
        return app.live.map { LiveVersion(color: $0.color, version: $0.version) }
    }

    private var badge: Model {
        if let latest, !latest.state.hasEnded { return Words.badge(latest) }
        guard let live else { return Words.badge("superseded", "nothing is live yet", "wait") }
        return Words.badge("live", "\(live.version) is live on \(live.color)", "check")
    }

    private func running(_ release: Release) -> Model {
        Model {
            $0["name"] = release.order.name
            $0["href"] = "/apps/\(app.app)/releases/\(release.order.number)"
            $0["version"] = release.order.version
            $0["phase"] = release.isBackingOut ? "it is going back" : release.phase.rawValue
            $0["progress"] = Progress(release).sentence
        }
    }

    private func fillForms(_ model: inout Model) {
        let form = form ?? DeployForm(verify: configuration.verify.required)
        model["mayDeploy"] = mayRelease && isIdle && before == nil
        model["key"] = form.key
        model["version"] = form.version
        model["replicas"] = form.replicas.isEmpty ? nil : form.replicas
        model["replicasNow"] = live.flatMap { app.colors[$0.color.rawValue]?.replicas } ?? configuration.replicas
        model["verify"] = form.verify
        model["reason"] = form.reason.isEmpty ? nil : form.reason
        model["error"] = error
        // Where there is no form to say it at: a release has begun.
        model["refused"] = mayRelease && isIdle && before == nil ? nil : error
        model["live"] = live?.version
        let target = (live?.color.other ?? .blue).rawValue
        model["plan"] =
            live == nil
            ? "It comes up on \(target), the first release."
            : "It comes up on \(target); visitors notice nothing until all is ready."
        let rollback = mayRelease && isIdle && before == nil ? RollbackPlan(history: history, live: live) : nil
        model["rollback"] = rollback.flatMap { plan in
            plan.target.map { version in
                Model {
                    $0["version"] = version
                    $0["words"] = plan.words(to: version).joined(separator: " ")
                }
            }
        }
    }

    private func fillRoutes(_ model: inout Model) {
        let astray = Set(app.astray)
        let readings = app.nodes.sorted { astray.contains($0.address) && !astray.contains($1.address) }
        model["hasRoutes"] = !readings.isEmpty
        model["seen"] = app.seenAt.flatMap { Timestamp(iso8601: $0) }.map { "read back \(Words.ago($0, now: now)) ago" }
        model["noRoutes"] =
            app.trouble.map { "The nodes cannot be read: \($0)" }
            ?? (app.seenAt == nil ? "The nodes are being read for the first time." : "The inventory has no node.")
        model["routes"] = readings.map { node in
            let isBad = astray.contains(node.address)
            return Model {
                $0["address"] = node.address
                $0["color"] = node.color?.rawValue
                $0["isBad"] = isBad
                $0["words"] = node.message ?? (isBad ? "not the live colour" : "as it should be")
            }
        }
    }

    private func fillHistory(_ model: inout Model) {
        let shown = history.prefix(AppPage.historyLength)
        model["hasHistory"] = !shown.isEmpty
        model["before"] = before != nil
        model["older"] = history.count > shown.count ? shown.last?.order.number : nil
        model["history"] = shown.map { release in
            Model {
                $0["number"] = release.order.number
                $0["name"] = release.order.name
                $0["href"] = "/apps/\(app.app)/releases/\(release.order.number)"
                $0["version"] = release.order.version
                $0["hue"] = Words.hue(release.candidate)
                $0["badge"] = Words.badge(release)
                $0["why"] = Words.why(release)?.cut(240)
                $0["isRollback"] = release.isRollback
                $0["took"] = release.elapsed(at: now).short
                $0["by"] = release.order.requestedBy
                $0["iso"] = release.createdAt.iso8601
                $0["when"] = Words.when(release.createdAt, now: now)
                $0["reason"] = release.order.reason
            }
        }
    }
}

/// What going back would do.
struct RollbackPlan {
    /// Versions that were live before, the newest first.
    var versions: [String] = []
    /// Where it goes when no version is named; `nil` where one has to be.
    var target: String?
    private let live: LiveVersion?

    init(history: [Release], live: LiveVersion?) {
        self.live = live
        guard let live else { return }
        let newest = history.first { $0.state == .live }
        target = newest.flatMap { RollbackTarget.version(before: $0, in: history) }
        for version in [target].compactMap({ $0 }) + history.filter(\.hasBeenLive).map(\.order.version)
        where version != live.version && !versions.contains(version) {
            versions.append(version)
        }
    }

    func words(to version: String) -> [String] {
        guard let live else { return [] }
        return [
            "\(version) comes up on \(live.color.other), and takes the traffic over when every node has staged it.",
            "\(live.version) on \(live.color) goes after the drain.",
        ]
    }
}

/// How far a release is, in numbers.
struct Progress {
    var sentence: String?
    /// Where it is the nodes' turn.
    var isOfNodes = false

    init(_ release: Release) {
        let nodes = release.nodes.count
        func count(_ states: Set<Release.Node.State>) -> Int { release.nodes.count { states.contains($0.state) } }
        isOfNodes = release.isBackingOut || release.phase == .staging || release.phase == .switching
        if release.isBackingOut {
            sentence = release.hasMovedTraffic ? "\(count([.reverted])) of \(nodes) nodes are back" : nil
            return
        }
        switch release.phase {
        case .starting: sentence = release.pods.map { "\($0.ready) of \($0.desired) pods are ready" }
        case .staging: sentence = "\(count([.staged])) of \(nodes) nodes have staged"
        case .switching: sentence = "\(count([.switched])) of \(nodes) nodes have switched"
        default: sentence = nil
        }
    }
}
