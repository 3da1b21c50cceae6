import Controller
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Locks on releases and the queue of versions, as people change them: each change with its entry in the audit log, in one transaction.
/// The server and the command line share it.
package struct ReleaseLocks: Sendable {
    private let journal: Journal
    private let by: String
    private let origin: RequestOrigin

    package init(journal: Journal, by: String, _ origin: RequestOrigin) {
        self.journal = journal
        self.by = by
        self.origin = origin
    }

    package func add(_ wanted: WantedLock, at now: Timestamp) async throws(JournalError) -> ReleaseLock {
        let lock = ReleaseLock(
            id: ReleaseLock.newID(), app: wanted.app, reason: wanted.reason, by: by, since: now, until: wanted.until,
            isAutomatic: wanted.isAutomatic)
        try await journal.add(lock, audit: entry("lock", lock.app, lock.reason, lock.scope, at: now))
        return lock
    }

    /// - Returns: the lock that has ended; `nil` when no lock with this id holds.
    package func end(_ id: String, at now: Timestamp) async throws(JournalError) -> ReleaseLock? {
        guard let lock = try await journal.locks(at: now).first(where: { $0.id == id }) else { return nil }
        let entry = entry("unlock", lock.app, nil, "\(lock.scope) by \(lock.by): \(lock.reason)", at: now)
        return try await journal.end(lock: id, by: by, at: now, audit: entry) ? lock : nil
    }

    /// Takes the version that waits out of the app's queue.
    /// - Returns: the version; `nil` when none waits.
    package func dropQueued(_ app: String, at now: Timestamp) async throws(JournalError) -> QueuedVersion? {
        try await journal.dropQueued(app: app, by: by) { [by, origin] queued in
            AuditEntry(
                at: now, who: origin.auditName(by), token: origin.token, action: "queue.drop", app: app,
                origin: origin.origin,
                detail: "\(queued.version.version), which \(queued.waitsFor)")
        }
    }

    private func entry(
        _ action: String, _ app: String?, _ reason: String?, _ detail: String, at now: Timestamp
    ) -> AuditEntry {
        AuditEntry(
            at: now, who: origin.auditName(by), token: origin.token, action: action, app: app, origin: origin.origin,
            reason: reason,
            detail: detail)
    }
}

/// A lock that somebody wants.
package struct WantedLock: Sendable, Hashable {
    /// `nil`: all apps.
    package var app: String?
    package var reason: String
    package var until: Timestamp?
    package var isAutomatic: Bool

    /// - Throws: `InvalidValue` for the fields `reason` and `until`.
    package init(
        app: String?, reason: String?, until: Timestamp? = nil, isAutomatic: Bool = false, at now: Timestamp
    ) throws(InvalidValue) {
        let text = try reason.map { reason throws(InvalidValue) in try Reason(reason).text } ?? ""
        guard !text.allSatisfy(\.isWhitespace) else {
            throw InvalidValue(field: "reason", expected: "why nothing is to be released", found: text)
        }
        if let until, until <= now {
            throw InvalidValue(field: "until", expected: "a time in the future", found: until.iso8601)
        }
        self.app = app
        self.reason = text
        self.until = until
        self.isAutomatic = isAutomatic
    }
}

extension ReleaseLock {
    /// `all apps, automatic releases only, until 2026-11-30 08:00 UTC`
    var scope: String {
        let parts = [
            app == nil ? "all apps" : nil, isAutomatic ? "automatic releases only" : "all releases",
            until.map { "until \($0.minuteTime)" },
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}
