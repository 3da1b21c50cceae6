/// A collection of the API: its names and the features of its objects.
struct ResourceType: Sendable, Hashable {
    var group: String
    var version: String
    var plural: String
    var singular: String
    var kind: String
    var shortNames: [String] = []
    var categories: [String] = []
    var isNamespaced = true
    /// Whether `status` is written only through its subresource.
    var hasStatus = false
    /// Whether `metadata.generation` counts changes of `spec`.
    var hasGeneration = false
    /// Whether `scale` is served.
    var hasScale = false

    var groupVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// The name in errors: `pods`, `deployments.apps`.
    var qualifiedName: String { group.isEmpty ? plural : "\(plural).\(group)" }

    static func == (left: Self, right: Self) -> Bool { left.plural == right.plural && left.group == right.group }

    func hash(into hasher: inout Hasher) {
        hasher.combine(plural)
        hasher.combine(group)
    }
}

extension ResourceType {
    static let namespaces = ResourceType(
        group: "", version: "v1", plural: "namespaces", singular: "namespace", kind: "Namespace",
        shortNames: ["ns"], isNamespaced: false, hasStatus: true)
    static let nodes = ResourceType(
        group: "", version: "v1", plural: "nodes", singular: "node", kind: "Node",
        shortNames: ["no"], isNamespaced: false, hasStatus: true)
    static let pods = ResourceType(
        group: "", version: "v1", plural: "pods", singular: "pod", kind: "Pod",
        shortNames: ["po"], categories: ["all"], hasStatus: true)
    static let services = ResourceType(
        group: "", version: "v1", plural: "services", singular: "service", kind: "Service",
        shortNames: ["svc"], categories: ["all"], hasStatus: true)
    static let endpoints = ResourceType(
        group: "", version: "v1", plural: "endpoints", singular: "endpoints", kind: "Endpoints", shortNames: ["ep"])
    static let replicationControllers = ResourceType(
        group: "", version: "v1", plural: "replicationcontrollers", singular: "replicationcontroller",
        kind: "ReplicationController", shortNames: ["rc"], categories: ["all"],
        hasStatus: true, hasGeneration: true, hasScale: true)
    /// Stored only: no controller reads them. `kubectl apply --dry-run=server` checks one.
    static let podTemplates = ResourceType(
        group: "", version: "v1", plural: "podtemplates", singular: "podtemplate", kind: "PodTemplate")
    static let events = ResourceType(
        group: "", version: "v1", plural: "events", singular: "event", kind: "Event", shortNames: ["ev"])
    static let configMaps = ResourceType(
        group: "", version: "v1", plural: "configmaps", singular: "configmap", kind: "ConfigMap", shortNames: ["cm"])
    static let secrets = ResourceType(
        group: "", version: "v1", plural: "secrets", singular: "secret", kind: "Secret")
    static let serviceAccounts = ResourceType(
        group: "", version: "v1", plural: "serviceaccounts", singular: "serviceaccount", kind: "ServiceAccount",
        shortNames: ["sa"])
    static let resourceQuotas = ResourceType(
        group: "", version: "v1", plural: "resourcequotas", singular: "resourcequota", kind: "ResourceQuota",
        shortNames: ["quota"], hasStatus: true)
    static let deployments = ResourceType(
        group: "apps", version: "v1", plural: "deployments", singular: "deployment", kind: "Deployment",
        shortNames: ["deploy"], categories: ["all"], hasStatus: true, hasGeneration: true, hasScale: true)
    static let replicaSets = ResourceType(
        group: "apps", version: "v1", plural: "replicasets", singular: "replicaset", kind: "ReplicaSet",
        shortNames: ["rs"], categories: ["all"], hasStatus: true, hasGeneration: true, hasScale: true)
    /// Stored and watched only: no autoscaler runs.
    static let horizontalPodAutoscalers = ResourceType(
        group: "autoscaling", version: "v2", plural: "horizontalpodautoscalers", singular: "horizontalpodautoscaler",
        kind: "HorizontalPodAutoscaler", shortNames: ["hpa"], categories: ["all"], hasStatus: true)
    static let leases = ResourceType(
        group: "coordination.k8s.io", version: "v1", plural: "leases", singular: "lease", kind: "Lease")
    static let endpointSlices = ResourceType(
        group: "discovery.k8s.io", version: "v1", plural: "endpointslices", singular: "endpointslice",
        kind: "EndpointSlice")

    /// RBAC objects are stored only: every client with the sandbox's token may do everything.
    static let roles = rbac("roles", "role", "Role")
    static let roleBindings = rbac("rolebindings", "rolebinding", "RoleBinding")
    static let clusterRoles = rbac("clusterroles", "clusterrole", "ClusterRole", isNamespaced: false)
    static let clusterRoleBindings = rbac(
        "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", isNamespaced: false)

    private static func rbac(
        _ plural: String, _ singular: String, _ kind: String, isNamespaced: Bool = true
    ) -> ResourceType {
        ResourceType(
            group: "rbac.authorization.k8s.io", version: "v1", plural: plural, singular: singular, kind: kind,
            isNamespaced: isNamespaced)
    }

    /// All stored types, in the order of discovery.
    static let all: [ResourceType] = [
        namespaces, nodes, pods, services, endpoints, replicationControllers, podTemplates, events,
        configMaps, secrets, serviceAccounts, resourceQuotas, deployments, replicaSets, horizontalPodAutoscalers,
        leases,
        endpointSlices, roles, roleBindings, clusterRoles, clusterRoleBindings,
    ]

    static func named(group: String, version: String, plural: String) -> ResourceType? {
        all.first { $0.plural == plural && $0.group == group && $0.version == version }
    }

    static func of(apiVersion: String, kind: String) -> ResourceType? {
        all.first { $0.kind == kind && $0.groupVersion == apiVersion }
    }
}
