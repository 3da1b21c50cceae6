import Controller
import Journal

/// The user of a request.
package struct Identity: Sendable, Hashable {
    /// `nil` for a person in Slack whose rights are in the configuration.
    package var tokenID: String?
    /// Tells users apart, also those without a token.
    package var id: String { tokenID ?? "name:\(name)" }
    /// The token's name, as in releases and the audit log.
    package var name: String
    package var role: Role
    /// The apps that the user may see; `nil` for all.
    package var apps: [String]?
    /// Who that is elsewhere: `Slack U024BE7LH`. `nil` for a user of the API or the pages.
    package var alias: String?
    /// For the audit log: `mike (Slack U024BE7LH)`.
    package var auditName: String { alias.map { "\(name) (\($0))" } ?? name }

    package init(tokenID: String? = nil, name: String, role: Role, apps: [String]?, alias: String? = nil) {
        self.tokenID = tokenID
        self.alias = alias
        self.name = name
        self.role = role
        self.apps = apps
    }

    init(_ record: TokenRecord) {
        tokenID = record.id
        name = record.name
        role = record.role
        apps = record.apps
    }

    package func sees(_ app: String) -> Bool { apps?.contains(app) ?? true }
    /// Whether the user may release the app.
    package func mayRelease(_ app: String) -> Bool { role >= .deployer && sees(app) }
    /// Whether the user may see and revoke a token: it has no rights to apps that the user may not see.
    package func oversees(_ token: TokenRecord) -> Bool {
        guard let apps else { return true }
        return token.apps?.allSatisfy(apps.contains) ?? false
    }
}

/// Who asks for something, and from where.
package struct Caller: Sendable, Hashable {
    /// `nil` where no authentication is needed.
    package var identity: Identity?
    /// The peer's address, or `Slack U024BE7LH`.
    package var origin: String

    package init(identity: Identity?, origin: String) {
        self.identity = identity
        self.origin = origin
    }

    /// The caller, who has at least this role, and rights to `app`. Throws 401 or 403.
    @discardableResult
    package func require(_ role: Role, for app: String? = nil) throws(APIError) -> Identity {
        guard let identity else { throw .unauthorized }
        if let app, !identity.sees(app) {
            throw .forbidden(
                "this token is for \(identity.apps?.joined(separator: ", ") ?? "no app"), not for \(app.safe)")
        }
        guard identity.role >= role else {
            throw .forbidden(
                "this needs a token with role \(role.rawValue); \(identity.name) is \(identity.role.rawValue)")
        }
        return identity
    }
}

/// A session of the pages.
package struct Session: Sendable, Hashable {
    package var identity: Identity
    /// The CSRF token. A form sends it as `csrf`, any other unsafe request in `X-CSRF-Token`.
    package var csrf: String
    var hash: [UInt8]
}
