import ArgumentParser
import Controller
import Foundation
import Scaffold
import ViridianConfiguration

struct RenderCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Write files for the cluster, the nodes and the build, from the configuration.",
        discussion: """
            kubernetes    namespace and services of an app, to apply before its first release; --with adds quota, limits and more
            rbac          the service account for releases with its rights, in namespace viridian; apply kubernetes first
            install       Viridian's server in the cluster, in namespace viridian; apply rbac first
            nginx         the upstream file and the virtual hosts of an app, and what the virtual hosts of all apps share
            salt          states that put these files, and viridian-node with its key, on the nodes, and services into the cluster
            terraform     a Terraform module: load balancer, DNS names, security groups, the rights in AWS
            compose       a compose.yaml for developers, with nginx as on the nodes where a browser needs it, and redis
            dockerfile    a Dockerfile with .dockerignore, and for FastCGI the configuration of php-fpm
            jenkins       a Jenkinsfile that builds, tests, pushes and releases
            gitlab        a .gitlab-ci.yml that does the same
            github        a workflow of GitHub Actions that does the same
            sudoers       the sudo rules for the nodes
            viridian-node the program for the nodes, the only one that their SSH key may run
            node.conf     the configuration of viridian-node: what it may do
            slack-manifest  the Slack app; with --socket, or where server.url is not https, for Socket Mode: nothing has to reach the server
            systemd       the server's unit
            grafana       a dashboard of the server's metrics
            alerts        rules for Prometheus: what should wake or tell somebody

            Nothing is applied or overwritten: the output goes to standard output, or with --into into new files.

            Where several clusters are configured, what is for a cluster or its nodes is rendered for one of them: that of the app that is \
            named, or of --cluster.
            """
    )

    @Argument(help: "What to write.") var what: What
    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @OptionGroup var cluster: ClusterOption
    @Option(
        // --to is what it was called first.
        name: [.customLong("into"), .customLong("to")],
        help: ArgumentHelp("Write files below this folder instead.", valueName: "folder"))
    var folder: String?
    @Flag(help: "For slack-manifest: use Socket Mode, in which the server connects to Slack.") var socket = false
    @Flag(inversion: .prefixedNo, help: "For compose: whether the apps have a redis at tcp://redis:6379.")
    var redis = true
    @Option(
        name: .customLong("with"),
        help: ArgumentHelp(
            "For kubernetes, repeatable: quota, limits, disruption-budgets, network-policy, or all. For install: network-policy.",
            valueName: "addition"))
    var additions: [Addition] = []
    @Option(help: "For install: the server's image. Default: viridian:\(Viridian.version).")
    var image: String?
    @Option(help: "For systemd: where the program is installed. Default: /usr/local/bin/viridian.")
    var program: String?
    @Option(
        help: ArgumentHelp(
            "For alerts: the address at which docs/operations.md is read. Default: that path.", valueName: "url"))
    var runbooks: String?
    @Option(
        help: ArgumentHelp(
            "For sudoers where nginx is on this machine: as whom viridian runs. Default: viridian, as the server does.",
            valueName: "name"))
    var user: String?
    @OptionGroup var local: LocalOptions

    enum Addition: ExpressibleByArgument, CaseIterable, Sendable {
        case one(KubernetesAddition)
        case all

        static var allCases: [Addition] { KubernetesAddition.allCases.map(Addition.one) + [.all] }
        static var allValueStrings: [String] { allCases.map(\.defaultValueDescription) }

        init?(argument: String) {
            guard let found = Self.allCases.first(where: { $0.defaultValueDescription == argument }) else { return nil }
            self = found
        }

        var values: Set<KubernetesAddition> {
            switch self {
            case .one(let addition): [addition]
            case .all: Set(KubernetesAddition.allCases)
            }
        }

        var defaultValueDescription: String {
            switch self {
            case .one(let addition): addition.rawValue
            case .all: "all"
            }
        }
    }

    enum What: ExpressibleByArgument, CaseIterable, Sendable {
        case scaffold(Rendering)
        case node(NodeFiles.Part)

        static var allCases: [What] { Rendering.allCases.map(What.scaffold) + NodeFiles.Part.allCases.map(What.node) }
        static var allValueStrings: [String] { allCases.map(\.defaultValueDescription) }

        init?(argument: String) {
            guard let found = Self.allCases.first(where: { $0.defaultValueDescription == argument }) else { return nil }
            self = found
        }

        var defaultValueDescription: String {
            switch self {
            case .scaffold(let rendering): rendering.rawValue
            case .node(let part): part.rawValue
            }
        }
    }

    func validate() throws {
        try local.refuseServer("render", "it uses the configuration on this machine")
        if socket, what.defaultValueDescription != Rendering.slackManifest.rawValue {
            throw ValidationError("--socket is for slack-manifest only")
        }
        if !redis, what.defaultValueDescription != Rendering.compose.rawValue {
            throw ValidationError("--no-redis is for compose only")
        }
        if let user {
            guard what.defaultValueDescription == NodeFiles.Part.sudoers.rawValue else {
                throw ValidationError("--user is for sudoers only")
            }
            do { _ = try TypedValue.user.check(user, field: "user") } catch {
                throw ValidationError("--user: \(error)")
            }
        }
        if cluster.cluster != nil, !isOfCluster {
            throw ValidationError(
                "\(what.defaultValueDescription) is for all clusters together: --cluster is not for it")
        }
        try validateInstall()
        try validateServer()
    }

    private func validateServer() throws {
        let name = what.defaultValueDescription
        if case .scaffold(let rendering) = what, rendering.isOfServer, app != nil {
            throw ValidationError("\(name) is for all apps together: name none")
        }
        if let program {
            guard name == Rendering.systemd.rawValue else { throw ValidationError("--program is for systemd only") }
            guard program.hasPrefix("/"), !program.contains(where: { $0.isWhitespace || $0 == "%" }) else {
                throw ValidationError("--program has to be an absolute path without white space")
            }
        }
        if let runbooks {
            guard name == Rendering.alerts.rawValue else { throw ValidationError("--runbooks is for alerts only") }
            guard !runbooks.contains(where: { $0.isWhitespace || "'\"#{}".contains($0) }) else {
                throw ValidationError("--runbooks has to be the address of a page, without a place in it")
            }
        }
    }

    private func validateInstall() throws {
        let name = what.defaultValueDescription
        let isInstall = name == Rendering.install.rawValue
        if !additions.isEmpty, name != Rendering.kubernetes.rawValue, !isInstall {
            throw ValidationError("--with is for kubernetes and install only")
        }
        if isInstall, additions.contains(where: { !$0.values.contains(.networkPolicy) }) {
            throw ValidationError("for install there is only --with network-policy")
        }
        if isInstall, app != nil { throw ValidationError("install is for all apps together: name none") }
        guard let image else { return }
        guard isInstall else { throw ValidationError("--image is for install only") }
        do { _ = try ImageReference(image) } catch { throw ValidationError("--image: \(error)") }
    }

    /// Whether it is for one cluster or its nodes.
    private var isOfCluster: Bool {
        switch what {
        case .scaffold(let rendering): rendering.isOfCluster
        case .node: true
        }
    }

    private var isOfServer: Bool {
        guard case .scaffold(let rendering) = what else { return false }
        return rendering.isOfServer
    }

    func perform() async throws -> ExitStatus {
        let (whole, written) = try Configuration.loadWithText(
            file: try ConfigurationFile.locate(explicit: local.config))
        let app = try app.map { try whole.app($0) }
        let configuration =
            isOfCluster
            ? try cluster.narrowed(whole, app: app, for: "viridian render \(what.defaultValueDescription)") : whole
        let apps = app.map { [$0] } ?? configuration.apps
        guard !apps.isEmpty || isOfServer else {
            let place = configuration.clusters.first?.name.map { " in cluster \($0)" } ?? ""
            throw Refusal("no app is configured\(isOfCluster ? place : "") yet: `viridian app add NAME` adds one")
        }
        let files: [RenderedFile]
        let text: String
        switch what {
        case .scaffold(let rendering):
            // On standard output a pipeline is one text, in a folder it can have its script beside it.
            var options = RenderingOptions(
                scripts: folder == nil ? .embedded : .beside, isSocketMode: socket, hasRedis: redis)
            options.additions = additions.reduce(into: []) { $0.formUnion($1.values) }
            options.image = image ?? "viridian:\(Viridian.version)"
            options.written = written
            if let program { options.program = program }
            if let runbooks { options.runbooks = runbooks }
            if rendering == .salt {
                // One program for all apps, whichever of them are rendered.
                options.node = try await NodeFiles(nodes: configuration.nodes, apps: configuration.apps).program
            }
            files = try rendering.files(configuration, apps: apps, options: options)
            let backends = configuration.nodes.backends
            if [.nginx, .salt].contains(rendering), backends.contains(NodesConfiguration.placeholder) {
                printError(
                    "viridian: nodes.backends is \(backends), a different directory for each node: the files are named for "
                        + "/etc/nginx/backends.d; put them into each node's directory")
            }
            if [.jenkins, .gitlab, .github].contains(rendering), configuration.server.url == nil {
                printError(
                    "viridian: server.url is not configured: the pipeline calls http://\(configuration.server.listen); "
                        + "set server.url, or VIRIDIAN_SERVER in the CI")
            }
            text = rendering.text(files)
        case .node(let part):
            let file = try await NodeFiles(nodes: configuration.nodes, apps: apps, localUser: user).file(part)
            files = [file]
            text = file.text
        }
        guard let folder else {
            printText(text)
            return .done
        }
        let parent = folder.hasSuffix("/") ? folder : folder + "/"
        for file in files {
            let path = parent + file.path
            let isNew = try NewFile.write(file.text, to: path, mode: file.mode)
            printLine("\(path): \(isNew ? "written" : "exists, not changed")")
        }
        return .done
    }
}
