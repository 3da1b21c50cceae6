import Controller
import Journal
import ReleaseMachine
import ViridianConfiguration

/// The engine in this process.
struct LocalDesk: Desk {
    let installation: Installation

    func apps() async throws -> [String] { installation.configuration.apps.map(\.name.text) }

    func view(of app: String) async throws -> AppView { try await installation.view(of: app) }

    func nodes(of app: String) async throws -> [NodeRoute] {
        // The nodes tell their truth also while the cluster cannot be asked.
        let seen = try await installation.releases(app).lookAtNodes()
        return seen.readings.map { NodeRoute(app: app, reading: $0, live: seen.live) }
    }

    func history(of app: String, limit: Int) async throws -> [ReleaseView] {
        try installation.releases(app).history(limit: limit).map { ReleaseView($0) }
    }

    func release(_ app: String, _ number: Int) async throws -> Release {
        try installation.releases(app).release(number)
    }

    func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await installation.releases(app).deploy(request, until: stop, observe: observe)
    }

    func promote(_ app: String, by: String, observe: @escaping Engine.Observer) async throws -> Release {
        try await installation.releases(app).promote(by: by, observe: observe)
    }

    func abort(_ app: String, by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release {
        try await installation.releases(app).abort(by: by, reason: reason, observe: observe)
    }

    func rollback(
        _ app: String,
        to version: Version?,
        by: String,
        reason: String?,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await installation.releases(app)
            .rollback(to: version, by: by, reason: reason, until: .whenEnded, observe: observe)
    }

    func repair(_ app: String, isDryRun: Bool, by: String) async throws -> RepairView {
        let report = try await installation.releases(app).repair(isDryRun: isDryRun)
        if !isDryRun {
            let moved = report.nodes.filter { $0.outcome == .broughtBack }.map(\.address)
            try installation.journal.note(
                AuditEntry(
                    at: SystemClock().now, who: by, action: "repair", app: app, origin: Provenance.commandLine.origin,
                    detail: moved.isEmpty ? "nothing had to be moved" : "brought back: \(moved.joined(separator: " "))")
            )
        }
        return RepairView(app, report)
    }

    func follow(
        _ app: String,
        _ number: Int,
        shouldGoOn: @escaping @Sendable () async -> Bool,
        observe: @escaping Engine.Observer
    ) async throws {
        let releases = try installation.releases(app)
        _ = try releases.release(number)
        _ = try await releases.follow(number, shouldGoOn: shouldGoOn, observe: observe)
    }
}
