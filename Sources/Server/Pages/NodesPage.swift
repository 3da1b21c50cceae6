import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

extension Pages {
    /// `/nodes`: the colour that each node routes to, for every app; drifted nodes come first.
    @Sendable func showNodes(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        var page = NodesPage(now: services.clock.now)
        page.query = request.uri.queryParameters["q"].map(String.init)?.removingPercentEncoding
        for app in services.apps.configurations where identity.sees(app.name.text) {
            let name = app.name.text
            let latest = await services.appStates.latest(name)
            let failure = await services.appStates.failure(name)
            if let observation = await services.appStates.observation(name) {
                page.add(observation, of: name, in: app.cluster, isReleasing: latest?.state.hasEnded == false)
                if let problem = failure.problem { page.outdated.append((name, problem)) }
            } else {
                page.add(unread: failure.readings, of: name, in: app.cluster, problem: failure.problem)
            }
        }
        return respond(page.page, request, context)
    }
}

struct NodesPage {
    /// Two clusters may have nodes of one address.
    private struct NodeName: Hashable {
        var cluster: String?
        var address: String
    }

    private struct Node {
        var routes: [Color: Int] = [:]
        var drift: [(app: String, color: Color?, message: String)] = []
        /// Of apps of which nothing is live yet.
        var new: [(app: String, color: Color?, message: String)] = []
        var isUnreachable = false
        /// What is live of an app that it routes was never read.
        var isUnknown = false
    }

    var now: Timestamp
    var query: String?
    /// Apps whose cluster or nodes were never read, with the error of the last check, if any.
    private(set) var unread: [(app: String, problem: String?)] = []
    /// Apps that were read, and could not be read again.
    var outdated: [(app: String, problem: String)] = []
    private var nodes: [NodeName: Node] = [:]
    /// In the configuration's order.
    private var clusters: [String?] = []
    private var apps = 0
    private var oldest: Timestamp?

    init(now: Timestamp) {
        self.now = now
    }

    /// No node counts as drifted while the app is releasing: the nodes are switching then.
    mutating func add(_ observation: AppObservation, of app: String, in cluster: String? = nil, isReleasing: Bool) {
        apps += 1
        if !clusters.contains(cluster) { clusters.append(cluster) }
        oldest = min(oldest ?? observation.at, observation.at)
        let live = observation.survey.recorded?.color
        for reading in observation.readings {
            let route = NodeRoute(app: app, reading: reading, live: live)
            let name = NodeName(cluster: cluster, address: reading.node)
            var node = nodes[name] ?? Node()
            if let color = reading.color { node.routes[color, default: 0] += 1 }
            if reading.isUnreachable { node.isUnreachable = true }
            if !isReleasing, let message = drift(route) {
                // It gets the file with the app's first release.
                if route.state == .new, live == nil {
                    node.new.append((app, reading.color, message))
                } else {
                    node.drift.append((app, reading.color, message))
                }
            }
            nodes[name] = node
        }
    }

    /// An app whose cluster was never read, with what its nodes said without it.
    mutating func add(unread readings: [NodeReading], of app: String, in cluster: String?, problem: String?) {
        apps += 1
        unread.append((app, problem))
        if !clusters.contains(cluster) { clusters.append(cluster) }
        for reading in readings {
            let name = NodeName(cluster: cluster, address: reading.node)
            var node = nodes[name] ?? Node()
            if let color = reading.color { node.routes[color, default: 0] += 1 }
            if reading.isUnreachable {
                node.isUnreachable = true
                node.drift.append((app, nil, reading.message ?? "unreachable"))
            } else {
                node.isUnknown = true
            }
            nodes[name] = node
        }
    }

    private func drift(_ route: NodeRoute) -> String? {
        switch route.state {
        case .ok: nil
        case .drifted: route.message ?? "\(route.live?.rawValue ?? "the other colour") is live"
        case .down: route.message ?? "nginx is not running"
        case .edited, .new, .unclear, .unreachable: route.message ?? route.state.rawValue
        }
    }

    var page: Pages.Page {
        let search = (query ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        var model = PageValues()
        model["q"] = search.isEmpty ? nil : search
        model["sub"] =
            "\(counted(nodes.count, "node")), \(counted(apps, "app")); \(state)"
            + (oldest.map { ". Read back \(DisplayText.ago($0, now: now)) ago or less." } ?? ".")
        model["problem"] = problems
        model["hasNodes"] = !nodes.isEmpty
        model["emptyText"] =
            unread.isEmpty
            ? "The inventory has no nodes."
            : unread.contains { $0.problem == nil }
                ? "The nodes are being read for the first time." : "The nodes could not be read."
        model["clusters"] = clusters.map { cluster in
            PageValues {
                // Without a name where no cluster has one.
                $0["cluster"] = cluster ?? (clusters == [nil] ? nil : ClusterConfiguration.unnamed)
                $0["nodes"] = rows(of: cluster, matching: search)
            }
        }
        return Pages.Page(
            template: "nodes", title: "Nodes", section: .nodes, model: model, stream: "/api/v1/events", refresh: 30)
    }

    private var state: String {
        let drifted = nodes.values.count { !$0.drift.isEmpty }
        let new = nodes.values.count { $0.drift.isEmpty && !$0.new.isEmpty }
        var parts = drifted == 0 ? [] : ["\(drifted) drifted"]
        if new > 0 { parts.append("\(new) new") }
        if !unread.isEmpty { parts.append("\(counted(unread.count, "app")) not read yet") }
        return parts.isEmpty ? "all ok" : parts.joined(separator: ", ")
    }

    /// One sentence for each reason: a cluster that does not answer is the same for all its apps.
    private var problems: [String] {
        let failed =
            unread.compactMap { entry in entry.problem.map { (app: entry.app, problem: $0, isOld: false) } }
            + outdated.map { (app: $0.app, problem: $0.problem, isOld: true) }
        var sentences: [String] = []
        for first in failed {
            let same = failed.filter { $0.problem == first.problem && $0.isOld == first.isOld }.map(\.app)
            guard same.first == first.app else { continue }
            let names = same.prefix(3).joined(separator: ", ") + (same.count > 3 ? " and \(same.count - 3) more" : "")
            sentences.append(
                first.isOld
                    ? "\(names): the last known state, because the cluster or the nodes cannot be read now: \(first.problem)"
                    : "\(names): what is live is unknown, because the cluster or the nodes could not be read: \(first.problem)"
            )
        }
        return sentences
    }

    private func rows(of cluster: String?, matching search: String) -> [PageValues] {
        nodes.filter { $0.key.cluster == cluster }.map { ($0.key.address, $0.value) }
            .filter { address, _ in search.isEmpty || address.lowercased().contains(search) }
            .sorted { ($0.1.drift.isEmpty ? 1 : 0, $0.0) < ($1.1.drift.isEmpty ? 1 : 0, $1.0) }
            .map { row($0, $1) }
    }

    private func row(_ address: String, _ node: Node) -> PageValues {
        PageValues {
            $0["address"] = address
            $0["badge"] =
                node.isUnreachable
                ? DisplayText.badge("bad", "unreachable", "cross")
                : !node.drift.isEmpty
                    ? DisplayText.badge("bad", "drifted", "alert")
                    : node.isUnknown
                        ? DisplayText.badge("superseded", "unknown", "wait")
                        : node.new.isEmpty
                            ? DisplayText.badge("live", "ok", "check") : DisplayText.badge("superseded", "new", "wait")
            $0["counts"] = Color.allCases.compactMap { color in
                node.routes[color].map { count in
                    PageValues {
                        $0["hue"] = DisplayText.hue(color)
                        $0["count"] = counted(count, "app")
                    }
                }
            }
            $0["drift"] = (node.drift + node.new).prefix(50).map { drift in
                PageValues {
                    $0["app"] = drift.app
                    $0["hue"] = DisplayText.hue(drift.color)
                    $0["message"] = drift.message
                }
            }
        }
    }
}
