import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

/// The forms that lock an app, end a lock and drop what waits: pages, which the script shows as dialogs.
extension Pages {
    func addLocks(to routes: Routes) {
        routes.get("apps/{app}/lock", use: askLock)
        routes.post("apps/{app}/lock", use: lock)
        routes.get("apps/{app}/locks/{id}/unlock", use: askUnlock)
        routes.post("apps/{app}/locks/{id}/unlock", use: unlock)
        routes.get("apps/{app}/queue/drop", use: askDrop)
        routes.post("apps/{app}/queue/drop", use: drop)
    }

    // MARK: - Lock

    @Sendable private func askLock(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        try context.require(.deployer, for: app)
        return respond(lockPage(app), request, context)
    }

    private func lockPage(_ app: String, _ form: [String: String] = [:], error: String? = nil) -> Page {
        var model = PageValues()
        model["heading"] = "Lock \(app)"
        model["action"] = "/apps/\(app)/lock"
        model["cancel"] = "/apps/\(app)"
        model["reason"] = form["reason"]
        model["error"] = error
        model["isAutomatic"] = form["what"] == "automatic"
        model["lengths"] = ["", "30m", "1h", "2h", "8h", "24h"].map { length in
            PageValues {
                $0["length"] = length
                $0["label"] = length.isEmpty ? "until somebody unlocks" : "for \(length)"
                $0["isChosen"] = form["for"] == length
            }
        }
        return Page(template: "lock", title: "Lock \(app)", section: .apps, model: model)
    }

    @Sendable private func lock(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let form = context.form
        do {
            _ = try await services.lockService(context).lock(
                { now in
                    let length = (form["for"] ?? "").trimmingCharacters(in: .whitespaces)
                    return try WantedLock(
                        app: app, reason: form["reason"],
                        until: length.isEmpty ? nil : now + (try lockLength(length)),
                        isAutomatic: form["what"] == "automatic", at: now)
                }, app)
            return redirect("/apps/\(app)")
        } catch {
            let error = APIError(error)
            guard error.status == .unprocessableContent else { throw error }
            var page = lockPage(app, form, error: error.message)
            page.status = error.status
            return respond(page, request, context)
        }
    }

    private func lockLength(_ text: String) throws(APIError) -> Duration {
        guard let length = Duration(text: text), length > .zero else {
            throw .invalid("for", "the length has to be a duration such as 30m or 2h")
        }
        return length
    }

    // MARK: - Unlock

    @Sendable private func askUnlock(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let id = try context.parameter("id")
        try context.require(.deployer, for: app)
        guard let lock = try await services.lockService(context).holding().locks.first(where: { $0.id == id }) else {
            throw APIError.notFound("this lock has ended already")
        }
        let what = lock.automatic ? "Releases that hooks and scripts start" : "Releases"
        let whose = lock.app ?? "all apps"
        var effects = ["\(what) of \(whose) start again. \(lock.by) locked \(whose): “\(lock.reason)”."]
        let waiting = try await services.lockService(context).queue(of: lock.app)
        effects += waiting.map { "\($0.version) of \($0.app), which waits, starts unless something else holds it." }
        return respond(
            confirmation("Unlock \(whose)", "/apps/\(app)/locks/\(id)/unlock", effects, "Unlock", back: app), request,
            context)
    }

    @Sendable private func unlock(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        _ = try await services.lockService(context).unlock(try context.parameter("id"))
        return redirect("/apps/\(app)")
    }

    // MARK: - The queue

    @Sendable private func askDrop(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        try context.require(.deployer, for: app)
        guard let queued = try await services.lockService(context).queue(of: app).first else {
            throw APIError.notFound("no version of \(app) waits any more")
        }
        let effects = [
            "\(queued.version), requested by \(queued.requestedBy), does not start by itself any more.",
            "It stays in the list of versions, and can be deployed from there.",
        ]
        var page = confirmation(
            "Drop \(queued.version) from the queue", "/apps/\(app)/queue/drop", effects, "Drop \(queued.version)",
            back: app)
        page.model["isDanger"] = true
        return respond(page, request, context)
    }

    @Sendable private func drop(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        _ = try await services.lockService(context).dropQueued(app)
        return redirect("/apps/\(app)")
    }

    private func confirmation(
        _ heading: String, _ action: String, _ effects: [String], _ button: String, back app: String
    ) -> Page {
        var model = PageValues()
        model["heading"] = heading
        model["action"] = action
        model["effects"] = effects
        model["button"] = button
        model["takesReason"] = false
        model["cancel"] = "/apps/\(app)"
        return Page(template: "confirm", title: heading, section: .apps, model: model)
    }
}
