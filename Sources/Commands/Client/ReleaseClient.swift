import Controller
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

/// Executes a verb's commands: with the engine in this process, or through a server.
protocol ReleaseClient: Sendable {
    /// The names of all apps.
    func apps() async throws -> [String]
    /// The name of the cluster that an app runs in, for those who reach clusters themselves; `nil` for the one without a name, and where a
    /// server does.
    func cluster(of app: String) -> String?
    /// A client for looking once at all these apps: what can be read for all of them at once is read once.
    func together(_ apps: [String]) -> any ReleaseClient
    func view(of app: String) async throws -> AppView
    /// The app's image for a version; `nil` if only the server knows it.
    func image(of app: String, _ version: Version) async throws -> ImageReference?
    func nodes(of app: String) async throws -> NodeList
    /// The newest releases, newest first.
    func history(of app: String, limit: Int) async throws -> [ReleaseView]
    func release(_ app: String, _ number: Int) async throws -> Release

    func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release
    /// Promotes the newest release and follows it to its end; returns at once where more people have to promote it. With `forcedReason` it
    /// goes live without the approvals that it needs.
    func promote(
        _ app: String, by: String, forcedReason: String?, observe: @escaping Engine.Observer
    ) async throws -> Release
    func abort(_ app: String, by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release
    func rollback(
        _ app: String,
        to version: VersionReference?,
        by: String,
        reason: String?,
        observe: @escaping Engine.Observer
    ) async throws -> Release
    func repair(_ app: String, isDryRun: Bool, by: String) async throws -> RepairView

    /// The known versions, the newest arrival first.
    func versions(of app: String, limit: Int) async throws -> [VersionView]
    /// The versions that wait to be released: of one app, or of all.
    func queue(of app: String?) async throws -> [QueueView]
    /// Takes the version that waits out of the app's queue.
    func dropQueued(_ app: String, by: String) async throws
    /// The locks and freezes that hold releases now.
    func locks() async throws -> LockList
    func lock(_ lock: NewLock, by: String) async throws -> LockView
    func unlock(_ id: String, by: String) async throws

    /// At most `limit` entries of the audit log, newest first, before the entry numbered `before`.
    func audit(of app: String?, limit: Int, before: Int?) async throws -> [AuditView]
    /// At most `limit` messages to other systems, newest first. `query.apps` has one app, or is `nil`.
    func notifications(_ query: NotificationQuery, limit: Int) async throws -> [NotificationView]
    func resendNotification(_ id: Int, by: String) async throws -> NotificationView
    /// Sends a message to a destination that says that it is a test.
    func testDestination(_ name: String, by: String) async throws -> DestinationTest
    func tokens() async throws -> [TokenView]
    /// - Returns: the token with its secret, which cannot be read again.
    func createToken(_ token: NewToken, by: String) async throws -> TokenView
    func revokeToken(_ id: String, by: String) async throws

    /// Passes the release's events to `observe`, and new ones while `shouldGoOn` returns true and the release has not ended.
    func follow(
        _ app: String,
        _ number: Int,
        shouldGoOn: @escaping @Sendable () async -> Bool,
        observe: @escaping Engine.Observer
    ) async throws
}

/// The parameters of a lock to add.
struct NewLock: Sendable {
    /// `nil`: all apps.
    var app: String?
    var reason: String
    /// `nil`: until somebody unlocks.
    var length: Duration?
    /// Only releases that start by themselves.
    var isAutomatic: Bool
}

/// The parameters of a token to create.
struct NewToken: Sendable {
    var name: String
    var role: Role
    /// `nil`: all apps.
    var apps: [String]?
    /// `nil`: valid until it is revoked.
    var life: Duration?
}

extension GlobalOptions {
    /// Runs `body` with a client for the server that `--server` names or, without one, for the local installation.
    func withReleaseClient<T>(
        connecting: Bool,
        for purpose: Installation.Purpose = .writing,
        _ body: (any ReleaseClient) async throws -> T
    ) async throws -> T {
        if let value = try await atServer({ try await body($0) }) { return value }
        return try await Installation.open(config: config, connecting: connecting, for: purpose) { installation in
            if let problem = installation.journalProblem {
                printError("viridian: warning: \(problem). The output is from a copy of the journal")
            }
            return try await body(LocalReleaseClient(installation: installation))
        }
    }

    /// Runs `body` with a client for the server that `--server` names; returns `nil` if none is named.
    func atServer<T>(_ body: (RemoteReleaseClient) async throws -> T) async throws -> T? {
        guard let server = try remote() else { return nil }
        do {
            let value = try await body(RemoteReleaseClient(server: server))
            await server.close()
            return value
        } catch {
            await server.close()
            throw error
        }
    }
}
