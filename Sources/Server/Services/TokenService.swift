import Controller
import Journal
import ReleaseMachine

/// Manages access tokens as the user of a request: checks rights and writes the audit log. The API and the pages share it.
package struct TokenService: Sendable {
    private let services: Services
    private let context: ServerContext

    init(_ services: Services, _ context: ServerContext) {
        self.services = services
        self.context = context
    }

    /// - Returns: the record, and the token itself, which is not stored.
    package func create(
        name: String,
        role: String,
        apps: [String]?,
        expiresIn: Duration?
    ) async throws -> (record: TokenRecord, token: AccessToken) {
        let identity = try context.require(.admin)
        guard let role = Role(rawValue: role) else {
            throw APIError.invalid("role", "role has to be viewer, deployer or admin")
        }
        let name = try TokenName(name).text
        for app in apps ?? [] where !services.knows(app) {
            throw APIError.invalid("apps", "there is no app \(app.safe.cut(100))")
        }
        if let apps, apps.isEmpty {
            throw APIError.invalid("apps", "apps has to name at least one app, or be left out")
        }
        // A token for some apps cannot create one for others.
        if let own = identity.apps, !(apps ?? []).allSatisfy(own.contains) || apps == nil {
            throw APIError.forbidden(
                "this token is for \(own.joined(separator: ", ")): it cannot create a token for other apps")
        }
        return try await TokenIssuer(journal: services.journal).create(
            name: name, role: role, apps: apps, expiresAt: expiresIn.map { services.clock.now + $0 }, by: identity.name,
            bearing: identity.tokenID, origin: context.remoteAddress, at: services.clock.now)
    }

    package func revoke(_ id: String) async throws {
        let identity = try context.require(.admin)
        _ = try await unrevokedToken(id)
        guard
            try await TokenIssuer(journal: services.journal).revoke(
                id, by: identity.name, bearing: identity.tokenID, origin: context.remoteAddress, at: services.clock.now)
        else { throw noToken(id) }
        services.authenticator.forget(token: id)
    }

    /// All tokens that the user may see, expired and revoked ones included.
    package func all() async throws -> [TokenRecord] {
        let identity = try context.require(.admin)
        return try await services.journal.tokens().filter(identity.oversees)
    }

    /// A token that was not revoked. Throws 404 for one that the user may not see.
    package func unrevokedToken(_ id: String) async throws -> TokenRecord {
        let identity = try context.require(.admin)
        guard let token = try await services.journal.token(id: id), token.revokedAt == nil, identity.oversees(token)
        else {
            throw noToken(id)
        }
        return token
    }

    private func noToken(_ id: String) -> APIError {
        .notFound("there is no token \(id.safe.cut(50)), or it was revoked")
    }
}

extension Services {
    /// The commands on access tokens, as the user of the request.
    package func tokenService(_ context: ServerContext) -> TokenService { TokenService(self, context) }
}

/// The name of a token: 1 to 64 letters, digits and a few other characters.
package struct TokenName: Sendable, Hashable {
    package let text: String

    package init(_ text: String) throws(APIError) {
        let isValid = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || " ._@+-".unicodeScalars.contains(scalar)
        }
        guard isValid, (1...64).contains(text.count), text.first != " ", text.last != " " else {
            throw .invalid("name", "name has to be 1 to 64 letters, digits, spaces, dots, dashes, _, @ and +")
        }
        self.text = text
    }
}
