import HTTPTransport

/// A resource type of the API: its group, version, kind and name in paths.
package struct Resource: Sendable, Hashable {
    /// Empty for the core group.
    package var group: String
    package var version: String
    /// The name in paths and RBAC rules: `replicationcontrollers`.
    package var plural: String
    package var kind: String
    package var isNamespaced: Bool

    package init(group: String = "", version: String = "v1", plural: String, kind: String, isNamespaced: Bool = true) {
        self.group = group
        self.version = version
        self.plural = plural
        self.kind = kind
        self.isNamespaced = isNamespaced
    }

    /// The objects' `apiVersion`: `v1`, `apps/v1`.
    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// The name in kubectl and in messages: `pods`, `deployments.apps`.
    package var qualifiedName: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// The path of the collection, of an object or of an object's subresource, percent-encoded.
    package func path(namespace: String? = nil, name: String? = nil, subresource: String? = nil) -> String {
        var segments = group.isEmpty ? ["api", version] : ["apis", group, version]
        if isNamespaced, let namespace { segments += ["namespaces", namespace] }
        segments.append(plural)
        if let name { segments.append(name) }
        if let subresource { segments.append(subresource) }
        return "/" + segments.map(PercentEncoding.encode).joined(separator: "/")
    }
}

extension Resource {
    package static let pods = Resource(plural: "pods", kind: "Pod")
    package static let services = Resource(plural: "services", kind: "Service")
    package static let endpoints = Resource(plural: "endpoints", kind: "Endpoints")
    package static let replicationControllers = Resource(
        plural: "replicationcontrollers", kind: "ReplicationController")
    package static let configMaps = Resource(plural: "configmaps", kind: "ConfigMap")
    package static let secrets = Resource(plural: "secrets", kind: "Secret")
    package static let persistentVolumeClaims = Resource(
        plural: "persistentvolumeclaims", kind: "PersistentVolumeClaim")
    package static let events = Resource(plural: "events", kind: "Event")
    package static let resourceQuotas = Resource(plural: "resourcequotas", kind: "ResourceQuota")
    package static let namespaces = Resource(plural: "namespaces", kind: "Namespace", isNamespaced: false)
    package static let nodes = Resource(plural: "nodes", kind: "Node", isNamespaced: false)
    package static let deployments = Resource(group: "apps", plural: "deployments", kind: "Deployment")
    package static let replicaSets = Resource(group: "apps", plural: "replicasets", kind: "ReplicaSet")
    package static let leases = Resource(group: "coordination.k8s.io", plural: "leases", kind: "Lease")
    /// Newest first: v2 is served since Kubernetes 1.23, v2beta2 from 1.12 to 1.25, v1 always.
    package static let horizontalPodAutoscalers = ["v2", "v2beta2", "v1"].map {
        Resource(
            group: "autoscaling", version: $0, plural: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler")
    }
    package static let selfSubjectAccessReviews = Resource(
        group: "authorization.k8s.io", plural: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview",
        isNamespaced: false)
    package static let selfSubjectRulesReviews = Resource(
        group: "authorization.k8s.io", plural: "selfsubjectrulesreviews", kind: "SelfSubjectRulesReview",
        isNamespaced: false)
}
