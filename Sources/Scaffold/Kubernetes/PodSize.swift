import Kubernetes
import ViridianConfiguration

/// What a pod asks its machine for (`resources.requests`).
struct PodSize: Sendable, Hashable {
    var processors: Quantity
    var memory: Quantity

    /// What a container gets by the rendered LimitRange that says nothing itself.
    static let container = PodSize(processors: Quantity(0.1), memory: Quantity(128 * 0x1p20))
    /// The memory at which such a container is ended.
    static let containerLimit = Quantity(512 * 0x1p20)

    init(processors: Quantity, memory: Quantity) {
        self.processors = processors
        self.memory = memory
    }

    /// The size of an app's pods, from its template; without one, and for containers that say nothing, the default.
    init(_ app: AppConfiguration) {
        let value = (try? JSON(yaml: app.template?.text ?? "")) ?? .null
        let spec = (value["template"] ?? value)["spec"] ?? ["containers": [[:]]]
        processors = spec.podRequests(of: "cpu", default: Self.container.processors)
        memory = spec.podRequests(of: "memory", default: Self.container.memory)
    }
}
