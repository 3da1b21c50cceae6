import Journal

/// The user of a request.
package struct Identity: Sendable, Hashable {
    package var tokenID: String
    /// The token's name, as in releases and the audit log.
    package var name: String
    package var role: Role
    /// The apps that the user may see; `nil` for all.
    package var apps: [String]?

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

/// A session of the pages.
package struct Session: Sendable, Hashable {
    package var identity: Identity
    /// The CSRF token. A form sends it as `csrf`, any other unsafe request in `X-CSRF-Token`.
    package var csrf: String
    var hash: [UInt8]
}
