import Kubernetes

/// One line of a watch.
struct WatchEvent: Sendable {
    enum Kind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
        case bookmark = "BOOKMARK"
        case error = "ERROR"
    }

    var kind: Kind
    var object: JSON
}

/// A change of a stored object, kept so that a watch can begin in the past.
struct Change: Sendable {
    var revision: Int
    var before: JSON?
    /// The object after the change; for a deletion the object as it went, with the revision of its going.
    var after: JSON
    var isDeletion: Bool

    /// What someone who sees only the objects of `filter` sees of the change.
    func event(for filter: ObjectFilter) -> WatchEvent? {
        let matched = before.map(filter.matches) ?? false
        let matches = !isDeletion && filter.matches(after)
        switch (matched, matches) {
        case (false, false): return nil
        case (false, true): return WatchEvent(kind: .added, object: after)
        case (true, true): return WatchEvent(kind: .modified, object: after)
        case (true, false): return WatchEvent(kind: .deleted, object: after)
        }
    }
}

/// The latest changes of one collection.
struct ChangeHistory: Sendable {
    /// How many changes are kept.
    let limit: Int
    private var changes: [Change] = []
    /// Changes up to here are gone: watches can begin at this revision or later.
    private(set) var compactedRevision: Int

    init(limit: Int, compactedRevision: Int) {
        self.limit = limit
        self.compactedRevision = compactedRevision
    }

    mutating func append(_ change: Change) {
        changes.append(change)
        // Trimming half at a time keeps the cost of a change constant.
        if changes.count > 2 * limit {
            compactedRevision = changes[changes.count - limit - 1].revision
            changes.removeFirst(changes.count - limit)
        }
    }

    mutating func compact(at revision: Int) {
        changes = []
        compactedRevision = revision
    }

    /// The changes after `revision`, or `nil` when some of them are gone.
    func changes(after revision: Int) -> ArraySlice<Change>? {
        guard revision >= compactedRevision else { return nil }
        let first = changes.firstIndex { $0.revision > revision } ?? changes.endIndex
        return changes[first...]
    }
}
