import ViridianConfiguration

/// What the account that releases may do in the cluster, and no more: in each app's namespace what a release asks of the API,
/// and for the cluster only the list of nodes where that is the inventory.
struct AccessRights {
    var configuration: Configuration
    var apps: [AppConfiguration]

    /// The account lives in the namespace of its only app, or in one of its own where it serves several.
    private var home: String { apps.count == 1 ? apps[0].namespace : "viridian" }

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
        if let rule = AccessRule.inventory(configuration) {
            files.append(RenderedFile(path: "rbac/nodes.yaml", text: nodes(rule)))
        }
        return files
    }

    private func role(_ app: AppConfiguration) -> String {
        let lines = AccessRule.rules(of: app).map(\.yaml).joined()
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

    private func nodes(_ rule: AccessRule) -> String {
        """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          name: viridian-nodes
        rules:
        \(rule.yaml)---
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
