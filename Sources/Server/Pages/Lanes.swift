import Controller
import ReleaseMachine

/// The picture of an app at a moment: the nodes, the two lanes, and how many nodes route to which.
struct Lanes {
    private let app: AppView
    private let latest: Release?
    private let nodes: [(address: String, color: Color?, isBad: Bool)]
    /// The release that is under way, if one is.
    private var running: Release? { latest.flatMap { $0.state.hasEnded ? nil : $0 } }

    init(_ app: AppView, latest: Release?) {
        self.app = app
        self.latest = latest
        // While a release runs it knows better than the last look, because it was there.
        if let latest, !latest.state.hasEnded, !latest.nodes.isEmpty {
            nodes = latest.nodes.map { ($0.address, $0.color, $0.state == .failed || $0.state == .unreachable) }
        } else {
            let astray = Set(app.astray)
            nodes = app.nodes.map { ($0.address, $0.color, astray.contains($0.address)) }
        }
    }

    func fill(_ model: inout Model, now: Timestamp) {
        fillLanes(&model, now: now)
        model["nodeCount"] = counted(nodes.count, "node")
        model["strip"] = nodes.prefix(400).map { node in
            Model {
                $0["class"] = node.isBad ? "bad" : node.color?.rawValue ?? "none"
                $0["title"] = "\(node.address): \(node.color.map { "routes to \($0)" } ?? "not known")"
            }
        }
        model["nodeWords"] = nodeWords
        model["lanesTrouble"] = app.trouble.map { "As it was: cluster and nodes cannot be looked at now. \($0)" }
    }

    /// The lanes alone, for lists of apps.
    func fillLanes(_ model: inout Model, now: Timestamp) {
        model["lanes"] = Color.allCases.map { lane($0, now: now) }
    }

    /// `11 to green, 8 to blue, 1 not known`
    var nodeWords: String {
        if nodes.isEmpty { return app.seenAt == nil ? "not looked at yet" : "the inventory is empty" }
        let colors = Color.allCases.map { color in (color, nodes.count { $0.color == color }) }.filter { $0.1 > 0 }
        let unknown = nodes.count { $0.color == nil }
        let bad = nodes.count { $0.isBad && $0.color != nil }
        var parts =
            colors.count == 1 && unknown == 0 ? ["all route to \(colors[0].0)"] : colors.map { "\($0.1) to \($0.0)" }
        if unknown > 0 { parts.append("\(unknown) not known") }
        if bad > 0 { parts.append("\(bad) not as they should be") }
        return parts.joined(separator: ", ")
    }

    private func lane(_ color: Color, now: Timestamp) -> Model {
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
        // The cluster's numbers are whatever somebody wrote there.
        (ready, replicas) = (max(0, ready), max(0, replicas))
        let routed = nodes.count { $0.color == color }
        return Model {
            $0["color"] = color.rawValue
            $0["isUp"] = version != nil
            $0["isLive"] = isLive
            $0["isCandidate"] = isCandidate
            $0["routed"] = routed
            $0["routedWords"] = routed == 1 ? "node" : "nodes"
            $0["isRouted"] = routed > 0
            $0["version"] = version
            $0["ready"] = ready
            $0["replicas"] = replicas
            $0["isShort"] = ready < replicas
            $0["hasDots"] = replicas > 0 && replicas <= 40
            $0["dots"] = (0..<min(replicas, 40)).map { index in Model { $0["class"] = index < ready ? "ok" : nil } }
            $0["release"] = release.map { number in
                Model {
                    $0["name"] = "\(app.app)/\(number)"
                    $0["href"] = "/apps/\(app.app)/releases/\(number)"
                }
            }
            $0["words"] = words(release, now: now) ?? (release == nil && version != nil ? "not made by Viridian" : nil)
        }
    }

    private func words(_ number: Int?, now: Timestamp) -> String? {
        guard let latest, latest.order.number == number else { return nil }
        return ", by \(latest.order.requestedBy), \(Words.ago(latest.createdAt, now: now)) ago"
    }
}
