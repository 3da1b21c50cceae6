import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// The confirmations of promote, abort and rollback: a page with a form, which the script shows as a dialog.
extension Pages {
    private struct Confirmation {
        var heading: String
        var action: String
        var effects: [String]
        var button: String
        var cancel: String
        var isDanger = false
        var versions: [RollbackPlan.Choice] = []
        var error: String?
        var reason: String?
        var takesReason = true
        /// Without the approvals that are missing.
        var overrides = false

        var page: Page {
            var model = PageValues()
            model["heading"] = heading
            model["action"] = action
            model["effects"] = effects
            model["button"] = button
            model["cancel"] = cancel
            model["isDanger"] = isDanger
            model["takesReason"] = takesReason
            model["override"] = overrides
            model["reason"] = reason
            model["error"] = error
            model["versions"] =
                versions.isEmpty
                ? nil
                : PageValues { model in
                    model["choices"] = versions.prefix(50).map { version in
                        PageValues {
                            $0["version"] = version.reference
                            $0["label"] = version.name
                            $0["isChosen"] = version == versions.first
                        }
                    }
                }
            return Page(template: "confirm", title: heading, section: .apps, model: model)
        }
    }

    // MARK: - Promote

    @Sendable func askPromote(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        let overrides = request.uri.queryParameters["override"] != nil
        let user = try context.require(overrides ? .admin : .deployer, for: release.order.app)
        let now = services.clock.now
        let event =
            overrides
            ? try release.forcedPromotion(by: user.name, reason: "", at: now)
            : try release.promotion(by: user.name, at: now)
        return respond(try await promotion(event, of: release, path).page, request, context)
    }

    /// The confirmation of what a user's promotion of the release causes.
    private func promotion(_ event: Event, of release: Release, _ path: String) async throws -> Confirmation {
        let names = try await names(release)
        let name = release.order.name
        let needed = release.order.rules.neededApprovals
        var confirmation = Confirmation(
            heading: "Promote \(name)", action: "\(path)/promote", effects: try await promotionEffects(release),
            button: "Promote \(names.version)", cancel: path)
        confirmation.takesReason = false
        switch event {
        case .approved:
            confirmation.heading = "Approve \(name)"
            confirmation.button = "Approve \(names.version)"
            confirmation.effects = [
                "It has \(release.approvals.count + 1) of \(needed) approvals with yours.",
                "Nothing switches before all \(needed) people have promoted it. An abort by one person ends it.",
            ]
        case .promotionForced:
            confirmation.heading = "Promote \(name) without the approvals that it needs"
            confirmation.effects.insert("By the rules of \(release.order.app), \(release.missingApprovals).", at: 0)
            confirmation.effects.append("Your reason goes into the audit log.")
            (confirmation.takesReason, confirmation.overrides, confirmation.isDanger) = (true, true, true)
        default:
            guard needed > 1 else { break }
            confirmation.effects.insert("It has all \(needed) approvals with yours.", at: 0)
        }
        return confirmation
    }

    private func promotionEffects(_ release: Release) async throws -> [String] {
        let names = try await names(release)
        let staged = release.nodes.count { $0.state == .staged }
        let nodes = "\(counted(staged, "node")) \(staged == 1 ? "switches" : "switch")"
        let place = release.candidate.map { " to \($0)" } ?? ""
        var effects = ["\(nodes)\(place): visitors get \(names.version)."]
        if let previous = release.previous {
            effects.append("\(names.previous) on \(previous.color) is deleted after the drain.")
        }
        return effects
    }

    @Sendable func promote(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        let overrides = context.form["override"] == "yes"
        do {
            _ = try await services.releaseService(context).promote(
                release.order.app, release.order.number, overridesApprovals: overrides,
                reason: overrides ? context.form["reason"] : nil)
            return redirect(path)
        } catch let error where overrides && APIError(error).status == .unprocessableContent {
            let event = Event.promotionForced(by: "", reason: "")
            var confirmation = try await promotion(event, of: release, path)
            (confirmation.error, confirmation.reason) = (APIError(error).message, context.form["reason"])
            var page = confirmation.page
            page.status = .unprocessableContent
            return respond(page, request, context)
        }
    }

    // MARK: - Abort

    @Sendable func askAbort(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        try context.require(.deployer, for: release.order.app)
        try release.checkAbortable()
        var confirmation = Confirmation(
            heading: "Abort \(release.order.name)", action: "\(path)/abort", effects: try await abortEffects(release),
            button: "Abort \(try await names(release).version)", cancel: path)
        confirmation.isDanger = true
        return respond(confirmation.page, request, context)
    }

    private func abortEffects(_ release: Release) async throws -> [String] {
        let names = try await names(release)
        let place = release.candidate.map { " on \($0)" } ?? ""
        let moved = release.nodes.count { $0.state == .switched }
        var effects = ["The pods of \(names.version)\(place) are deleted."]
        if let previous = release.previous {
            effects.append(
                moved > 0
                    ? "The \(counted(moved, "node")) that switched \(moved == 1 ? "goes" : "go") back to \(previous.color)."
                    : "No node has switched: visitors get \(names.previous) on \(previous.color), as before.")
        }
        return effects
    }

    @Sendable func abort(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        _ = try await services.releaseService(context).abort(
            release.order.app, release.order.number, reason: context.form["reason"])
        return redirect(path)
    }

    // MARK: - Rollback

    @Sendable func askRollback(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        try context.require(.deployer, for: app)
        let page = try await appPage(app, context)
        let plan = RollbackPlan(history: page.history, live: page.live)
        guard let first = plan.versions.first else {
            throw APIError(.conflict, "not_applicable", "\(app) had no version live before the one that is live now")
        }
        let effects =
            plan.versions.count == 1
            ? plan.effects(to: first)
            : ["The version starts on the other colour; the nodes switch when all of them have staged it."]
        var confirmation = Confirmation(
            heading: "Roll \(app) back to \(plan.versions.count == 1 ? first.name : "an earlier version")",
            action: "/apps/\(app)/rollback", effects: effects, button: "Roll back", cancel: "/apps/\(app)")
        // Without a choice the form names no version: what was live before.
        confirmation.versions = plan.versions.count == 1 && plan.target != nil ? [] : plan.versions
        return respond(confirmation.page, request, context)
    }

    @Sendable func rollback(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let wanted = context.form["to"].flatMap { $0.isEmpty ? nil : $0 }
        let release = try await services.releaseService(context).rollback(
            app, to: wanted, reason: context.form["reason"])
        return redirect("/apps/\(app)/releases/\(release.order.number)")
    }

    // MARK: - Parts

    /// A release's version and the one that is live before it; with their digests where both have the same tag.
    private func names(_ release: Release) async throws -> (version: String, previous: String) {
        let (order, previous) = (release.order, release.previous?.version ?? "")
        guard order.version == previous else { return (order.version, previous) }
        let older = try await services.journal.releases(app: order.app, limit: 50, before: order.number)
        let former = older.first { $0.hasBeenLive && $0.order.version == previous }?.order
        return (RollbackTarget(order).fullName, former.map { RollbackTarget($0).fullName } ?? previous)
    }

    private func release(_ context: ServerContext) async throws -> (Release, path: String) {
        let app = try visibleApp(context)
        let number = try context.number("number")
        guard let feed = try await services.appStates.feed(app, number) else {
            throw try await services.noRelease(app, number)
        }
        return (await feed.release, "/apps/\(app)/releases/\(number)")
    }
}
