/// A lock on the releases of an app, or of all apps: none starts while it holds. It never stands in the way of promote, abort, rollback
/// and repair.
package struct ReleaseLock: Sendable, Hashable, Codable {
    package var id: String
    /// `nil`: all apps.
    package var app: String?
    package var reason: String
    package var by: String
    package var since: Timestamp
    /// When it ends by itself; `nil`: when somebody unlocks.
    package var until: Timestamp?
    /// It holds only releases that a hook starts.
    package var isAutomatic: Bool

    package init(
        id: String,
        app: String? = nil,
        reason: String,
        by: String,
        since: Timestamp,
        until: Timestamp? = nil,
        isAutomatic: Bool = false
    ) {
        self.id = id
        self.app = app
        self.reason = reason
        self.by = by
        self.since = since
        self.until = until
        self.isAutomatic = isAutomatic
    }

    /// Whether it holds all automatic releases of the app until somebody unlocks it.
    package func isAutomatic(for app: String) -> Bool { self.app == app && isAutomatic && until == nil }

    /// Letters and digits.
    package static func newID() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }

    package func holds(_ app: String, at now: Timestamp) -> Bool {
        (self.app ?? app) == app && until.map { now < $0 } ?? true
    }
}
