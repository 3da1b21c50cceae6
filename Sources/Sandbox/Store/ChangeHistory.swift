import Kubernetes

/// An event of a watch.
struct StoreEvent: Sendable {
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

/// A change of a stored object, kept for watches that start at an earlier revision.
struct Change: Sendable {
    var revision: Int
    var before: JSON?
    /// The object after the change; for a deletion, its last state with the revision of the deletion.
    var after: JSON
    var isDeletion: Bool

    /// The event for a watch with this filter.
    func event(for filter: ObjectFilter) -> StoreEvent? {
        let matched = before.map(filter.matches) ?? false
        let matches = !isDeletion && filter.matches(after)
        switch (matched, matches) {
        case (false, false): return nil
        case (false, true): return StoreEvent(kind: .added, object: after)
        case (true, true): return StoreEvent(kind: .modified, object: after)
        case (true, false): return StoreEvent(kind: .deleted, object: after)
        }
    }
}

/// The latest changes of one collection.
struct ChangeHistory: Sendable {
    /// The number of changes to keep.
    let limit: Int
    private var changes: [Change] = []
    /// Changes up to this revision have been dropped: watches can start at this revision or later.
    private(set) var compactedRevision: Int

    init(limit: Int, compactedRevision: Int) {
        self.limit = limit
        self.compactedRevision = compactedRevision
    }

    mutating func append(_ change: Change) {
        changes.append(change)
        // Trimming half of the history at a time keeps the amortized cost constant.
        if changes.count > 2 * limit {
            compactedRevision = changes[changes.count - limit - 1].revision
            changes.removeFirst(changes.count - limit)
        }
    }

    mutating func compact(at revision: Int) {
        changes = []
        compactedRevision = revision
    }

    /// The changes after `revision`; `nil` when some have been dropped.
    func changes(after revision: Int) -> ArraySlice<Change>? {
        guard revision >= compactedRevision else { return nil }
        let first = changes.firstIndex { $0.revision > revision } ?? changes.endIndex
        return changes[first...]
    }
}
