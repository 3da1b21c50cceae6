import Controller
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Locks, freezes and the queue, as the user of a request: checks rights. The API and the pages share it.
package struct LockService: Sendable {
    private let services: Services
    private let caller: Caller
    private var now: Timestamp { services.clock.now }

    init(_ services: Services, _ caller: Caller) {
        self.services = services
        self.caller = caller
    }

    /// The locks and freezes that hold releases now, of the apps that the user may see.
    package func holding() async throws -> LockList {
        let identity = try caller.require(.viewer)
        let now = now
        return await LockList(
            locks: try services.journal.locks(at: now).filter { $0.app.map { identity.sees($0) } ?? true }
                .map { LockView($0) },
            freezes: services.apps.freezes.compactMap { FreezeView($0, at: now) }.compactMap { freeze in
                var freeze = freeze
                freeze.apps = freeze.apps?.filter { identity.sees($0) }
                return freeze.apps?.isEmpty ?? false ? nil : freeze
            })
    }

    /// - Throws: 403 for a lock on all apps by a user who may not see all.
    package func lock(_ wanted: (_ now: Timestamp) throws -> WantedLock, _ app: String?) async throws -> ReleaseLock {
        let identity = try require(app)
        let lock = try await locks(identity).add(try wanted(now), at: now)
        await services.appStates.refreshHolds()
        return lock
    }

    /// - Throws: 404 when no such lock holds.
    package func unlock(_ id: String) async throws -> ReleaseLock {
        let viewer = try caller.require(.viewer)
        let found = try await services.journal.locks(at: now).first { lock in
            lock.id == id && lock.app.map { viewer.sees($0) } ?? true
        }
        guard let found else { throw noLock(id) }
        let identity = try require(found.app)
        guard let ended = try await locks(identity).end(id, at: now) else { throw noLock(id) }
        await services.appStates.refreshHolds()
        return ended
    }

    /// The versions that wait, of the apps that the user may see.
    package func queue(of app: String? = nil) async throws -> [QueueView] {
        let identity = try caller.require(.viewer)
        var entries: [QueueView] = []
        for queued in try await services.journal.queue()
        where identity.sees(queued.version.app) && app ?? queued.version.app == queued.version.app {
            let latest = await services.appStates.latest(queued.version.app)
            entries.append(QueueView(queued, latest: latest))
        }
        return entries
    }

    /// - Throws: 404 when no version waits.
    package func dropQueued(_ app: String) async throws -> QueueView {
        let identity = try require(app)
        guard let dropped = try await locks(identity).dropQueued(app, at: now) else {
            throw APIError.notFound("no version of \(app) waits")
        }
        await services.appStates.refreshHolds()
        return QueueView(dropped, latest: await services.appStates.latest(app))
    }

    private func locks(_ identity: Identity) -> ReleaseLocks {
        ReleaseLocks(
            journal: services.journal, by: identity.name,
            RequestOrigin(origin: caller.origin, token: identity.tokenID, alias: identity.alias))
    }

    private func require(_ app: String?) throws -> Identity {
        let identity = try caller.require(.deployer, for: app)
        if let app { _ = try services.apps.configuration(app) }
        if app == nil, let apps = identity.apps {
            throw APIError.forbidden(
                "this token is for \(apps.joined(separator: ", ")): a lock on all apps needs one for all apps")
        }
        return identity
    }

    private func noLock(_ id: String) -> APIError {
        .notFound("there is no lock \(id.safe.cut(50)), or it has ended")
    }
}

extension Services {
    /// The commands on locks and the queue, as the user of the request.
    package func lockService(_ context: ServerContext) -> LockService { LockService(self, context.caller) }
    func lockService(_ caller: Caller) -> LockService { LockService(self, caller) }
}
