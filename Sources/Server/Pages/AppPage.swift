import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

extension Pages {
    /// `/apps/{app}`: both colours, the colour that each node routes to, the forms, and the history.
    @Sendable func showApp(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        // The page is sent at once, and updated when the check is done.
        await services.driftMonitor.beginCheck(app, unlessYoungerThan: .seconds(5))
        let query = request.uri.queryParameters
        var page = try await appPage(app, context, before: query["before"].flatMap { Int($0) })
        if let id = query["refused"], let identity = context.identity,
            let refused = refusedForms.find(String(id), of: app, token: identity.id)
        {
            page.form = refused.form
            page.error = refused.message
        } else if let version = query["version"].map(String.init)?.removingPercentEncoding {
            // Chosen from the known versions.
            page.form = DeployForm(verify: page.configuration.verify.pauses)
            page.form?.version = version.safe.cut(128)
        }
        return respond(page.page, request, context)
    }

    func appPage(_ app: String, _ context: ServerContext, before: Int? = nil) async throws -> AppPage {
        guard let view = await services.appStates.app(app) else { throw APIError.notFound("there is no app \(app)") }
        let limit = AppPage.historyLength
        return await AppPage(
            app: view,
            configuration: try services.apps.configuration(app),
            latest: await services.appStates.latest(app),
            history: try services.journal.releases(app: app, limit: limit + 1, before: before),
            before: before,
            user: context.identity,
            admission: try await admission(of: app, context),
            now: services.clock.now
        )
    }

    /// The app in the path. Throws 404 for an unknown app, and 403 unless the user may see it.
    func visibleApp(_ context: ServerContext) throws -> String {
        let name = try context.parameter("app")
        try context.require(.viewer, for: name)
        return try services.apps.configuration(name).name.text
    }

    /// Starts a release from the form. An error is shown on the app's page, above the form as it was filled in: reloading that page
    /// sends nothing.
    @Sendable func deploy(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let identity = try context.require(.deployer, for: app)
        let form = DeployForm(context.form)
        do {
            let replicas = try form.replicaCount()
            let keyed = KeyedRequest(owner: identity.id, key: "page-\(form.key)", hash: form.hash(app))
            let (release, _) = try await idempotency.once(keyed, app: app) { [services] number in
                try await services.apps.releases(app).release(number)
            } _: { [services] in
                try await services.releaseService(context).deploy(
                    app, version: form.version, replicas: replicas, verify: form.verify, reason: form.reason,
                    overridesHolds: form.overridesHolds, request: keyed)
            }
            return redirect("/apps/\(app)/releases/\(release.order.number)")
        } catch {
            let error = APIError(error)
            guard [.unprocessableContent, .conflict, .locked].contains(error.status) else { throw error }
            let id = refusedForms.keep(
                .init(form: form, message: error.message), of: app, token: identity.id)
            return Response(status: .seeOther, headers: [.location: "/apps/\(app)?refused=\(id)#deploy"])
        }
    }
}

struct AppPage {
    static let historyLength = 25

    var app: AppView
    var configuration: AppConfiguration
    var latest: Release?
    /// The releases to show, and one more when there is another page.
    var history: [Release]
    var before: Int?
    var user: Identity?
    var admission = AppAdmission()
    var now: Timestamp
    var form: DeployForm?
    var error: String?

    private var mayRelease: Bool { user?.mayRelease(app.app) ?? false }
    private var isIdle: Bool { latest?.state.hasEnded ?? true }

    var page: Pages.Page {
        var model = PageValues()
        TrafficDiagram(app, latest: latest).fill(&model, now: now)
        model["app"] = app.app
        model["sub"] = subtitle
        model["badge"] = badge
        model["color"] = latest?.candidate?.rawValue
        let paused = latest.flatMap { $0.state == .paused ? $0 : nil }
        model["awaiting"] = paused.map { HomePage.awaiting($0, user, now: now) }
        model["running"] = latest.flatMap { $0.state == .running ? $0 : nil }.map(running)
        // While a release runs, its own card says what to do.
        model["advice"] = isIdle ? app.advice : []
        admission.fill(
            &model, app, mayRelease: mayRelease && before == nil, mayDeploy: mayRelease && isIdle && before == nil,
            now: now)
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
            refresh: isIdle ? (app.seenAt == nil && app.problem == nil ? 3 : nil) : 5,
            favicon: DisplayText.favicon(isIdle ? nil : latest?.state)
        )
    }

    private var subtitle: String {
        var parts = app.cluster.map { ["cluster \($0)"] } ?? []
        parts += ["namespace \(app.namespace)", "\(configuration.workload.rawValue)"]
        if !configuration.hosts.isEmpty { parts.append(configuration.hosts.prefix(3).joined(separator: ", ")) }
        return parts.joined(separator: " · ")
    }

    /// Nothing says what is live: the cluster was never read.
    private var isLiveUnknown: Bool { app.seenAt == nil && app.problem != nil }

    /// The live version: as read from the cluster, or of a release that went live since the last check.
    var live: LiveVersion? {
        // The journal knows the last release; what serves since then, only the cluster.
        if isLiveUnknown { return nil }
        let seen = app.seenAt.flatMap { Timestamp(iso8601: $0) }
        if let newest = history.first(where: { $0.state == .live }), let color = newest.candidate,
            let end = newest.endedAt,
            before == nil, seen.map({ $0 < end }) ?? true
        {
            return LiveVersion(color: color, version: newest.order.version)
        }
        return app.live.map { LiveVersion(color: $0.color, version: $0.version) }
    }

    private var badge: PageValues {
        if let latest, !latest.state.hasEnded { return DisplayText.badge(latest) }
        guard let live else {
            let label =
                isLiveUnknown
                ? "what is live is unknown" : app.seenAt == nil ? "not read yet" : "nothing is live yet"
            return DisplayText.badge("superseded", label, "wait")
        }
        return DisplayText.badge("live", "\(live.version) is live on \(live.color)", "check")
    }

    private func running(_ release: Release) -> PageValues {
        PageValues {
            $0["name"] = release.order.name
            $0["href"] = "/apps/\(app.app)/releases/\(release.order.number)"
            $0["version"] = release.order.version
            $0["phase"] = release.isBackingOut ? "going back" : release.phase.rawValue
            $0["progress"] = ReleaseProgress(release).sentence
        }
    }

    private func fillForms(_ model: inout PageValues) {
        let form = form ?? DeployForm(verify: configuration.verify.pauses)
        model["mayDeploy"] = mayRelease && isIdle && before == nil
        model["key"] = form.key
        model["version"] = form.version
        model["replicas"] = form.replicas.isEmpty ? nil : form.replicas
        model["replicasNow"] = live.flatMap { app.colors[$0.color.rawValue]?.replicas } ?? configuration.replicas
        model["verify"] = form.verify
        model["approvals"] =
            configuration.verify.asksOthers
            ? ApprovalsNeeded(app: app.app, verify: configuration.verify).rule : nil
        model["override"] = form.overridesHolds
        model["reason"] = form.reason.isEmpty ? nil : form.reason
        model["error"] = error
        // Shown on top of the page when there is no form: a release has started.
        model["refused"] = mayRelease && isIdle && before == nil ? nil : error
        model["live"] = live?.version
        let target = (live?.color.other ?? .blue).rawValue
        model["plan"] =
            live.map { "The pods start on \(target); traffic stays on \($0.color) until the switch." }
            ?? (app.seenAt == nil
                ? "What is live has not been read: the pods start on the colour that is not live then."
                : "The first release: the pods start on \(target).")
        let rollback = mayRelease && isIdle && before == nil ? RollbackPlan(history: history, live: live) : nil
        model["rollback"] = rollback.flatMap { plan in
            plan.target.map { version in
                PageValues {
                    $0["version"] = version.name
                    $0["effect"] = plan.effects(to: version).joined(separator: " ")
                }
            }
        }
    }

    private func fillRoutes(_ model: inout PageValues) {
        let drifted = Set(app.drifted)
        let readings = app.nodes.sorted { drifted.contains($0.address) && !drifted.contains($1.address) }
        model["hasRoutes"] = !readings.isEmpty
        model["seen"] = app.seenAt.flatMap { Timestamp(iso8601: $0) }.map {
            "read back \(DisplayText.ago($0, now: now)) ago"
        }
        model["noRoutes"] =
            app.problem.map { "The nodes cannot be read: \($0)" }
            ?? (app.seenAt == nil ? "The nodes are being read for the first time." : "The inventory has no nodes.")
        model["routes"] = readings.map { node in
            let isBad = drifted.contains(node.address)
            return PageValues {
                $0["address"] = node.address
                $0["color"] = node.color?.rawValue
                $0["isBad"] = isBad
                $0["message"] = node.message ?? (isBad ? "not the live colour" : "ok")
            }
        }
    }

    private func fillHistory(_ model: inout PageValues) {
        let shown = history.prefix(AppPage.historyLength)
        model["hasHistory"] = !shown.isEmpty
        model["before"] = before != nil
        model["older"] = history.count > shown.count ? shown.last?.order.number : nil
        model["history"] = shown.map { release in
            PageValues {
                $0["number"] = release.order.number
                $0["name"] = release.order.name
                $0["href"] = "/apps/\(app.app)/releases/\(release.order.number)"
                $0["version"] = release.order.version
                $0["hue"] = DisplayText.hue(release.candidate)
                $0["badge"] = DisplayText.badge(release)
                $0["why"] = DisplayText.why(release)?.cut(240)
                $0["isRollback"] = release.order.isRollback
                $0["took"] = release.elapsed(at: now).short
                $0["by"] = release.order.requestedBy
                $0["iso"] = release.createdAt.iso8601
                $0["when"] = DisplayText.when(release.createdAt, now: now)
                $0["reason"] = release.order.reason
            }
        }
    }
}
