import ArgumentParser
import Controller
import Foundation
import Scaffold
import ViridianConfiguration

struct RenderCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Write what the cluster, the nodes and the build need, from the configuration.",
        discussion: """
            kubernetes    namespace and services of an app, to apply before its first release
            rbac          the account that releases, with the rights that it needs; in the namespace viridian
            nginx         the upstream file and the virtual hosts of an app
            salt          states that seed the nodes with these files
            terraform     load balancer and DNS names
            compose       a docker-compose.yml for developers
            dockerfile    a Dockerfile to begin with
            jenkins       a Jenkinsfile that builds, pushes and releases
            gitlab        the same as a .gitlab-ci.yml
            sudoers       what the nodes' sudo has to allow
            viridian-node the program for nodes whose key may do nothing else
            node.conf     what that program may do
            slack-manifest  the Slack app

            Nothing is applied or overwritten: it goes to standard output, or with --to into new files.
            """
    )

    @Argument(help: "What to write.") var what: What
    @Argument(help: "The app; all of them when it is left out.", completion: .app) var app: String?
    @Option(help: ArgumentHelp("Write files below this folder instead.", valueName: "folder")) var to: String?
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
        try local.refuseServer("render", "it writes from the configuration on this machine")
    }

    func perform() async throws -> ExitStatus {
        let configuration = try Configuration.load(file: try ConfigurationFile.locate(explicit: local.config))
        let apps = try app.map { [try configuration.app($0)] } ?? configuration.apps
        guard !apps.isEmpty else { throw Refusal("no app is configured yet: `viridian app add NAME` adds one") }
        let files: [RenderedFile]
        let text: String
        switch what {
        case .scaffold(let rendering):
            files = try rendering.files(configuration, apps: apps)
            let backends = configuration.nodes.backends
            if [.nginx, .salt].contains(rendering), backends.contains(NodesConfiguration.placeholder) {
                complain(
                    "viridian: nodes.backends is \(backends), another directory on each node: the files are named for "
                        + "/etc/nginx/backends.d, put them where each node has its own")
            }
            text = rendering.text(files)
        case .node(let part):
            let file = try await NodeFiles(nodes: configuration.nodes, apps: apps).file(part)
            files = [file]
            text = file.text
        }
        guard let to else {
            put(text)
            return .done
        }
        for file in files {
            let path = "\(to)/\(file.path)"
            let isNew = try NewFile.write(file.text, to: path, mode: file.mode)
            say("\(path): \(isNew ? "written" : "left as it is")")
        }
        return .done
    }
}

/// Files that are written where there are none.
enum NewFile {
    /// Whether it was written: one that is there already stays as it is. `mode` are its permissions where they matter.
    /// - Throws: `Refusal` when it cannot be written.
    static func write(_ text: String, to path: String, mode: Int? = nil) throws -> Bool {
        let url = URL(fileURLWithPath: path)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            guard !FileManager.default.fileExists(atPath: path) else { return false }
            try Data(text.utf8).write(to: url, options: .withoutOverwriting)
            if let mode { try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path) }
            return true
        } catch CocoaError.fileWriteFileExists {
            return false
        } catch {
            throw Refusal("\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}
