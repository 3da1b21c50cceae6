import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import NIOCore
import ReleaseMachine
import ViridianConfiguration

extension API {
    // MARK: - Health

    func addHealth(to routes: Routes) {
        routes.get("healthz") { _, _ in Response.plain("ok\n") }
        routes.get("readyz", use: ready)
        routes.get("metrics") { [services] _, _ in
            Response.plain(services.metrics.text, type: "text/plain; version=0.0.4; charset=utf-8")
        }
        routes.get("openapi.json") { [services] _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: OpenAPI.document(version: services.settings.version))))
        }
    }

    private struct ReadyAnswer: Codable {
        var ready: Bool
        var journal: String
        var cluster: String
    }

    /// Whether a release could begin: the journal takes writes, and the cluster has answered of late, or does now.
    @Sendable private func ready(_ request: Request, _ context: ServerContext) async throws -> Response {
        var answer = ReadyAnswer(ready: true, journal: "ok", cluster: "ok")
        do { try services.journal.checkWritable() } catch {
            answer.journal = "cannot be written"
            answer.ready = false
        }
        let reached = await services.lookout.reachedAt
        if reached.map({ services.clock.now - $0 > services.settings.lookInterval * 3 }) ?? true {
            do { try await services.apps.checkCluster() } catch {
                answer.cluster = "does not answer"
                answer.ready = false
            }
        }
        return .json(answer, status: answer.ready ? .ok : .serviceUnavailable)
    }

    // MARK: - Nodes

    private struct NodesAnswer: Codable {
        var nodes: [NodeRoute]
    }

    @Sendable func listNodes(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        var names = services.apps.configurations.map(\.name.text).filter { identity.sees($0) }
        if let only = request.uri.queryParameters["app"].map(String.init) {
            try context.require(.viewer, for: only)
            names = [try services.apps.configuration(only).name.text]
            await services.lookout.look(at: only, unlessYoungerThan: .seconds(2))
        }
        var rows: [NodeRoute] = []
        for name in names {
            guard let sight = await services.board.sight(name) else { continue }
            rows += sight.readings.map { NodeRoute(app: name, reading: $0, live: sight.survey.recorded?.color) }
        }
        return .json(NodesAnswer(nodes: rows))
    }

    // MARK: - Audit

    private struct AuditAnswer: Codable {
        var entries: [AuditView]
        var next: Int?
    }

    @Sendable func listAudit(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let limit = try request.integer("limit", 1...500) ?? 50
        let before = try request.integer("before", 1...Int.mostInJSON)
        var apps = identity.apps
        if let only = request.uri.queryParameters["app"].map(String.init) {
            try context.require(.viewer, for: only)
            apps = [try services.apps.configuration(only).name.text]
        }
        let found = try services.journal.audit(limit: limit + 1, before: before, apps: apps)
        let page = found.prefix(limit)
        return .json(AuditAnswer(entries: page.map { AuditView($0) }, next: found.count > limit ? page.last?.id : nil))
    }

    // MARK: - Statistics

    @Sendable func statistics(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let days = try request.integer("days", 1...365) ?? 30
        var names = services.apps.configurations.map(\.name.text).filter { identity.sees($0) }
        if let only = request.uri.queryParameters["app"].map(String.init) {
            try context.require(.viewer, for: only)
            names = [try services.apps.configuration(only).name.text]
        }
        return .json(try await services.statistics(of: names, days: days))
    }

    // MARK: - Tokens

    private struct TokensAnswer: Codable {
        var tokens: [TokenView]
    }

    @Sendable func listTokens(_ request: Request, _ context: ServerContext) async throws -> Response {
        let tokens = try services.acts(context).tokens()
        return .json(TokensAnswer(tokens: tokens.map { TokenView($0, at: services.clock.now) }))
    }

    @Sendable func createToken(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try BodyFields(request, context, known: ["name", "role", "apps", "expiresInDays"])
        guard let name = try fields.string("name") else {
            throw APIError.invalid("name", "name is missing: who the token is for")
        }
        guard let role = try fields.string("role") else {
            throw APIError.invalid("role", "role is missing: viewer, deployer or admin")
        }
        let days = try fields.integer("expiresInDays")
        if let days, !(1...3650).contains(days) {
            throw APIError.invalid("expiresInDays", "expiresInDays has to be from 1 to 3650")
        }
        let (record, token) = try services.acts(context).createToken(
            name: name, role: role, apps: try fields.strings("apps"),
            expiresIn: days.map { .seconds($0 * 86_400) })
        var view = TokenView(record, at: services.clock.now)
        view.token = token.text
        return .json(view, status: .created)
    }

    @Sendable func revokeToken(_ request: Request, _ context: ServerContext) async throws -> Response {
        try services.acts(context).revokeToken(try context.parameter("id"))
        return Response(status: .noContent)
    }
}

extension Response {
    static func plain(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// An entry of the audit log, as the outside sees it.
package struct AuditView: Codable, Sendable, Hashable {
    package var id: Int
    package var at: String
    package var who: String
    /// The id of the token: its name is not unique. Absent for what was done on the command line.
    package var token: String?
    package var action: String
    package var app: String?
    package var release: Int?
    package var origin: String
    package var reason: String?
    package var outcome: String
    package var detail: String?

    package init(_ entry: AuditEntry) {
        id = entry.id
        at = entry.at.iso8601
        who = entry.who
        token = entry.token
        action = entry.action
        app = entry.app
        release = entry.release
        origin = entry.origin
        reason = entry.reason
        outcome = entry.outcome.rawValue
        detail = entry.detail
    }
}

/// A token, as the outside sees it.
package struct TokenView: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable { case good, expired, revoked }

    package var id: String
    /// Only in the answer that creates it.
    package var token: String?
    package var name: String
    package var role: Role
    package var apps: [String]?
    package var state: State
    package var createdAt: String
    package var createdBy: String
    package var expiresAt: String?
    package var usedAt: String?
    package var revokedAt: String?

    package init(_ record: TokenRecord, at now: Timestamp) {
        id = record.id
        name = record.name
        role = record.role
        apps = record.apps
        state = record.revokedAt != nil ? .revoked : record.isGood(at: now) ? .good : .expired
        createdAt = record.createdAt.iso8601
        createdBy = record.createdBy
        expiresAt = record.expiresAt?.iso8601
        usedAt = record.usedAt?.iso8601
        revokedAt = record.revokedAt?.iso8601
    }
}
