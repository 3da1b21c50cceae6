import Controller
import ReleaseMachine
import ViridianConfiguration

/// Where a verb's words go: the engine in this process, or a server that runs one.
protocol Desk: Sendable {
    /// All apps' names.
    func apps() async throws -> [String]
    func view(of app: String) async throws -> AppView
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

    /// Tells the release's events, and those to come for as long as `shouldGoOn` says so and it has not ended.
    func follow(
        _ app: String,
        _ number: Int,
        shouldGoOn: @escaping @Sendable () async -> Bool,
        observe: @escaping Engine.Observer
    ) async throws
}

extension GlobalOptions {
    /// Opens the server that `--server` names, or what the configuration names, and closes it after.
    func atDesk<T>(reachingOut: Bool, _ body: (any Desk) async throws -> T) async throws -> T {
        if let server = try remote() {
            do {
                let value = try await body(RemoteDesk(server: server))
                await server.close()
                return value
            } catch {
                await server.close()
                throw error
            }
        }
        return try await Installation.open(self, reachingOut: reachingOut) { installation in
            try await body(LocalDesk(installation: installation))
        }
    }
}
