import ViridianConfiguration

/// Why something cannot be rendered.
package struct ScaffoldError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// What a caller chooses; everything else is in the configuration.
package struct RenderingOptions: Sendable, Hashable {
    package var scripts = ScriptPlacement.embedded
    /// The Slack app needs no address of this server.
    package var isSocketMode = false

    package init(scripts: ScriptPlacement = .embedded, isSocketMode: Bool = false) {
        self.scripts = scripts
        self.isSocketMode = isSocketMode
    }
}

/// What can be written from the configuration alone.
package enum Rendering: String, Sendable, CaseIterable {
    case kubernetes
    case nginx
    case salt
    case terraform
    case compose
    case dockerfile
    case jenkins
    case gitlab
    case github
    case rbac
    case slackManifest = "slack-manifest"

    /// Whether several files of it are one stream of YAML documents.
    private var isYAMLStream: Bool { self == .kubernetes || self == .rbac }

    /// The files for these apps, of which there is at least one.
    /// - Throws: `ScaffoldError`.
    package func files(
        _ configuration: Configuration, apps: [AppConfiguration], options: RenderingOptions = .init()
    ) throws(ScaffoldError) -> [RenderedFile] {
        switch self {
        case .kubernetes: return apps.map(KubernetesObjects.file)
        case .nginx:
            try apps.checkHosts()
            return apps.flatMap { NginxSite(app: $0, backends: configuration.nodes.backendsOnNode).files }
        case .salt:
            try apps.checkHosts()
            return SaltStates.files(apps: apps, backends: configuration.nodes.backendsOnNode)
        case .terraform: return [try TerraformModule(configuration: configuration, apps: apps).file]
        case .compose: return [ContainerFiles.compose(apps)]
        case .dockerfile: return ContainerFiles.dockerfiles(apps)
        case .jenkins: return Pipelines.jenkins(apps, server: configuration.server, options.scripts)
        case .gitlab: return Pipelines.gitlab(apps, server: configuration.server, options.scripts)
        case .github: return Pipelines.github(apps, server: configuration.server, options.scripts)
        case .rbac: return AccessRights.files(configuration, apps: apps)
        case .slackManifest: return [SlackManifest(configuration, isSocketMode: options.isSocketMode).file]
        }
    }

    /// The files as one text, as it is printed: each with its path in front where there are several.
    package func text(_ files: [RenderedFile]) -> String {
        guard files.count > 1 else { return files.first?.text ?? "" }
        return files.map { isYAMLStream ? $0.text : "# \($0.path)\n\($0.text)" }
            .joined(separator: isYAMLStream ? "---\n" : "\n")
    }
}

extension AppConfiguration {
    /// Where a file of the app's repository belongs: in a folder for each app where there are several.
    func path(_ file: String, among apps: [AppConfiguration]) -> String {
        apps.count == 1 ? file : "\(name)/\(file)"
    }
}

extension NodesConfiguration {
    /// The directory of upstream files as it is on each machine.
    var backendsOnNode: String { backends.contains(Self.placeholder) ? "/etc/nginx/backends.d" : backends }
}
