import ViridianConfiguration

/// What an app needs in the cluster before its first release: its namespace and its two services. The workloads are made by
/// releases.
enum KubernetesObjects {
    static func file(_ app: AppConfiguration) -> RenderedFile {
        RenderedFile(path: "kubernetes/\(app.name).yaml", text: namespace(app.namespace) + services(app))
    }

    static func namespace(_ name: String) -> String {
        """
        apiVersion: v1
        kind: Namespace
        metadata:
          name: \(yaml(name))
        ---

        """
    }

    static func services(_ app: AppConfiguration) -> String {
        app.sides.map { side in
            """
            apiVersion: v1
            kind: Service
            metadata:
              name: \(yaml(side.name))
              namespace: \(yaml(app.namespace))
              labels:
                name: \(yaml(side.name))
            spec:
              type: NodePort
              ports:
              - port: \(app.ports.container)
                nodePort: \(side.port)
              selector:
                name: \(yaml(side.name))

            """
        }.joined(separator: "---\n")
    }
}
