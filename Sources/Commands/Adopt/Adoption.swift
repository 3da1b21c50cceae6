import Controller
import Fleet
import Nginx
import ReleaseMachine
import Scaffold
import TextTemplates
import ViridianConfiguration
import Workloads

/// The configuration of an app that runs already, made from what was read of it. Pure.
struct Adoption: Sendable {
    let facts: AdoptionFacts
    let services: AdoptedServices
    let nodes: [AdoptedNode]
    let image: AdoptedImage
    private(set) var app: AppConfiguration
    /// Where each value was found, by key of the configuration.
    private(set) var origins: [String: String] = [:]
    /// For the end of the app's file.
    private(set) var comments: [String] = []

    /// - Throws: `Refusal` where the app cannot be adopted, with why and what to do.
    init(_ facts: AdoptionFacts) throws(Refusal) {
        self.facts = facts
        let services = try AdoptedServices(facts)
        self.services = services
        let settings = facts.settings
        nodes = facts.nodes.map {
            let backends = settings.backends.replacing(NodesConfiguration.placeholder, with: $0.node.address)
            return AdoptedNode($0, services, backends: backends)
        }
        image = try AdoptedImage(facts, services, serving: Self.serving(facts, nodes))
        do {
            app = try AppConfiguration(
                app: facts.app.text,
                cluster: facts.cluster,
                namespace: facts.namespace,
                ports: .init(container: image.port, blue: services.ports.blue, green: services.ports.green),
                image: image.repository,
                containers: image.containers,
                workload: image.workload.flatMap { .init(rawValue: $0.kind) } ?? .replicationController,
                replicas: max(1, image.workload?.replicas ?? 1),
                upstream: services.upstream
            )
        } catch {
            throw Refusal("\(error)")
        }
        describeCluster()
        try describeNginx()
        describeFiles()
    }

    /// The colour that all nodes route to; `nil` where they disagree or route to none.
    var live: Color? {
        let colors = Set(nodes.filter { $0.upstream != nil }.map(\.color))
        return colors.count == 1 ? colors.first ?? nil : nil
    }

    /// The colours that nodes route to, the one of most nodes first; of equals, the one with more ready pods.
    private static func serving(_ facts: AdoptionFacts, _ nodes: [AdoptedNode]) -> [Color] {
        func rank(_ color: Color) -> (Int, Int) {
            (nodes.count { $0.color == color }, facts.workload(color)?.ready ?? -1)
        }
        return Color.allCases.sorted { rank($0) > rank($1) }
    }

    /// The app's file.
    var text: String { AdoptedAppFile(app, origins: origins, comments: comments).text }

    // MARK: - Values

    private mutating func describeCluster() {
        let names = Color.allCases.compactMap { services.services[$0]?.name }
        origins["namespace"] = "where \(names.joined(separator: " and ")) are"
        origins["ports"] = "of \(names.count == 1 ? "service" : "services") \(names.joined(separator: " and "))"
        origins["image"] = image.origin
        if let workload = image.workload {
            origins["workload"] = "\(workload.name)"
            origins["replicas"] = "of \(workload.name); used only while no colour is live"
        }
        if image.containers != nil { origins["containers"] = "those that get a release's image" }
    }

    private mutating func describeNginx() throws(Refusal) {
        if let upstream = nodes.lazy.compactMap(\.upstream).first {
            origins["upstream"] = "in \(upstream.file)"
        }
        let hosts = nodes.flatMap { $0.hosts(services.upstream) }
        let targets = hosts.flatMap { $0.targets(services.upstream) }
        if let other = targets.first(where: { $0.pass != .http && $0.pass != .fastcgi }) {
            throw Refusal(
                "nginx passes requests of \(facts.app) by \(other.pass.rawValue) (\(other.place)); Viridian asks a candidate by HTTP "
                    + "or FastCGI before it switches, and cannot ask this one")
        }
        if let fastcgi = targets.first(where: { $0.pass == .fastcgi }) {
            app.protocol = .fastcgi
            origins["protocol"] = "\(fastcgi.pass.rawValue) in \(fastcgi.place)"
        } else if let http = targets.first {
            origins["protocol"] = "\(http.pass.rawValue) in \(http.place)"
        }
        app.hosts = hosts.flatMap(\.names).map { $0.lowercased() }.filter(Self.isHost).unique
        origins["hosts"] = hosts.first.map { "server_name in \($0.file), line \($0.line)" }
        let previews = nodes.flatMap { $0.hosts(UpstreamFile.previewName(of: services.upstream)) }
        if let preview = previews.first, let name = preview.names.first(where: Self.isHost),
            !app.hosts.contains(name.lowercased())
        {
            app.preview = name.lowercased()
            origins["preview"] = "server_name in \(preview.file), line \(preview.line)"
        }
        let mentions = nodes.flatMap(\.mentions)
        app.allowDirect = mentions.map(\.file).unique
        origins["allowDirect"] = mentions.first.map { "\($0.text) on line \($0.line) does not follow a switch" }
    }

    private mutating func describeFiles() {
        let programs = facts.nodes.compactMap(\.deployProgram).unique
        if let program = programs.first {
            app.postDeploy = .init(command: program)
            origins["postDeploy"] = "runs on every node before the switch, as it did"
        }
        guard let files = staticFiles else { return }
        let keep = facts.nodes.flatMap(\.staticFiles).filter { $0.path == files.path }.map(\.releases).max() ?? 0
        let source = facts.nodes.lazy.compactMap(\.deploySource).first
        let hint = source.map { " (\(programs.first ?? "the deploy program") fetches \($0))" } ?? ""
        comments.append("Static files are in \(files.path): \(keep) releases, `current` is one of them\(hint).")
        comments.append(
            "Viridian can bring them itself, a release's own ones, also on the way back. Then, instead of postDeploy:")
        let bucket = source?.dropFirst("s3://".count).prefix { $0 != "/" } ?? "BUCKET"
        comments.append(
            "artifact: {from: \"s3://\(bucket)/\(facts.app)/{version}.tgz\", to: \(files.path), keep: \(max(keep, 1))}")
    }

    /// The directory of static files below which a virtual host of the app has its root.
    var staticFiles: NodeInspection.StaticFiles? {
        let roots = facts.nodes.flatMap { node in
            node.configuration.http.filter { entry in
                entry.name == "server" && entry.all.contains { $0.arguments.contains { isTarget($0) } }
            }.flatMap(\.all).filter { ["root", "alias"].contains($0.name) }.compactMap(\.arguments.first)
        }
        return facts.nodes.flatMap(\.staticFiles).first { files in
            roots.contains { $0.hasPrefix(files.path + "/current") }
        }
    }

    private func isTarget(_ argument: String) -> Bool {
        argument == services.upstream || argument.hasSuffix("://" + services.upstream)
            || argument.contains("://\(services.upstream)/")
    }

    /// Whether `hosts` of an app's file takes it: a DNS name, or one with a leading `*.`. nginx's names can also be `_`, a regular
    /// expression or a pattern.
    static func isHost(_ name: String) -> Bool {
        let labels = (name.hasPrefix("*.") ? name.dropFirst(2) : name[...]).lowercased()
            .split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-".utf8.contains($0) }
            }
    }
}

extension Array where Element: Hashable {
    /// Each element once, in their order.
    var unique: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
