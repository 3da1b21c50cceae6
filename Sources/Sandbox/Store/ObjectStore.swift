import Kubernetes

/// The cluster's objects. Changes are atomic.
actor ObjectStore {
    private var objects: Objects

    init(limits: Objects.Limits = Objects.Limits()) {
        objects = Objects(limits: limits)
    }

    /// Runs `body` with exclusive access to the objects.
    func perform<Result: Sendable>(_ body: @Sendable (inout Objects) throws -> Result) rethrows -> Result {
        try body(&objects)
    }

    func get(_ type: ResourceType, _ namespace: String, _ name: String) throws -> JSON {
        try objects.get(type, ObjectKey(namespace: namespace, name: name))
    }

    func find(_ type: ResourceType, _ key: ObjectKey) -> JSON? { objects.find(type, key) }

    func list(_ type: ResourceType, _ filter: ObjectFilter = ObjectFilter()) -> [JSON] { objects.list(type, filter) }

    /// The objects of a collection and their changes, for components of the cluster.
    func watch(_ type: ResourceType, _ filter: ObjectFilter = ObjectFilter()) -> AsyncStream<StoreEvent> {
        objects.watch(type, filter, from: .current).events
    }
}
