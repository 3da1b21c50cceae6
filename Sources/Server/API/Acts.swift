import Controller
import Foundation
import Journal
import NIOConcurrencyHelpers
import ReleaseMachine
import ViridianConfiguration

/// What somebody can do, with their rights checked and the audit log kept: the same for the API and the pages.
package struct Acts: Sendable {
    private let services: Services
    private let context: ServerContext
    private var now: Timestamp { services.clock.now }

    init(_ services: Services, _ context: ServerContext) {
        self.services = services
        self.context = context
    }

    /// Starts a release; returns when it has begun.
    /// `request` is the key that the caller gave the request, if any.
    package func deploy(
        _ app: String,
        version: String,
        image: String? = nil,
        replicas: Int? = nil,
        verify: Bool? = nil,
        reason: String? = nil,
        commitTime: String? = nil,
        removeStrays: Bool? = nil,
        request: KeyedRequest? = nil
    ) async throws -> Release {
        let identity = try may(.deployer, app)
        let time = try commitTime.map { text in
            guard let time = Timestamp(iso8601: text) else {
                throw APIError.invalid("commitTime", "commitTime has to be a time such as 2015-10-25T14:34:03Z")
            }
            return time
        }
        let wanted = AppReleases.Request(
            version: try Version(version),
            image: try image.map { try ImageReference($0) },
            replicas: try replicas.map { try Replicas.validate($0) },
            verify: verify,
            reason: try words(reason),
            commitTime: time,
            removeStrays: removeStrays == true ? true : nil,
            by: identity.name
        )
        return try await services.runner.deploy(
            app, wanted, provenance(for: request))
    }

    package func promote(_ app: String, _ number: Int?) async throws -> Release {
        let identity = try may(.deployer, app)
        return try await services.runner.promote(app, number, by: identity.name, provenance)
    }

    package func abort(_ app: String, _ number: Int?, reason: String?) async throws -> Release {
        let identity = try may(.deployer, app)
        return try await services.runner.abort(app, number, by: identity.name, reason: try words(reason), provenance)
    }

    package func rollback(_ app: String, to version: String?, reason: String?) async throws -> Release {
        let identity = try may(.deployer, app)
        return try await services.runner.rollback(
            app, to: try named("to") { try version.map { try Version($0) } }, by: identity.name,
            reason: try words(reason), provenance)
    }

    package func repair(_ app: String, isDryRun: Bool) async throws -> RepairReport {
        let identity = try may(isDryRun ? .viewer : .deployer, app)
        let report = try await services.apps.releases(app, provenance).repair(isDryRun: isDryRun)
        if !isDryRun {
            try services.journal.note(
                AuditEntry(
                    at: now, who: identity.name, token: identity.tokenID, action: "repair", app: app,
                    origin: context.remoteAddress,
                    detail: report.deeds))
            await services.lookout.look(at: app)
        }
        return report
    }

    /// - Returns: the token, which nobody can show again.
    package func createToken(
        name: String,
        role: String,
        apps: [String]?,
        expiresIn: Duration?
    ) throws -> (record: TokenRecord, token: AccessToken) {
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
        // Whoever is for some apps gives no rights to others.
        if let own = identity.apps, !(apps ?? []).allSatisfy(own.contains) || apps == nil {
            throw APIError.forbidden("this token is for \(own.joined(separator: ", ")): it cannot give more")
        }
        return try TokenOffice(journal: services.journal).create(
            name: name, role: role, apps: apps, expiresAt: expiresIn.map { now + $0 }, by: identity.name,
            bearing: identity.tokenID, origin: context.remoteAddress, at: now)
    }

    package func revokeToken(_ id: String) throws {
        let identity = try context.require(.admin)
        _ = try goodToken(id)
        guard
            try TokenOffice(journal: services.journal).revoke(
                id, by: identity.name, bearing: identity.tokenID, origin: context.remoteAddress, at: now)
        else { throw noToken(id) }
        services.access.forget(token: id)
    }

    /// All tokens that whoever asks may know of, those that are good no longer too.
    package func tokens() throws -> [TokenRecord] {
        let identity = try context.require(.admin)
        return try services.journal.tokens().filter(identity.oversees)
    }

    /// One of them that was not revoked. One that is none of their business is not there.
    package func goodToken(_ id: String) throws -> TokenRecord {
        let identity = try context.require(.admin)
        guard let token = try services.journal.token(id: id), token.revokedAt == nil, identity.oversees(token) else {
            throw noToken(id)
        }
        return token
    }

    private func noToken(_ id: String) -> APIError {
        .notFound("there is no token \(id.safe.cut(50)) that is still good")
    }

    // MARK: - Parts

    private var provenance: Provenance { provenance(for: nil) }

    private func provenance(for request: KeyedRequest?) -> Provenance {
        Provenance(origin: context.remoteAddress, token: context.identity?.tokenID, request: request)
    }

    private func may(_ role: Role, _ app: String) throws -> Identity {
        let identity = try context.require(role, for: app)
        _ = try services.apps.configuration(app)
        return identity
    }

    private func words(_ reason: String?) throws -> String? {
        guard let text = try reason.map({ try Reason($0).text }), !text.allSatisfy(\.isWhitespace) else { return nil }
        return text
    }

    private func named<Value>(_ field: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as InvalidValue {
            throw APIError.invalid(field, error.description)
        }
    }
}

extension Services {
    package func acts(_ context: ServerContext) -> Acts { Acts(self, context) }
}

/// The name of a token, fit for a line of a log.
package struct TokenName: Sendable, Hashable {
    package let text: String

    package init(_ text: String) throws(APIError) {
        let isGood = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || " ._@+-".unicodeScalars.contains(scalar)
        }
        guard isGood, (1...64).contains(text.count), text.first != " ", text.last != " " else {
            throw .invalid("name", "name has to be 1 to 64 letters, digits, spaces, dots, dashes, _, @ and +")
        }
        self.text = text
    }
}
