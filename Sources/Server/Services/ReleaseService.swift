import Controller
import Foundation
import Journal
import NIOConcurrencyHelpers
import ReleaseMachine
import ViridianConfiguration

/// The commands of a request's user: checks rights and writes the audit log. The API and the pages share it.
package struct ReleaseService: Sendable {
    private let services: Services
    private let caller: Caller
    private var now: Timestamp { services.clock.now }

    init(_ services: Services, _ caller: Caller) {
        self.services = services
        self.caller = caller
    }

    /// Starts a release; returns when its first event is in the journal. `request` is the caller's idempotency key, if any.
    /// With `overridesHolds` it starts in spite of locks and freezes, and without `verify` in spite of the approvals that it needs. That takes
    /// an admin and a reason.
    package func deploy(
        _ app: String,
        version: String,
        image: String? = nil,
        replicas: Int? = nil,
        verify: Bool? = nil,
        reason: String? = nil,
        commitTime: String? = nil,
        removeStrays: Bool? = nil,
        overridesHolds: Bool = false,
        request: KeyedRequest? = nil
    ) async throws -> Release {
        let identity = try require(overridesHolds ? .admin : .deployer, app)
        let reason = try validReason(reason)
        if overridesHolds, reason == nil {
            throw APIError.invalid("reason", "reason is missing: a release in spite of a lock or a freeze needs one")
        }
        let time = try commitTime.map { text in
            guard let time = Timestamp(iso8601: text) else {
                throw APIError.invalid("commitTime", "commitTime has to be a time such as 2015-10-25T14:34:03Z")
            }
            return time
        }
        var deployment = AppReleases.Request(
            version: try Version(version),
            image: try image.map { try ImageReference($0) },
            replicas: try replicas.map { try Replicas.validate($0) },
            verify: verify,
            reason: reason,
            commitTime: time,
            removeStrays: removeStrays == true ? true : nil,
            requester: .person(overridesHolds: overridesHolds),
            by: identity.name
        )
        if deployment.image == nil {
            deployment.digest = try await services.tagDigest.noted(
                deployment.version, of: try services.apps.configuration(app))
        }
        return try await services.runner.deploy(
            app, deployment, requestOrigin(for: request))
    }

    /// Promotes a release, or adds the user's approval when it needs more than one.
    /// With `overridesApprovals` it goes live without those that it needs, which takes an admin and a reason.
    package func promote(
        _ app: String, _ number: Int?, overridesApprovals: Bool = false, reason: String? = nil
    ) async throws -> Release {
        let identity = try require(overridesApprovals ? .admin : .deployer, app)
        let reason = try validReason(reason)
        if overridesApprovals, reason == nil {
            throw APIError.invalid(
                "reason", "reason is missing: a promotion without the approvals that it needs takes one")
        }
        if !overridesApprovals, reason != nil {
            throw APIError.invalid("reason", "reason goes with override: a promotion with all approvals takes none")
        }
        return try await services.runner.promote(
            app, number, by: identity.name, forcedReason: overridesApprovals ? reason : nil, requestOrigin)
    }

    /// Aborts a release; with `onlyPaused` not after somebody has decided about its promotion.
    package func abort(
        _ app: String, _ number: Int?, reason: String?, onlyPaused: Bool = false
    ) async throws -> Release {
        let identity = try require(.deployer, app)
        return try await services.runner.abort(
            app, number, by: identity.name, reason: try validReason(reason), onlyPaused: onlyPaused, requestOrigin)
    }

    package func rollback(_ app: String, to version: String?, reason: String?) async throws -> Release {
        let identity = try require(.deployer, app)
        return try await services.runner.rollback(
            app, to: try named("to") { try version.map { try VersionReference($0) } }, by: identity.name,
            reason: try validReason(reason), requestOrigin)
    }

    package func repair(_ app: String, isDryRun: Bool) async throws -> RepairReport {
        let identity = try require(isDryRun ? .viewer : .deployer, app)
        let report = try await services.apps.releases(app, requestOrigin).repair(isDryRun: isDryRun)
        if !isDryRun {
            try await services.journal.note(
                AuditEntry(
                    at: now, who: identity.auditName, token: identity.tokenID, action: "repair", app: app,
                    origin: caller.origin,
                    detail: report.summary))
            await services.driftMonitor.check(app)
        }
        return report
    }

    // MARK: - Helpers

    private var requestOrigin: RequestOrigin { requestOrigin(for: nil) }

    private func requestOrigin(for request: KeyedRequest?) -> RequestOrigin {
        RequestOrigin(
            origin: caller.origin, token: caller.identity?.tokenID, request: request,
            alias: caller.identity?.alias)
    }

    private func require(_ role: Role, _ app: String) throws -> Identity {
        let identity = try caller.require(role, for: app)
        _ = try services.apps.configuration(app)
        return identity
    }

    private func validReason(_ reason: String?) throws -> String? {
        guard let text = try reason.map({ try Reason($0).text }), !text.allSatisfy(\.isWhitespace) else { return nil }
        return text
    }

    /// Names the field in an error of `body`.
    private func named<Value>(_ field: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as InvalidValue {
            throw APIError.invalid(field, error.description)
        }
    }
}

extension Services {
    /// The commands on releases, as the user of the request.
    package func releaseService(_ context: ServerContext) -> ReleaseService { ReleaseService(self, context.caller) }
    func releaseService(_ caller: Caller) -> ReleaseService { ReleaseService(self, caller) }
}
