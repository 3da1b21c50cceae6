import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    func addTokens(to routes: Routes) {
        routes.get("tokens") { request, context in
            respond(try await tokensPage(context), request, context)
        }
        routes.post("tokens", use: createToken)
        routes.get("tokens/{id}/revoke", use: askRevoke)
        routes.post("tokens/{id}/revoke") { _, context in
            try await services.tokenService(context).revoke(try context.parameter("id"))
            return redirect("/tokens", .revoked)
        }
    }

    private func tokensPage(_ context: ServerContext) async throws -> Page {
        let now = services.clock.now
        let tokens = try await services.tokenService(context).all()
        var model = PageValues()
        model["hasTokens"] = !tokens.isEmpty
        model["tokens"] = tokens.sorted { ($0.isGood(at: now) ? 0 : 1) < ($1.isGood(at: now) ? 0 : 1) }.map { token in
            PageValues {
                $0["id"] = token.id
                $0["name"] = token.name
                $0["role"] = token.role.rawValue
                $0["apps"] = token.apps.map { $0.joined(separator: ", ") } ?? "all"
                $0["createdText"] = "\(DisplayText.when(token.createdAt, now: now)) by \(token.createdBy)"
                $0["used"] = token.usedAt.map { "\(DisplayText.ago($0, now: now)) ago" } ?? "never"
                $0["expires"] = token.expiresAt.map { DisplayText.when($0, now: now) } ?? "never"
                $0["mayRevoke"] = token.isGood(at: now)
                $0["ended"] = token.revokedAt != nil ? "revoked" : token.isGood(at: now) ? nil : "expired"
            }
        }
        return Page(template: "tokens", title: "Tokens", section: .tokens, model: model)
    }

    /// Shows the new token, once. There is no redirect, because the token cannot be read again: a browser asks before it reloads the page.
    @Sendable private func createToken(_ request: Request, _ context: ServerContext) async throws -> Response {
        let form = context.form
        let apps = (form["apps"] ?? "").split { $0 == "," || $0 == " " }.map(String.init)
        let days = (form["days"] ?? "").trimmingCharacters(in: .whitespaces)
        let name = (form["name"] ?? "").trimmingCharacters(in: .whitespaces)
        do {
            try context.require(.admin)
            let length = try lifetime(days)
            let (record, token) = try await services.tokenService(context).create(
                name: name, role: form["role"] ?? "", apps: apps.isEmpty ? nil : apps, expiresIn: length)
            var page = try await tokensPage(context)
            page.model["created"] = PageValues {
                $0["name"] = record.name
                $0["token"] = token.text
            }
            return respond(page, request, context)
        } catch let error as APIError where error.status == .unprocessableContent {
            var page = try await tokensPage(context)
            page.status = error.status
            page.model["error"] = error.message
            page.model["name"] = name
            page.model["apps"] = apps.joined(separator: ", ")
            page.model["days"] = days
            return respond(page, request, context)
        }
    }

    private func lifetime(_ days: String) throws(APIError) -> Duration? {
        guard !days.isEmpty else { return nil }
        guard let count = Int(days), (1...3650).contains(count) else {
            throw .invalid("days", "days has to be a whole number from 1 to 3650, or empty")
        }
        return .seconds(count * 86_400)
    }

    @Sendable private func askRevoke(_ request: Request, _ context: ServerContext) async throws -> Response {
        let token = try await services.tokenService(context).unrevokedToken(try context.parameter("id"))
        var model = PageValues()
        model["heading"] = "Revoke \(token.name)"
        model["action"] = "/tokens/\(token.id)/revoke"
        model["effects"] = [
            "Requests with this token are refused from now on, and its sessions end.",
            token.usedAt.map { "It was last used \(DisplayText.ago($0, now: services.clock.now)) ago." }
                ?? "It was never used.",
        ]
        model["button"] = "Revoke"
        model["isDanger"] = true
        model["takesReason"] = false
        model["cancel"] = "/tokens"
        return respond(Page(template: "confirm", title: "Revoke", section: .tokens, model: model), request, context)
    }
}
