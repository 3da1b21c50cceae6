import ReleaseMachine

/// How long releases are kept after they have ended, and what else that old is deleted.
package struct Retention: Sendable, Hashable {
    /// Whatever their age, so many of the newest releases of each app are kept, and so many of its newest ones that went live: what a rollback
    /// can bring back, and how it came about.
    package static let newest = 50

    package var keep: Duration
    /// Apps whose registry is asked for its tags: it still lists old ones, and a tag that is not known is one that has just been pushed.
    package var listedApps: Set<String>

    package init(keep: Duration, listedApps: Set<String> = []) {
        self.keep = keep
        self.listedApps = listedApps
    }

    /// What happened before that is not kept.
    package func start(at now: Timestamp) -> Timestamp { now + (.zero - keep) }
}

/// How much was deleted, or would be.
package struct DeletedRecords: Sendable, Hashable {
    package var apps: Set<String> = []
    package var releases = 0
    package var events = 0
    package var versions = 0
    package var locks = 0

    package init() {}

    package var isEmpty: Bool { releases == 0 && versions == 0 && locks == 0 }

    package static func += (sum: inout DeletedRecords, more: DeletedRecords) {
        sum.apps.formUnion(more.apps)
        sum.releases += more.releases
        sum.events += more.events
        sum.versions += more.versions
        sum.locks += more.locks
    }
}
