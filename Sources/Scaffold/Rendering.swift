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
    /// Whether the compose file has a redis.
    package var hasRedis = true
    /// What is rendered beside the objects that an app needs; for `install`, only the network policy.
    package var additions: Set<KubernetesAddition> = []
    /// The image of Viridian's server in the cluster.
    package var image = "viridian"
    /// What is installed on the nodes, for `salt`.
    package var node: NodeProgram?
    /// The configuration's files; `install` needs them.
    package var written: ConfigurationText?
    /// Where the program is installed, for `systemd`.
    package var program = "/usr/local/bin/viridian"
    /// Where docs/operations.md is read, for `alerts`.
    package var runbooks = "docs/operations.md"

    package init(scripts: ScriptPlacement = .embedded, isSocketMode: Bool = false, hasRedis: Bool = true) {
        self.scripts = scripts
        self.isSocketMode = isSocketMode
        self.hasRedis = hasRedis
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
    case install
    case slackManifest = "slack-manifest"
    case systemd
    case grafana
    case alerts

    /// Whether it is about the server and all apps together: one file, also while there is no app.
    package var isOfServer: Bool { [.systemd, .grafana, .alerts].contains(self) }

    /// Whether it is for one cluster or its nodes, so that it is rendered for each cluster by itself.
    package var isOfCluster: Bool { [.kubernetes, .nginx, .salt, .terraform, .rbac].contains(self) }

    /// Whether several files of it are one stream of YAML documents.
    private var isYAMLStream: Bool { [.kubernetes, .rbac, .install].contains(self) }

    /// The files for these apps, of which there is at least one, unless it is about the server.
    /// - Throws: `ScaffoldError`.
    package func files(
        _ configuration: Configuration, apps: [AppConfiguration], options: RenderingOptions = .init()
    ) throws(ScaffoldError) -> [RenderedFile] {
        switch self {
        case .kubernetes: return apps.map { KubernetesObjects.file($0, with: options.additions) }
        case .nginx: return try NginxSite.files(configuration, apps: apps)
        case .salt: return try SaltStates.files(configuration, apps: apps, node: options.node)
        case .terraform: return try TerraformModule(configuration: configuration, apps: apps).files
        case .compose: return try ComposeFile.files(configuration, apps: apps, hasRedis: options.hasRedis)
        case .dockerfile: return ContainerFiles.dockerfiles(apps)
        case .jenkins: return Pipelines.jenkins(apps, server: configuration.server, options.scripts)
        case .gitlab: return Pipelines.gitlab(apps, server: configuration.server, options.scripts)
        case .github: return Pipelines.github(apps, server: configuration.server, options.scripts)
        case .rbac: return AccessRights.files(configuration, apps: apps)
        case .install:
            return try InstallFiles.files(
                configuration, written: options.written ?? ConfigurationText(files: []), image: options.image,
                hasPolicy: options.additions.contains(.networkPolicy))
        case .slackManifest: return [SlackManifest(configuration, isSocketMode: options.isSocketMode).file]
        case .systemd: return [SystemdUnit(configuration, program: options.program).file]
        case .grafana: return [GrafanaDashboard(configuration).file]
        case .alerts: return [AlertRules(configuration, runbooks: options.runbooks).file]
        }
    }

    /// The files as one text, as it is printed: each with its path in front where there are several.
    package func text(_ files: [RenderedFile]) -> String {
        guard files.count > 1 else { return files.first?.text ?? "" }
        guard isYAMLStream else { return files.map { "# \($0.path)\n\($0.text)" }.joined(separator: "\n") }
        return files.filter { $0.path.hasSuffix(".yaml") }.map(\.text).joined(separator: "---\n")
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
