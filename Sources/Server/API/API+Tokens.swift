import Controller
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// Access tokens: list, create, revoke.
extension API {
    @Sendable func listTokens(_ request: Request, _ context: ServerContext) async throws -> Response {
        let tokens = try await services.tokenService(context).all()
        return .json(TokenList(tokens: tokens.map { TokenView($0, at: services.clock.now) }))
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
        let (record, token) = try await services.tokenService(context).create(
            name: name, role: role, apps: try fields.strings("apps"),
            expiresIn: days.map { .seconds($0 * 86_400) })
        var view = TokenView(record, at: services.clock.now)
        view.token = token.text
        return .json(view, status: .created)
    }

    @Sendable func revokeToken(_ request: Request, _ context: ServerContext) async throws -> Response {
        try await services.tokenService(context).revoke(try context.parameter("id"))
        return Response(status: .noContent)
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
