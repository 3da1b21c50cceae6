import TextTemplates
import ViridianConfiguration

/// Salt states for the nodes and the cluster, with the files that they put there, as they lie in Salt's file roots.
enum SaltStates {
    /// `node` is what is installed on the nodes for Viridian's SSH key; `nil` where it has none.
    static func files(
        _ configuration: Configuration, apps: [AppConfiguration], node: NodeProgram?
    ) throws(ScaffoldError) -> [RenderedFile] {
        let backends = configuration.nodes.backendsOnNode
        let directory = String(backends.drop { $0 == "/" })
        let sites = try NginxSite.files(configuration, apps: apps).map { file in
            RenderedFile(
                path: file.path.hasPrefix(directory + "/")
                    ? file.path.replacing(directory, with: "\(files)/node/nginx/backends.d", maxReplacements: 1)
                    : file.path.replacing("etc/nginx/conf.d", with: "\(files)/node/nginx/conf.d", maxReplacements: 1),
                text: file.text)
        }
        let services = apps.map { app in
            RenderedFile(path: "\(files)/services/\(app.name).yaml", text: KubernetesObjects.file(app, with: []).text)
        }
        return [
            RenderedFile(
                path: "salt/README.md", text: SaltReadme(backends: backends, hasNodeProgram: node != nil).text),
            RenderedFile(path: "\(states)/init.sls", text: NodeStates(hasNodeProgram: node != nil).text),
            RenderedFile(path: "\(states)/nginx.sls", text: NginxStates(backends: backends).text),
        ] + (node.map(nodeFiles) ?? [])
            + [RenderedFile(path: "\(states)/services.sls", embedded: PackageResources.services_sls)] + sites + services
    }

    private static let states = "salt/kubernetes"
    private static let files = "\(states)/files"

    private static func nodeFiles(_ node: NodeProgram) -> [RenderedFile] {
        [
            RenderedFile(path: "\(states)/viridian_node.sls", text: NodeProgramStates(node).text),
            RenderedFile(path: "\(files)/node/viridian-node", text: node.program.text),
            RenderedFile(path: "\(files)/node/node.conf", text: node.configuration.text),
        ] + [node.sudoers].compactMap { $0 }.map { RenderedFile(path: "\(files)/node/sudoers", text: $0.text) }
    }
}

/// What all the states are, and how they come into Salt's file roots.
struct SaltReadme: TemplateValues {
    static let template = TextTemplate(PackageResources.salt_readme_md_mustache)

    /// The directory of the upstream files.
    let backends: String
    let hasNodeProgram: Bool
}

/// Everything for a node.
struct NodeStates: TemplateValues {
    static let template = TextTemplate(PackageResources.kubernetes_init_sls_mustache)

    let hasNodeProgram: Bool
}

/// nginx, and its files: they create missing upstream files and never change existing ones, which releases edit.
struct NginxStates: TemplateValues {
    static let template = TextTemplate(PackageResources.nginx_sls_mustache)

    /// The directory of the upstream files.
    let backends: String
}

/// The program for Viridian's SSH key, what it may do, and who may log in.
struct NodeProgramStates: TemplateValues {
    static let template = TextTemplate(PackageResources.viridian_node_sls_mustache)

    let user: String
    /// Paths on the node.
    let program: String
    let configuration: String
    /// `nil` where the user needs no sudo.
    let sudoers: String?
    let keyOptions: [String]

    init(_ node: NodeProgram) {
        user = yaml(node.user)
        program = "/" + node.program.path
        configuration = "/" + node.configuration.path
        sudoers = node.sudoers.map { "/" + $0.path }
        keyOptions = node.keyOptions.map { yaml($0) }
    }
}
