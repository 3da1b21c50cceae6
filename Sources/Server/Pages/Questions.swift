import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// Acts that are asked about before they are done: a page with a form, which the script shows on top of the page it was asked from.
extension Pages {
    private struct Question {
        var heading: String
        var action: String
        var words: [String]
        var button: String
        var cancel: String
        var isDanger = false
        var versions: [String] = []
        var error: String?
        var reason: String?
        var takesReason = true

        var page: Page {
            var model = Model()
            model["heading"] = heading
            model["action"] = action
            model["words"] = words
            model["button"] = button
            model["cancel"] = cancel
            model["isDanger"] = isDanger
            model["takesReason"] = takesReason
            model["reason"] = reason
            model["error"] = error
            model["versions"] =
                versions.count < 2
                ? nil
                : Model { model in
                    model["choices"] = versions.prefix(50).map { version in
                        Model {
                            $0["version"] = version
                            $0["label"] = version
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
        try context.require(.deployer, for: release.order.app)
        try release.checkPromotable(at: SystemClock().now)
        let staged = release.nodes.count { $0.state == .staged }
        let nodes = "\(counted(staged, "node")) \(staged == 1 ? "switches" : "switch")"
        let place = release.candidate.map { " to \($0)" } ?? ""
        var words = ["\(nodes)\(place): visitors get \(release.order.version)."]
        if let previous = release.previous {
            words.append("\(previous.version) on \(previous.color) goes after the drain.")
        }
        var question = Question(
            heading: "Promote \(release.order.name)", action: "\(path)/promote", words: words,
            button: "Promote \(release.order.version)", cancel: path)
        question.takesReason = false
        return respond(question.page, request, context)
    }

    @Sendable func promote(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        _ = try await services.acts(context).promote(release.order.app, release.order.number)
        return redirect(path)
    }

    // MARK: - Abort

    @Sendable func askAbort(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        try context.require(.deployer, for: release.order.app)
        try release.checkAbortable()
        var question = Question(
            heading: "Abort \(release.order.name)", action: "\(path)/abort", words: abortWords(release),
            button: "Abort \(release.order.version)", cancel: path)
        question.isDanger = true
        return respond(question.page, request, context)
    }

    private func abortWords(_ release: Release) -> [String] {
        let version = release.order.version
        let place = release.candidate.map { " on \($0)" } ?? ""
        let moved = release.nodes.count { $0.state == .switched }
        var words = ["\(version)\(place) is given up, and its pods are deleted."]
        if let previous = release.previous {
            words.append(
                moved > 0
                    ? "\(counted(moved, "node")) that switched go back to \(previous.color)."
                    : "No node has switched: visitors get \(previous.version) on \(previous.color), as before.")
        }
        return words
    }

    @Sendable func abort(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (release, path) = try await release(context)
        _ = try await services.acts(context).abort(
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
        let words =
            plan.versions.count == 1
            ? plan.words(to: first)
            : ["The version comes up on the other colour, and takes the traffic over when every node has staged it."]
        var question = Question(
            heading: "Roll \(app) back to \(plan.versions.count == 1 ? first : "an earlier version")",
            action: "/apps/\(app)/rollback", words: words, button: "Roll back", cancel: "/apps/\(app)")
        question.versions = plan.versions
        return respond(question.page, request, context)
    }

    @Sendable func rollback(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let wanted = context.form["to"].flatMap { $0.isEmpty ? nil : $0 }
        let release = try await services.acts(context).rollback(app, to: wanted, reason: context.form["reason"])
        return redirect("/apps/\(app)/releases/\(release.order.number)")
    }

    // MARK: - Parts

    private func release(_ context: ServerContext) async throws -> (Release, path: String) {
        let app = try visibleApp(context)
        let number = try context.number("number")
        guard let tail = try await services.board.tail(app, number) else {
            throw APIError.notFound("there is no release \(app)/\(number)")
        }
        return (await tail.release, "/apps/\(app)/releases/\(number)")
    }
}
