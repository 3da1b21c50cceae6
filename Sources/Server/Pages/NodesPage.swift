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
            guard let observation = await services.appStates.observation(name) else {
                let problem = await services.appStates.app(name)?.problem
                page.unread.append((name, problem))
                continue
            }
            page.add(observation, of: name, in: app.cluster, isReleasing: latest?.state.hasEnded == false)
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
        var isUnreachable = false
    }

    var now: Timestamp
    var query: String?
    /// Apps whose nodes were not read yet, with the error of the last check, if any.
    var unread: [(app: String, problem: String?)] = []
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
            if !isReleasing, let message = drift(route) { node.drift.append((app, reading.color, message)) }
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
        let drifted = nodes.values.count { !$0.drift.isEmpty }
        var model = PageValues()
        model["q"] = search.isEmpty ? nil : search
        model["sub"] =
            "\(counted(nodes.count, "node")), \(counted(apps, "app")); "
            + (drifted == 0 ? "all ok" : "\(drifted) drifted")
            + (oldest.map { ". Read back \(DisplayText.ago($0, now: now)) ago or less." } ?? ".")
        model["problem"] = unread.compactMap { entry in
            entry.problem.map { "The nodes of \(entry.app) cannot be read: \($0)" }
        }
        model["hasNodes"] = !nodes.isEmpty
        model["emptyText"] =
            unread.isEmpty ? "The inventory has no nodes." : "The nodes are being read for the first time."
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
                : node.drift.isEmpty
                    ? DisplayText.badge("live", "ok", "check") : DisplayText.badge("bad", "drifted", "alert")
            $0["counts"] = Color.allCases.compactMap { color in
                node.routes[color].map { count in
                    PageValues {
                        $0["hue"] = DisplayText.hue(color)
                        $0["count"] = counted(count, "app")
                    }
                }
            }
            $0["drift"] = node.drift.prefix(50).map { drift in
                PageValues {
                    $0["app"] = drift.app
                    $0["hue"] = DisplayText.hue(drift.color)
                    $0["message"] = drift.message
                }
            }
        }
    }
}
