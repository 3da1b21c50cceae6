import Nginx

/// What a node has of an app that Viridian does not know yet.
package struct NodeInspection: Sendable, Hashable {
    /// A directory of static files: `releases/…` and a link `current` to one of them.
    package struct StaticFiles: Sendable, Hashable {
        package var path: String
        /// How many releases it holds.
        package var releases: Int
        /// The target of `current`; `nil`: there is no such link.
        package var current: String?

        package init(path: String, releases: Int, current: String?) {
            self.path = path
            self.releases = releases
            self.current = current
        }
    }

    package var node: Node
    /// `<backends>/<app>.conf`, with links resolved; the file need not exist.
    package var path: String
    package var hasFile: Bool
    /// Whether an nginx master process runs.
    package var isRunning: Bool
    /// Whether nginx's workers have loaded the file.
    package var loaded: NodeReport.Loaded
    /// `nginx version: nginx/1.22.1`.
    package var nginx: String
    /// Whether nginx accepts its configuration; `nil`: `nodes.test` is not a form of `nginx -t`, and the configuration was not read.
    package var isAccepted: Bool?
    /// What nginx said, if it does not.
    package var messages: [String]
    package var configuration: LoadedConfiguration
    /// How many lines of a very long configuration were left out.
    package var linesLeftOut: Int
    /// The path of `deploy-<app>`.
    package var deployProgram: String?
    /// The first s3:// address in that program.
    package var deploySource: String?
    /// Of all apps.
    package var staticFiles: [StaticFiles]

    package init(
        node: Node, path: String, hasFile: Bool = true, isRunning: Bool = true, loaded: NodeReport.Loaded = .yes,
        nginx: String = "", isAccepted: Bool? = true, messages: [String] = [], configuration: LoadedConfiguration,
        linesLeftOut: Int = 0, deployProgram: String? = nil, deploySource: String? = nil,
        staticFiles: [StaticFiles] = []
    ) {
        self.node = node
        self.path = path
        self.hasFile = hasFile
        self.isRunning = isRunning
        self.loaded = loaded
        self.nginx = nginx
        self.isAccepted = isAccepted
        self.messages = messages
        self.configuration = configuration
        self.linesLeftOut = linesLeftOut
        self.deployProgram = deployProgram
        self.deploySource = deploySource
        self.staticFiles = staticFiles
    }
}

extension NodeInspection {
    /// From the facts of the node script's `inspect`. A node is not trusted: what is not in the expected form is left out.
    init(node: Node, app: String, _ facts: Facts) {
        self.init(
            node: node,
            path: facts["path"] ?? app,
            hasFile: facts["file"] == "present",
            isRunning: facts.number("master") != nil,
            loaded: facts["loaded"].flatMap(NodeReport.Loaded.init) ?? .unknown,
            nginx: facts["nginx"] ?? "",
            isAccepted: facts["test"].flatMap { $0 == "unknown" ? nil : $0 == "ok" },
            messages: facts["test"] == "failed" ? facts.messages : [],
            configuration: LoadedConfiguration(files: Self.files(facts.all("conf"))),
            linesLeftOut: facts.count("cut") ?? 0,
            deployProgram: facts["program"].flatMap { $0.isPath ? $0 : nil },
            deploySource: facts["source"].flatMap { source in
                let isPrintable = source.unicodeScalars.allSatisfy { $0.isASCII && $0.value > 32 && $0.value < 127 }
                return isPrintable && source.count > "s3://".count ? source : nil
            },
            staticFiles: facts.all("static").compactMap { fact in
                let parts = fact.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
                guard parts.count == 3, let count = Int(nodeCount: parts[0]), parts[2].isPath else { return nil }
                return StaticFiles(
                    path: String(parts[2]), releases: count, current: parts[1].isEmpty ? nil : String(parts[1]))
            }
        )
    }

    /// `0`, a tab, a path; then for each of its lines its number, a tab, its text.
    private static func files(_ facts: [String]) -> [LoadedConfiguration.File] {
        var files: [LoadedConfiguration.File] = []
        for fact in facts {
            guard let tab = fact.firstIndex(of: "\t"), let number = Int(nodeCount: fact[..<tab]) else { continue }
            let text = String(fact[fact.index(after: tab)...])
            if number == 0, text.isPath {
                files.append(LoadedConfiguration.File(path: text))
            } else if (1...1_000_000).contains(number), !files.isEmpty {
                files[files.count - 1].lines.append((number, text))
            }
        }
        return files
    }
}

extension StringProtocol {
    /// An absolute path without control and formatting characters.
    fileprivate var isPath: Bool {
        hasPrefix("/")
            && unicodeScalars.allSatisfy {
                switch $0.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: false
                default: true
                }
            }
    }
}

extension Fleet {
    /// What each node has of an app that Viridian does not know yet, in the nodes' order. Nothing on a node is changed.
    package func inspect(app: String, on nodes: [Node]) async throws -> [Result<NodeInspection, NodeFailure>] {
        try await withThrowingTaskGroup(of: (Int, Result<NodeInspection, NodeFailure>).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask { (index, try await inspect(app: app, on: node)) }
            }
            return try await group.reduce(into: [(Int, Result<NodeInspection, NodeFailure>)]()) { $0.append($1) }
                .sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func inspect(app: String, on node: Node) async throws -> Result<NodeInspection, NodeFailure> {
        do {
            // Its upstream is what is looked for.
            let unknown = Upstream(app: app, name: app, bluePort: 0, greenPort: 0)
            return .success(
                NodeInspection(node: node, app: app, try await converse("inspect", of: unknown, with: node)))
        } catch let failure as NodeFailure {
            return .failure(failure)
        }
    }
}
