import Controller
import ReleaseMachine

/// The diagram of an app's traffic: the nodes, both colours, and how many nodes route to each.
struct TrafficDiagram {
    private let app: AppView
    private let latest: Release?
    private let nodes: [(address: String, color: Color?, isBad: Bool)]
    /// The newest release, unless it has ended.
    private var running: Release? { latest.flatMap { $0.state.hasEnded ? nil : $0 } }

    init(_ app: AppView, latest: Release?) {
        self.app = app
        self.latest = latest
        // A running release has newer readings than the last check.
        if let latest, !latest.state.hasEnded, !latest.nodes.isEmpty {
            nodes = latest.nodes.map { ($0.address, $0.color, $0.state == .failed || $0.state == .unreachable) }
        } else {
            let drifted = Set(app.drifted)
            nodes = app.nodes.map { ($0.address, $0.color, drifted.contains($0.address)) }
        }
    }

    func fill(_ model: inout PageValues, now: Timestamp) {
        fillColors(&model, now: now)
        model["nodeCount"] = areNodesUnknown ? "nodes" : counted(nodes.count, "node")
        model["strip"] = nodes.prefix(400).map { node in
            PageValues {
                $0["class"] = node.isBad ? "bad" : node.color?.rawValue ?? "none"
                $0["title"] = "\(node.address): \(node.color.map { "routes to \($0)" } ?? "unknown")"
            }
        }
        model["routing"] = routing
        model["trafficError"] = app.problem.map { problem in
            app.seenAt == nil
                ? "What is live is unknown: the cluster or the nodes could not be read since this server started. \(problem)"
                : "The last known state: the cluster or the nodes cannot be read now. \(problem)"
        }
    }

    /// Only the colours, for lists of apps.
    func fillColors(_ model: inout PageValues, now: Timestamp) {
        model["colors"] = Color.allCases.map { values(of: $0, now: now) }
    }

    /// Nothing has told which nodes there are.
    private var areNodesUnknown: Bool { nodes.isEmpty && app.seenAt == nil }

    /// `2 nodes: all route to green`
    var summary: String {
        areNodesUnknown ? "nodes: \(routing)" : "\(counted(nodes.count, "node")): \(routing)"
    }

    /// `11 to green, 8 to blue, 1 unknown`
    var routing: String {
        if areNodesUnknown { return app.problem == nil ? "not read yet" : "unknown, they could not be read" }
        if nodes.isEmpty { return "the inventory is empty" }
        let colors = Color.allCases.map { color in (color, nodes.count { $0.color == color }) }.filter { $0.1 > 0 }
        let unknown = nodes.count { $0.color == nil }
        let bad = nodes.count { $0.isBad && $0.color != nil }
        var parts =
            colors.count == 1 && unknown == 0 ? ["all route to \(colors[0].0)"] : colors.map { "\($0.1) to \($0.0)" }
        if unknown > 0 { parts.append("\(unknown) unknown") }
        if bad > 0 { parts.append("\(bad) \(running == nil ? "drifted" : "failed or unreachable")") }
        return parts.joined(separator: ", ")
    }

    private func values(of color: Color, now: Timestamp) -> PageValues {
        let workload = app.colors[color.rawValue]
        let isCandidate = running?.candidate == color && running?.recorded != color
        let isLive = (running?.recorded ?? app.live?.color) == color
        var version = workload?.version
        var ready = workload?.ready ?? 0
        var replicas = workload?.replicas ?? 0
        var release = workload?.release
        if isCandidate, let running, running.phase > .creating {
            version = running.order.version
            release = running.order.number
            if let pods = running.pods { (ready, replicas) = (pods.ready, pods.desired) }
        }
        // The cluster's numbers are not validated.
        (ready, replicas) = (max(0, ready), max(0, replicas))
        let routed = nodes.count { $0.color == color }
        return PageValues {
            $0["color"] = color.rawValue
            $0["isUp"] = version != nil
            $0["unknown"] =
                version != nil || app.seenAt != nil
                ? nil : app.problem == nil ? "not read yet" : "unknown: the cluster could not be read"
            $0["isLive"] = isLive
            $0["isCandidate"] = isCandidate
            if areNodesUnknown { $0["routed"] = "?" } else { $0["routed"] = routed }
            $0["routedUnit"] = routed == 1 ? "node" : "nodes"
            $0["isRouted"] = routed > 0
            $0["version"] = version
            $0["ready"] = ready
            $0["replicas"] = replicas
            $0["isShort"] = ready < replicas
            $0["hasDots"] = replicas > 0 && replicas <= 40
            $0["dots"] = (0..<min(replicas, 40)).map { index in PageValues { $0["class"] = index < ready ? "ok" : nil }
            }
            $0["release"] = release.map { number in
                PageValues {
                    $0["name"] = "\(app.app)/\(number)"
                    $0["href"] = "/apps/\(app.app)/releases/\(number)"
                }
            }
            $0["origin"] =
                origin(release, now: now) ?? (release == nil && version != nil ? "not created by Viridian" : nil)
        }
    }

    private func origin(_ number: Int?, now: Timestamp) -> String? {
        guard let latest, latest.order.number == number else { return nil }
        return ", by \(latest.order.requestedBy), \(DisplayText.ago(latest.createdAt, now: now)) ago"
    }
}
