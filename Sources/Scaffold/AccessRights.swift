import ViridianConfiguration

/// What the account that releases may do in the cluster, and no more: in each app's namespace what a release asks of the API,
/// and for the cluster only the list of nodes where that is the inventory.
struct AccessRights {
    var configuration: Configuration
    var apps: [AppConfiguration]

    /// Where the account lives: in a namespace of its own, so that it stays the same whichever apps there are.
    private let home = "viridian"

    init(configuration: Configuration, apps: [AppConfiguration]) {
        self.configuration = configuration
        self.apps = apps
    }

    var files: [RenderedFile] {
        let account = """
            # The account that releases. Its roles are in the apps' namespaces, which have to be there first: viridian render kubernetes.
            # A server in the cluster runs as it (serviceAccountName). Anywhere else it needs a kubeconfig with a token:
            #   kubectl create token viridian --namespace \(home) --duration 8760h
            # The API server may give a shorter one than is asked for: make a new one before that.
            \(KubernetesObjects.namespace(home))apiVersion: v1
            kind: ServiceAccount
            metadata:
              name: viridian
              namespace: \(home)

            """
        var files = [RenderedFile(path: "rbac/account.yaml", text: account)]
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
              namespace: \(home)

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
          namespace: \(home)

        """
    }
}
