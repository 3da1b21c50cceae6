import Controller
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

/// Versions, the queue and locks, in the journal. A server on the same journal notices what changes.
extension LocalReleaseClient {
    func versions(of app: String, limit: Int) async throws -> [VersionView] {
        let releases = try installation.releases(app)
        let states = VersionStates(try await releases.admission())
        return try await installation.journal.versions(app: app, limit: limit).map {
            VersionView($0, of: releases.app, states)
        }
    }

    func queue(of app: String?) async throws -> [QueueView] {
        if let app { _ = try installation.configuration.app(app) }
        var views: [QueueView] = []
        for queued in try await installation.journal.queue() where app ?? queued.version.app == queued.version.app {
            let latest = try await installation.journal.releases(app: queued.version.app, limit: 1).first
            views.append(QueueView(queued, latest: latest))
        }
        return views
    }

    func dropQueued(_ app: String, by: String) async throws {
        _ = try installation.configuration.app(app)
        guard try await locks(by).dropQueued(app, at: SystemClock().now) != nil else {
            throw Refusal("no version of \(app) waits")
        }
    }

    func locks() async throws -> LockList {
        let now = SystemClock().now
        return LockList(
            locks: try await installation.journal.locks(at: now).map { LockView($0) },
            freezes: installation.configuration.freeze.compactMap { FreezeView($0, at: now) })
    }

    func lock(_ lock: NewLock, by: String) async throws -> LockView {
        if let app = lock.app { _ = try installation.configuration.app(app) }
        let now = SystemClock().now
        let wanted = try WantedLock(
            app: lock.app, reason: lock.reason, until: lock.length.map { now + $0 }, isAutomatic: lock.isAutomatic,
            at: now)
        return LockView(try await locks(by).add(wanted, at: now))
    }

    func unlock(_ id: String, by: String) async throws {
        guard try await locks(by).end(id, at: SystemClock().now) != nil else {
            throw Refusal("there is no lock \(id), or it has ended")
        }
    }

    private func locks(_ by: String) -> ReleaseLocks {
        ReleaseLocks(journal: installation.journal, by: by, .commandLine)
    }
}
