import Foundation
import TextTemplates
import ViridianConfiguration

/// Viridian in the cluster: configuration, volume, server and service. Namespace, account and rights are those of `render rbac`.
enum InstallFiles {
    /// - Parameters:
    ///   - configuration: What was read.
    ///   - written: The same as it is written.
    ///   - image: That of the server.
    ///   - hasPolicy: Whether there is a network policy.
    /// - Returns: The files, below `install`.
    /// - Throws: `ScaffoldError` where the configuration cannot be that of a pod.
    static func files(
        _ configuration: Configuration, written: ConfigurationText, image: String, hasPolicy: Bool
    ) throws(ScaffoldError) -> [RenderedFile] {
        let pod = try PodConfiguration(configuration, written)
        let deployment = InstallDeployment(pod, image: image)
        var files = [
            RenderedFile(path: "install/configuration.yaml", text: InstallConfigMap(pod, of: configuration).text),
            RenderedFile(path: "install/deployment.yaml", text: deployment.text),
            RenderedFile(path: "install/journal.yaml", embedded: PackageResources.install_volume_yaml),
        ]
        if hasPolicy {
            files.append(
                RenderedFile(path: "install/network-policy.yaml", text: InstallPolicy(port: PodConfiguration.port).text)
            )
        }
        if !deployment.variables.isEmpty {
            let secrets = InstallSecrets(variables: deployment.variables)
            // Values will be written into it.
            files.append(RenderedFile(path: "install/secrets.env", text: secrets.text, mode: 0o600))
        }
        let host = configuration.server.url?.host ?? "the host of server.url"
        files.append(RenderedFile(path: "install/service.yaml", text: InstallService(host: host).text))
        return files
    }
}

struct InstallConfigMap: TemplateValues {
    static let template = TextTemplate(PackageResources.install_configmap_yaml_mustache)

    /// The name of the folder that the files come from.
    let folder: String
    /// Whether clusters are reached by a kubeconfig.
    let hasClusters: Bool
    let files: [File]

    struct File {
        let key: String
        /// `|`, `|-` or `|+`, with the indentation where the text begins with a space.
        let style: String
        /// Indented.
        let text: String
    }

    init(_ pod: PodConfiguration, of configuration: Configuration) {
        let name = URL(fileURLWithPath: configuration.file).lastPathComponent
        hasClusters = !pod.kubeconfigs.isEmpty
        folder = pod.files.count > 1 ? "\(name), its apps and what they name" : name
        files = pod.files.map { file in
            let block = YAMLBlock(file.text, indentation: 4)
            return File(key: file.key, style: block.style, text: block.text)
        }
    }
}

struct InstallDeployment: TemplateValues {
    static let template = TextTemplate(PackageResources.install_deployment_yaml_mustache)

    let image: String
    let port: Int
    let fingerprint: String
    let hasVariables: Bool
    let variables: [InstallVariable]
    let files: [File]
    let hasClusters: Bool
    let clusters: [Cluster]

    struct File {
        let key: String
        let path: String
    }

    /// One that is reached by a kubeconfig.
    struct Cluster {
        let name: String
        /// Of the kubeconfig.
        let path: String
    }

    init(_ pod: PodConfiguration, image: String) {
        self.image = yaml(image)
        port = PodConfiguration.port
        fingerprint = pod.fingerprint
        variables = pod.variables.map { InstallVariable(name: yaml($0)) }
        hasVariables = !variables.isEmpty
        files = pod.files.map { File(key: $0.key, path: yaml($0.path)) }
        clusters = pod.kubeconfigs.map { Cluster(name: $0, path: yaml(PodConfiguration.kubeconfig(of: $0))) }
        hasClusters = !clusters.isEmpty
    }
}

struct InstallVariable {
    let name: String
}

struct InstallSecrets: TemplateValues {
    static let template = TextTemplate(PackageResources.install_secrets_env_mustache)

    let variables: [InstallVariable]
}

struct InstallService: TemplateValues {
    static let template = TextTemplate(PackageResources.install_service_yaml_mustache)

    /// For people.
    let host: String
}

struct InstallPolicy: TemplateValues {
    static let template = TextTemplate(PackageResources.install_policy_yaml_mustache)

    let port: Int
}
