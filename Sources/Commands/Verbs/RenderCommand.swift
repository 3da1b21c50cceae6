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
            kubernetes    namespace and services of an app, to apply before its first release
            rbac          the service account for releases with its rights, in namespace viridian
            nginx         the upstream file and the virtual hosts of an app
            salt          states that put these files on the nodes
            terraform     load balancer and DNS names
            compose       a docker-compose.yml for developers
            dockerfile    a first Dockerfile
            jenkins       a Jenkinsfile that builds, tests, pushes and releases
            gitlab        a .gitlab-ci.yml that does the same
            github        a workflow of GitHub Actions that does the same
            sudoers       the sudo rules for the nodes
            viridian-node the program for the nodes, the only one that their SSH key may run
            node.conf     the configuration of viridian-node: what it may do
            slack-manifest  the Slack app; with --socket, or where server.url is not https, for Socket Mode: nothing has to reach the server

            Nothing is applied or overwritten: the output goes to standard output, or with --into into new files.
            """
    )

    @Argument(help: "What to write.") var what: What
    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Option(
        // --to is what it was called first.
        name: [.customLong("into"), .customLong("to")],
        help: ArgumentHelp("Write files below this folder instead.", valueName: "folder"))
    var folder: String?
    @Flag(help: "For slack-manifest: use Socket Mode, in which the server connects to Slack.") var socket = false
    @OptionGroup var local: LocalOptions

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
    }

    func perform() async throws -> ExitStatus {
        let configuration = try Configuration.load(file: try ConfigurationFile.locate(explicit: local.config))
        let apps = try app.map { [try configuration.app($0)] } ?? configuration.apps
        guard !apps.isEmpty else { throw Refusal("no app is configured yet: `viridian app add NAME` adds one") }
        let files: [RenderedFile]
        let text: String
        switch what {
        case .scaffold(let rendering):
            // On standard output a pipeline is one text, in a folder it can have its script beside it.
            let options = RenderingOptions(scripts: folder == nil ? .embedded : .beside, isSocketMode: socket)
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
            let file = try await NodeFiles(nodes: configuration.nodes, apps: apps).file(part)
            files = [file]
            text = file.text
        }
        guard let folder else {
            printText(text)
            return .done
        }
        for file in files {
            let path = "\(folder)/\(file.path)"
            let isNew = try NewFile.write(file.text, to: path, mode: file.mode)
            printLine("\(path): \(isNew ? "written" : "exists, not changed")")
        }
        return .done
    }
}
