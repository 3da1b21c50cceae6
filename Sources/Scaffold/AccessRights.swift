import ViridianConfiguration

/// What the account that releases may do in the cluster, and no more: in each app's namespace what a release asks of the API,
/// and for the cluster only the list of nodes where that is the inventory.
struct AccessRights {
    var configuration: Configuration
    var apps: [AppConfiguration]

    /// The account lives in the namespace of its only app, or in one of its own where it serves several.
    private var home: String { apps.count == 1 ? apps[0].namespace : "viridian" }

    private var listsNodes: Bool { if case .kubernetes = configuration.nodes.inventory { true } else { false } }

    var files: [RenderedFile] {
        var documents = apps.count == 1 ? [] : [KubernetesObjects.namespace(home).replacing("---\n", with: "")]
        documents.append(
            """
            apiVersion: v1
            kind: ServiceAccount
            metadata:
              name: viridian
              namespace: \(yaml(home))

            """)
        var files = [RenderedFile(path: "rbac/account.yaml", text: documents.joined(separator: "---\n"))]
        files += apps.map { RenderedFile(path: "rbac/\($0.name).yaml", text: role($0)) }
        if listsNodes { files.append(RenderedFile(path: "rbac/nodes.yaml", text: nodes)) }
        return files
    }

    private func role(_ app: AppConfiguration) -> String {
        let workloads =
            app.workload == .deployment
            ? (group: "apps", plural: "deployments") : (group: "\"\"", plural: "replicationcontrollers")
        let rules: [(comment: String, group: String, resource: String, verbs: String)] = [
            ("the lock: one release of an app at a time", "coordination.k8s.io", "leases", "get, create, update"),
            ("the two colours' services, made where they are missing", "\"\"", "services", "get, create"),
            (
                "the two colours' workloads", workloads.group, workloads.plural,
                "get, list, watch, create, patch, delete"
            ),
            ("whether the candidate's pods are ready, and why not", "\"\"", "pods", "list, watch"),
            ("the last words of a pod that crashed", "\"\"", "pods/log", "get"),
            ("why pods are not scheduled or pulled", "\"\"", "events", "list, watch"),
            (
                "the twin of the live colour's autoscaler", "autoscaling", "horizontalpodautoscalers",
                "list, create, delete"
            ),
        ]
        let lines = rules.map {
            "# \($0.comment)\n- apiGroups: [\($0.group)]\n  resources: [\($0.resource)]\n  verbs: [\($0.verbs)]\n"
        }.joined()
        return """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata:
              name: viridian
              namespace: \(yaml(app.namespace))
            rules:
            \(lines)---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata:
              name: viridian
              namespace: \(yaml(app.namespace))
            roleRef:
              apiGroup: rbac.authorization.k8s.io
              kind: Role
              name: viridian
            subjects:
            - kind: ServiceAccount
              name: viridian
              namespace: \(yaml(home))

            """
    }

    private var nodes: String {
        """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          name: viridian-nodes
        rules:
        # the inventory: which machines run nginx
        - apiGroups: [""]
          resources: [nodes]
          verbs: [list]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata:
          name: viridian-nodes
        roleRef:
          apiGroup: rbac.authorization.k8s.io
          kind: ClusterRole
          name: viridian-nodes
        subjects:
        - kind: ServiceAccount
          name: viridian
          namespace: \(yaml(home))

        """
    }
}
