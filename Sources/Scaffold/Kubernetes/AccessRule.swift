import ViridianConfiguration

/// A right that the service account needs.
package struct AccessRule: Sendable, Hashable {
    package var purpose: String
    /// Of the API; empty for the core group.
    package var group = ""
    /// In the plural, `pods`.
    package var resource: String
    package var subresource: String?
    package var verbs: [String]
    /// Without it, releases go on and say what they left out.
    package var isOptional = false

    /// `leases.coordination.k8s.io`, `pods/log`: how kubectl and messages name what it is about.
    package var qualifiedName: String {
        (group.isEmpty ? resource : "\(resource).\(group)") + (subresource.map { "/\($0)" } ?? "")
    }

    /// What releases of an app call, in its namespace.
    package static func rules(of app: AppConfiguration) -> [AccessRule] {
        [
            AccessRule(
                purpose: "the lock: one release of an app at a time", group: "coordination.k8s.io", resource: "leases",
                verbs: ["get", "create", "update"]),
            AccessRule(
                purpose: "the two colours' services, created where they are missing", resource: "services",
                verbs: ["get", "create"]),
            AccessRule(
                purpose: "the two colours' workloads", group: app.workload == .deployment ? "apps" : "",
                resource: app.workload == .deployment ? "deployments" : "replicationcontrollers",
                verbs: ["get", "list", "watch", "create", "patch", "delete"]),
            AccessRule(
                purpose: "whether the candidate's pods are ready, and why not", resource: "pods",
                verbs: ["list", "watch"]),
            AccessRule(
                purpose: "deleting pods without an owner (deploy --remove-strays)", resource: "pods",
                verbs: ["delete"], isOptional: true),
            AccessRule(
                purpose: "the log of a crashed pod", resource: "pods", subresource: "log", verbs: ["get"]),
            AccessRule(
                purpose: "why pods are not scheduled, and images not pulled", resource: "events",
                verbs: ["list", "watch"]),
            AccessRule(
                purpose: "a warning before a release when both colours cannot mount a volume",
                resource: "persistentvolumeclaims",
                verbs: ["get"], isOptional: true),
            AccessRule(
                purpose: "the candidate's copy of the live colour's autoscaler", group: "autoscaling",
                resource: "horizontalpodautoscalers", verbs: ["list", "create", "delete"], isOptional: true),
            AccessRule(
                purpose: "what `viridian check` says about a quota that does not hold both colours",
                resource: "resourcequotas", verbs: ["list"], isOptional: true),
        ]
    }

    /// What the list of nodes needs in the whole cluster; `nil` where the inventory is not the cluster.
    package static func inventory(_ configuration: Configuration) -> AccessRule? {
        guard case .kubernetes = configuration.nodes.inventory else { return nil }
        return AccessRule(purpose: "the inventory: which machines run nginx", resource: "nodes", verbs: ["list"])
    }
}
