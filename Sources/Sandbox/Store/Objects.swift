import Foundation
import Kubernetes
import NIOConcurrencyHelpers

/// All stored objects. A value type, so that a call changes everything or nothing; ``ObjectStore`` owns it.
struct Objects: Sendable {
    /// The collection and key of an object.
    struct Location: Hashable, Sendable {
        var type: ResourceType
        var key: ObjectKey
    }

    struct Limits: Sendable {
        /// The number of changes kept for each collection.
        var history = 2_000
        /// The number of unread events after which a watch is ended.
        var watchBacklog = 20_000
        var nodePorts: ClosedRange<Int> = 30_000...32_767
    }

    private struct Watcher {
        var filter: ObjectFilter
        var wantsBookmarks: Bool
        /// Whether the watch belongs to an API client, not to a component of the cluster.
        var isExternal: Bool
        var continuation: AsyncStream<StoreEvent>.Continuation
        var isEnded: NIOLockedValueBox<Bool>

        /// Delivers an event. A watch that exceeds the backlog is ended.
        func yield(_ event: StoreEvent) {
            if case .dropped = continuation.yield(event) {
                isEnded.withLockedValue { $0 = true }
                continuation.finish()
            }
        }
    }

    let limits: Limits
    /// The revision of the last change, incremented by every change of any object.
    private(set) var revision = 1
    /// Ports in the NodePort range that another program uses.
    var unavailablePorts: Set<Int> = []
    /// The last configuration of each field manager, by object: server-side apply removes fields that a manager no longer sets.
    var applied: [String: [String: JSON]] = [:]

    private var collections: [ResourceType: [ObjectKey: JSON]] = [:]
    private var histories: [ResourceType: ChangeHistory] = [:]
    private var watchers: [ResourceType: [Watcher]] = [:]
    private var dependents: [String: Set<Location>] = [:]
    private var locations: [String: Location] = [:]

    init(limits: Limits = Limits()) {
        self.limits = limits
    }
}

/// An open watch.
struct StoreWatch: Sendable {
    let events: AsyncStream<StoreEvent>
    fileprivate let continuation: AsyncStream<StoreEvent>.Continuation

    func end() { continuation.finish() }
}

// MARK: - Reading

extension Objects {
    func find(_ type: ResourceType, _ key: ObjectKey) -> JSON? { collections[type]?[key] }

    func get(_ type: ResourceType, _ key: ObjectKey) throws -> JSON {
        guard let object = find(type, key) else { throw StatusError.notFound(type, key.name) }
        return object
    }

    /// The objects of a collection, sorted by namespace and name.
    func list(_ type: ResourceType, _ filter: ObjectFilter = ObjectFilter()) -> [JSON] {
        (collections[type] ?? [:])
            .filter { filter.matches($0.value) }
            .sorted { $0.key < $1.key }
            .map(\.value)
    }

    func list(_ type: ResourceType, namespace: String) -> [JSON] {
        list(type, ObjectFilter(namespace: namespace))
    }

    func location(uid: String) -> Location? { locations[uid] }

    /// The objects that have `uid` as an owner.
    func dependents(of uid: String) -> [Location] {
        (dependents[uid] ?? []).sorted { ($0.type.qualifiedName, $0.key) < ($1.type.qualifiedName, $1.key) }
    }

    func locations(in namespace: String) -> [Location] {
        collections.flatMap { type, objects in
            type.isNamespaced
                ? objects.keys.filter { $0.namespace == namespace }.map { Location(type: type, key: $0) } : []
        }
    }
}

// MARK: - Storing

extension Objects {
    /// Stores an object with the next revision and notifies the watchers; returns the stored object.
    mutating func put(_ type: ResourceType, _ object: JSON) -> JSON {
        revision += 1
        var object = object
        object[at: "metadata.resourceVersion"] = .string(String(revision))
        let key = object.meta.key
        let before = collections[type]?[key]
        collections[type, default: [:]][key] = object
        let location = Location(type: type, key: key)
        locations[object.meta.uid] = location
        if let before { unlink(before, location) }
        for owner in object.meta.ownerReferences {
            dependents[owner["uid"]?.string ?? "", default: []].insert(location)
        }
        publish(type, Change(revision: revision, before: before, after: object, isDeletion: false))
        return object
    }

    /// Removes an object from its collection and notifies the watchers. The caller handles owners and dependents.
    mutating func take(_ type: ResourceType, _ key: ObjectKey) -> JSON? {
        guard let before = collections[type]?.removeValue(forKey: key) else { return nil }
        revision += 1
        var gone = before
        gone[at: "metadata.resourceVersion"] = .string(String(revision))
        let location = Location(type: type, key: key)
        locations[before.meta.uid] = nil
        applied[before.meta.uid] = nil
        unlink(before, location)
        publish(type, Change(revision: revision, before: before, after: gone, isDeletion: true))
        return gone
    }

    private mutating func unlink(_ object: JSON, _ location: Location) {
        for owner in object.meta.ownerReferences {
            let uid = owner["uid"]?.string ?? ""
            dependents[uid]?.remove(location)
            if dependents[uid]?.isEmpty == true { dependents[uid] = nil }
        }
    }

    private mutating func publish(_ type: ResourceType, _ change: Change) {
        histories[type, default: ChangeHistory(limit: limits.history, compactedRevision: 0)].append(change)
        guard let watching = watchers[type] else { return }
        for watcher in watching {
            if let event = change.event(for: watcher.filter) { watcher.yield(event) }
        }
        prune(type)
    }

    private mutating func prune(_ type: ResourceType) {
        watchers[type]?.removeAll { $0.isEnded.withLockedValue { $0 } }
    }
}

// MARK: - Watching

extension Objects {
    /// The start of a watch.
    enum WatchStart: Sendable {
        /// With the existing objects as `ADDED` events, then all changes.
        case current
        /// Like `current`, with a bookmark after the existing objects.
        case currentWithBookmark
        /// With all changes after this revision.
        case after(Int)
    }

    /// The changes of a collection as a stream. If the start revision has been compacted, or is higher than the current one, the
    /// stream has one `410 Expired` error, after which the client lists again.
    mutating func watch(
        _ type: ResourceType, _ filter: ObjectFilter, from start: WatchStart, bookmarks: Bool = false,
        isExternal: Bool = false
    ) -> StoreWatch {
        prune(type)
        let (stream, continuation) = AsyncStream.makeStream(
            of: StoreEvent.self, bufferingPolicy: .bufferingOldest(limits.watchBacklog))
        let isEnded = NIOLockedValueBox(false)
        let watch = StoreWatch(events: stream, continuation: continuation)
        continuation.onTermination = { _ in isEnded.withLockedValue { $0 = true } }
        switch start {
        case .current, .currentWithBookmark:
            for object in list(type, filter) { continuation.yield(StoreEvent(kind: .added, object: object)) }
            if case .currentWithBookmark = start {
                var end = bookmark(type)
                end[["metadata", "annotations", "k8s.io/initial-events-end"]] = "true"
                continuation.yield(StoreEvent(kind: .bookmark, object: end))
            }
        case .after(let start):
            let compacted = histories[type]?.compactedRevision ?? 0
            guard start <= revision,
                let changes = histories[type]?.changes(after: start) ?? (compacted <= start ? [] : nil)
            else {
                let error = StatusError.expired("too old resource version: \(start) (\(compacted))")
                continuation.yield(StoreEvent(kind: .error, object: error.status))
                continuation.finish()
                return watch
            }
            for change in changes {
                if let event = change.event(for: filter) { continuation.yield(event) }
            }
        }
        let watcher = Watcher(
            filter: filter, wantsBookmarks: bookmarks, isExternal: isExternal, continuation: continuation,
            isEnded: isEnded)
        watchers[type, default: []].append(watcher)
        return watch
    }

    private func bookmark(_ type: ResourceType) -> JSON {
        [
            "kind": .string(type.kind), "apiVersion": .string(type.groupVersion),
            "metadata": ["resourceVersion": .string(String(revision)), "creationTimestamp": .null],
        ]
    }

    /// Sends the current revision to the watchers that requested bookmarks.
    mutating func sendBookmarks() {
        for (type, watching) in watchers {
            let event = StoreEvent(kind: .bookmark, object: bookmark(type))
            for watcher in watching where watcher.wantsBookmarks { watcher.yield(event) }
            prune(type)
        }
    }

    /// Ends the watches of API clients, after one last event if given.
    mutating func endWatches(of types: [ResourceType], with last: StoreEvent?) {
        for type in types {
            for watcher in watchers[type] ?? [] where watcher.isExternal {
                if let last { watcher.continuation.yield(last) }
                watcher.continuation.finish()
            }
            prune(type)
        }
    }

    /// Drops the change history: watches that start at an earlier revision are expired.
    mutating func compact() {
        for type in ResourceType.all {
            histories[type, default: ChangeHistory(limit: limits.history, compactedRevision: 0)].compact(at: revision)
        }
    }

    /// The number of open watches of API clients.
    var externalWatches: Int {
        watchers.values.reduce(0) { $0 + $1.count { $0.isExternal && !$0.isEnded.withLockedValue { $0 } } }
    }
}
