import TextTemplates
import ViridianConfiguration

/// What an app needs in the cluster before its first release: its namespace and its two services. Releases create the workloads.
struct KubernetesObjects: TemplateValues {
    static let template = TextTemplate(PackageResources.kubernetes_yaml_mustache)

    let namespace: String
    let services: [Service]

    struct Service {
        let name: String
        /// The container's.
        let port: Int
        /// On every machine of the cluster.
        let nodePort: Int
    }

    init(_ app: AppConfiguration) {
        namespace = yaml(app.namespace)
        services = [("blue", app.ports.blue), ("green", app.ports.green)].map { color, nodePort in
            Service(name: yaml("\(app.name)-\(color)"), port: app.ports.container, nodePort: nodePort)
        }
    }

    static func file(_ app: AppConfiguration) -> RenderedFile {
        RenderedFile(path: "kubernetes/\(app.name).yaml", text: KubernetesObjects(app).text)
    }
}
