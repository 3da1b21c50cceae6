import Controller
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

/// Where a verb's words go: the engine in this process, or a server that runs one.
protocol Desk: Sendable {
    /// All apps' names.
    func apps() async throws -> [String]
    func view(of app: String) async throws -> AppView
    /// The app's image at a version; `nil` where only the server knows it.
    func image(of app: String, _ version: Version) throws -> ImageReference?
    func nodes(of app: String) async throws -> [NodeRoute]
    /// The newest releases, newest first.
    func history(of app: String, limit: Int) async throws -> [ReleaseView]
    func release(_ app: String, _ number: Int) async throws -> Release

    func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release
    func promote(_ app: String, by: String, observe: @escaping Engine.Observer) async throws -> Release
    func abort(_ app: String, by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release
    func rollback(
        _ app: String,
        to version: Version?,
        by: String,
        reason: String?,
        observe: @escaping Engine.Observer
    ) async throws -> Release
    func repair(_ app: String, isDryRun: Bool, by: String) async throws -> RepairView

    /// The newest entries of the audit log, newest first: at most `limit`, older than entry `before`.
    func audit(of app: String?, limit: Int, before: Int?) async throws -> [AuditView]
    func tokens() async throws -> [TokenView]
    /// - Returns: the token with its text, which nobody can show again.
    func createToken(_ token: NewToken, by: String) async throws -> TokenView
    func revokeToken(_ id: String, by: String) async throws

    /// Tells the release's events, and those to come for as long as `shouldGoOn` says so and it has not ended.
    func follow(
        _ app: String,
        _ number: Int,
        shouldGoOn: @escaping @Sendable () async -> Bool,
        observe: @escaping Engine.Observer
    ) async throws
}

/// What a token is to be.
struct NewToken: Sendable {
    var name: String
    var role: Role
    /// `nil` is all apps.
    var apps: [String]?
    /// `nil` is until it is revoked.
    var life: Duration?
}

extension GlobalOptions {
    /// Opens the server that `--server` names, or what the configuration names, and closes it after.
    func atDesk<T>(
        reachingOut: Bool,
        for purpose: Installation.Purpose = .acting,
        _ body: (any Desk) async throws -> T
    ) async throws -> T {
        if let value = try await atServer({ try await body($0) }) { return value }
        return try await Installation.open(config: config, reachingOut: reachingOut, for: purpose) { installation in
            if let trouble = installation.journalTrouble {
                complain("viridian: warning: \(trouble). What follows is read from a copy")
            }
            return try await body(LocalDesk(installation: installation))
        }
    }

    /// Opens the server that `--server` names, and closes it after; `nil` where none is named.
    func atServer<T>(_ body: (RemoteDesk) async throws -> T) async throws -> T? {
        guard let server = try remote() else { return nil }
        do {
            let value = try await body(RemoteDesk(server: server))
            await server.close()
            return value
        } catch {
            await server.close()
            throw error
        }
    }
}
