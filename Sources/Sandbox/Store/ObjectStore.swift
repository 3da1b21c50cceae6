import Kubernetes

/// The one place where the cluster's objects live. Whoever changes them does so in one step that nobody sees half done.
actor ObjectStore {
    private var objects: Objects

    init(limits: Objects.Limits = Objects.Limits()) {
        objects = Objects(limits: limits)
    }

    /// Runs `body` on the objects, alone.
    func perform<Result: Sendable>(_ body: @Sendable (inout Objects) throws -> Result) rethrows -> Result {
        try body(&objects)
    }

    func get(_ type: ResourceType, _ namespace: String, _ name: String) throws -> JSON {
        try objects.get(type, ObjectKey(namespace: namespace, name: name))
    }

    func find(_ type: ResourceType, _ key: ObjectKey) -> JSON? { objects.find(type, key) }

    func list(_ type: ResourceType, _ filter: ObjectFilter = ObjectFilter()) -> [JSON] { objects.list(type, filter) }

    /// The changes of a collection, for a part of the cluster.
    func watch(_ type: ResourceType, _ filter: ObjectFilter = ObjectFilter()) -> AsyncStream<WatchEvent> {
        objects.watch(type, filter, from: .present).events
    }
}
