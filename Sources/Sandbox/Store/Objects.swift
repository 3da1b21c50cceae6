import Foundation
import Kubernetes
import NIOConcurrencyHelpers

/// Everything that is stored. A value, so that one call changes it all at once or not at all; ``ObjectStore`` owns it.
struct Objects: Sendable {
    /// Where an object lives.
    struct Location: Hashable, Sendable {
        var type: ResourceType
        var key: ObjectKey
    }

    struct Limits: Sendable {
        /// How many changes of each collection a watch can go back.
        var history = 2_000
        /// How many events a watch may lag behind before it is ended.
        var watchBacklog = 20_000
        var nodePorts: ClosedRange<Int> = 30_000...32_767
    }

    private struct Watcher {
        var filter: ObjectFilter
        var wantsBookmarks: Bool
        /// Whether a client of the API watches, not a part of the cluster.
        var isExternal: Bool
        var continuation: AsyncStream<WatchEvent>.Continuation
        var isEnded: NIOLockedValueBox<Bool>

        /// Hands an event on; a watch that lags too far is ended, and whoever watches starts again.
        func yield(_ event: WatchEvent) {
            if case .dropped = continuation.yield(event) {
                isEnded.withLockedValue { $0 = true }
                continuation.finish()
            }
        }
    }

    let limits: Limits
    /// The version of the last change: every change of any object counts.
    private(set) var revision = 1
    /// Ports in the NodePort range that a foreign program holds.
    var unavailablePorts: Set<Int> = []
    /// What each field manager applied last, by object: server-side apply removes what a manager no longer wants.
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
struct Watch: Sendable {
    let events: AsyncStream<WatchEvent>
    fileprivate let continuation: AsyncStream<WatchEvent>.Continuation

    func end() { continuation.finish() }
}

// MARK: - Reading

extension Objects {
    func find(_ type: ResourceType, _ key: ObjectKey) -> JSON? { collections[type]?[key] }

    func get(_ type: ResourceType, _ key: ObjectKey) throws -> JSON {
        guard let object = find(type, key) else { throw APIError.notFound(type, key.name) }
        return object
    }

    /// The objects of a collection, in the order of namespace and name.
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

    /// The objects that name `uid` among their owners.
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
    /// Stores an object under the next revision and tells the watchers; returns it as stored.
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
        tell(type, Change(revision: revision, before: before, after: object, isDeletion: false))
        return object
    }

    /// Takes an object out of its collection and tells the watchers; owners and dependents are the caller's.
    mutating func take(_ type: ResourceType, _ key: ObjectKey) -> JSON? {
        guard let before = collections[type]?.removeValue(forKey: key) else { return nil }
        revision += 1
        var gone = before
        gone[at: "metadata.resourceVersion"] = .string(String(revision))
        let location = Location(type: type, key: key)
        locations[before.meta.uid] = nil
        applied[before.meta.uid] = nil
        unlink(before, location)
        tell(type, Change(revision: revision, before: before, after: gone, isDeletion: true))
        return gone
    }

    private mutating func unlink(_ object: JSON, _ location: Location) {
        for owner in object.meta.ownerReferences {
            let uid = owner["uid"]?.string ?? ""
            dependents[uid]?.remove(location)
            if dependents[uid]?.isEmpty == true { dependents[uid] = nil }
        }
    }

    private mutating func tell(_ type: ResourceType, _ change: Change) {
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
    /// Where a watch begins.
    enum WatchStart: Sendable {
        /// With what there is, as additions; then every change.
        case present
        /// Like `present`, with a bookmark that says where what there was ends.
        case presentWithMark
        /// With the changes after this revision.
        case after(Int)
    }

    /// The changes of a collection as a stream. Begun in a past that is no longer known, or in a future that another
    /// store must have reached, it is one `410 Expired` error, after which the client lists again.
    mutating func watch(
        _ type: ResourceType, _ filter: ObjectFilter, from start: WatchStart, bookmarks: Bool = false,
        isExternal: Bool = false
    ) -> Watch {
        prune(type)
        let (stream, continuation) = AsyncStream.makeStream(
            of: WatchEvent.self, bufferingPolicy: .bufferingOldest(limits.watchBacklog))
        let isEnded = NIOLockedValueBox(false)
        let watch = Watch(events: stream, continuation: continuation)
        continuation.onTermination = { _ in isEnded.withLockedValue { $0 = true } }
        switch start {
        case .present, .presentWithMark:
            for object in list(type, filter) { continuation.yield(WatchEvent(kind: .added, object: object)) }
            if case .presentWithMark = start {
                var mark = bookmark(type)
                mark[["metadata", "annotations", "k8s.io/initial-events-end"]] = "true"
                continuation.yield(WatchEvent(kind: .bookmark, object: mark))
            }
        case .after(let start):
            let compacted = histories[type]?.compactedRevision ?? 0
            guard start <= revision,
                let changes = histories[type]?.changes(after: start) ?? (compacted <= start ? [] : nil)
            else {
                let error = APIError.expired("too old resource version: \(start) (\(compacted))")
                continuation.yield(WatchEvent(kind: .error, object: error.status))
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

    /// Tells every watcher that wants to know how far the store is.
    mutating func sendBookmarks() {
        for (type, watching) in watchers {
            let event = WatchEvent(kind: .bookmark, object: bookmark(type))
            for watcher in watching where watcher.wantsBookmarks { watcher.yield(event) }
            prune(type)
        }
    }

    /// Ends the watches of the API's clients, after one last event if there is one to tell why.
    mutating func endWatches(of types: [ResourceType], with last: WatchEvent?) {
        for type in types {
            for watcher in watchers[type] ?? [] where watcher.isExternal {
                if let last { watcher.continuation.yield(last) }
                watcher.continuation.finish()
            }
            prune(type)
        }
    }

    /// Forgets the past: a watch that begins before now is expired.
    mutating func compact() {
        for type in ResourceType.all {
            histories[type, default: ChangeHistory(limit: limits.history, compactedRevision: 0)].compact(at: revision)
        }
    }

    /// How many watches the API's clients have open.
    var externalWatches: Int {
        watchers.values.reduce(0) { $0 + $1.count { $0.isExternal && !$0.isEnded.withLockedValue { $0 } } }
    }
}
