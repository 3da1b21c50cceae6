import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// What `adopt` prints: a table of what was found, what Viridian does differently, what it does not understand.
struct AdoptionView: Sendable, Encodable {
    struct File: Sendable, Encodable {
        enum State: String, Sendable, Encodable {
            case written
            /// It exists and says the same.
            case agrees
            /// It exists, says something else, and was not changed.
            case differs
            /// Only shown.
            case shown
        }

        var path: String
        var state: State
        var text: String
        var differences: [AdoptionDifference]
    }

    struct ColorState: Sendable, Encodable {
        var color: Color
        /// `ReplicationController blog-blue`; `nil`: it has none.
        var workload: String?
        var version: String?
        var image: String?
        var replicas: Int?
        var ready: Int?
        var nodePort: Int
        /// Whether all nodes route to it.
        var live: Bool
    }

    struct NodeState: Sendable, Encodable {
        var address: String
        /// `blue`, `green`, `both`, `neither`; `nil`: not known.
        var routesTo: String?
        var upstream: String?
        /// The file of nginx's configuration that has the upstream.
        var file: String?
        var problem: String?
    }

    var app: String
    var namespace: String
    /// The colour that all nodes route to.
    var live: Color?
    var colors: [ColorState]
    var nodes: [NodeState]
    var differences: [AdoptionRemark]
    var notUnderstood: [AdoptionRemark]
    /// What is to be done before a release can start.
    var beforeFirstRelease: [AdoptionRemark]
    var file: File
    /// The next commands.
    var next: [String]

    init(_ adoption: Adoption, file: File) {
        let app = adoption.app
        self.app = app.name.text
        namespace = app.namespace
        live = adoption.live
        colors = Color.allCases.map { color in
            let workload = adoption.facts.workload(color)
            let container = workload?.containers.first { $0.repository == app.image.name } ?? workload?.containers.first
            return ColorState(
                color: color, workload: workload?.title, version: container?.version, image: container?.image,
                replicas: workload?.replicas, ready: workload?.ready, nodePort: adoption.services.port(color),
                live: adoption.live == color)
        }
        nodes =
            adoption.nodes.map { node in
                NodeState(
                    address: node.address, routesTo: node.upstream == nil ? nil : node.routesTo,
                    upstream: node.upstream?.name, file: node.upstream?.file,
                    problem: node.inspection.isAccepted == true ? nil : node.inspection.whyUnread)
            } + adoption.facts.failures.map { NodeState(address: $0.node.address, problem: "\($0.reason)") }
        differences = adoption.differences
        notUnderstood = adoption.unknowns
        beforeFirstRelease = adoption.obstacles
        self.file = file
        next = ["viridian check", "viridian deploy \(app.name) --version VERSION --dry-run"]
    }

    var lines: [String] {
        let counted = counted(nodes.count, "node")
        var lines = ["\(app): read from namespace \(namespace) and \(counted); nothing was changed there", ""]
        lines +=
            Table(
                ["COLOUR", "NODEPORT", "WORKLOAD", "VERSION", "READY", ""],
                colors.map { color in
                    let ready = color.ready.flatMap { ready in color.replicas.map { "\(ready) of \($0)" } }
                    return [
                        color.color.rawValue, "\(color.nodePort)", color.workload ?? "-",
                        color.version ?? (color.workload == nil ? "-" : "?"), ready ?? "-", color.live ? "live" : "",
                    ]
                }
            ).lines
        lines.append("")
        lines +=
            Table(
                ["NODE", "ROUTES TO", "UPSTREAM", "FILE"],
                nodes.map { [$0.address, $0.routesTo ?? "-", $0.upstream ?? "-", $0.file ?? $0.problem ?? "-"] }
            ).lines
        lines += section("What Viridian does differently from a tool like the article's:", differences)
        lines += section("What it does not understand, or does not follow:", notUnderstood)
        lines += section("Before the first release:", beforeFirstRelease)
        return lines + ["", fileLine] + file.differences.map { "  \($0.text)" }
    }

    private func section(_ title: String, _ remarks: [AdoptionRemark]) -> [String] {
        remarks.isEmpty ? [] : ["", title] + remarks.map { "  - \($0.text)" }
    }

    private var fileLine: String {
        switch file.state {
        case .written: "\(file.path): written"
        case .agrees: "\(file.path): exists, not changed; it says the same"
        case .differs:
            "\(file.path): exists, not changed; it says something else (viridian adopt \(app) --print shows what it would be)"
        case .shown: "\(file.path): not written"
        }
    }

    /// The lines after the file's.
    var nextLines: [String] { ["Next: " + next[0]] + next.dropFirst().map { "      " + $0 } }
}
