import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

extension Pages {
    /// `/nodes`: what every node really routes to, for every app; what is not as it should be comes first.
    @Sendable func showNodes(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        var page = NodesPage(now: services.clock.now)
        page.query = request.uri.queryParameters["q"].map(String.init)?.removingPercentEncoding
        for name in services.apps.configurations.map(\.name.text) where identity.sees(name) {
            let latest = await services.board.latest(name)
            guard let sight = await services.board.sight(name) else {
                let trouble = await services.board.app(name)?.trouble
                page.unseen.append((name, trouble))
                continue
            }
            page.add(sight, of: name, isReleasing: latest?.state.hasEnded == false)
        }
        return respond(page.page, request, context)
    }
}

struct NodesPage {
    private struct Node {
        var routes: [Color: Int] = [:]
        var wrong: [(app: String, color: Color?, words: String)] = []
        var isUnreachable = false
    }

    var now: Timestamp
    var query: String?
    /// Apps whose nodes nobody could look at, and why.
    var unseen: [(app: String, trouble: String?)] = []
    private var nodes: [String: Node] = [:]
    private var apps = 0
    private var oldest: Timestamp?

    init(now: Timestamp) {
        self.now = now
    }

    /// While the app is releasing, nodes are on their way from one colour to the other, and none of them is wrong.
    mutating func add(_ sight: AppSight, of app: String, isReleasing: Bool) {
        apps += 1
        oldest = min(oldest ?? sight.at, sight.at)
        let live = sight.survey.recorded?.color
        for reading in sight.readings {
            let route = NodeRoute(app: app, reading: reading, live: live)
            var node = nodes[reading.node] ?? Node()
            if let color = reading.color { node.routes[color, default: 0] += 1 }
            if reading.isUnreachable { node.isUnreachable = true }
            if !isReleasing, let words = words(route) { node.wrong.append((app, reading.color, words)) }
            nodes[reading.node] = node
        }
    }

    private func words(_ route: NodeRoute) -> String? {
        switch route.state {
        case .ok: nil
        case .astray: route.message ?? "\(route.live?.rawValue ?? "the other colour") is live"
        case .down: route.message ?? "nginx does not run"
        case .edited, .new, .unclear, .unreachable: route.message ?? route.state.rawValue
        }
    }

    var page: Pages.Page {
        let words = (query ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        let wrong = nodes.values.count { !$0.wrong.isEmpty }
        var model = Model()
        model["q"] = words.isEmpty ? nil : words
        model["sub"] =
            "\(counted(nodes.count, "node")), \(counted(apps, "app")); "
            + (wrong == 0 ? "all as they should be" : "\(wrong) not as they should be")
            + (oldest.map { ". Read back \(Words.ago($0, now: now)) ago or less." } ?? ".")
        model["trouble"] = unseen.compactMap { entry in
            entry.trouble.map { "The nodes of \(entry.app) cannot be looked at: \($0)" }
        }
        model["hasNodes"] = !nodes.isEmpty
        model["none"] = unseen.isEmpty ? "The inventory has no node." : "The nodes are being read for the first time."
        model["nodes"] = nodes.filter { words.isEmpty || $0.key.lowercased().contains(words) }
            .sorted { ($0.value.wrong.isEmpty ? 1 : 0, $0.key) < ($1.value.wrong.isEmpty ? 1 : 0, $1.key) }
            .map { row($0.key, $0.value) }
        return Pages.Page(
            template: "nodes", title: "Nodes", section: .nodes, model: model, stream: "/api/v1/events", refresh: 30)
    }

    private func row(_ address: String, _ node: Node) -> Model {
        Model {
            $0["address"] = address
            $0["badge"] =
                node.isUnreachable
                ? Words.badge("bad", "unreachable", "cross")
                : node.wrong.isEmpty
                    ? Words.badge("live", "as it should be", "check") : Words.badge("bad", "astray", "alert")
            $0["counts"] = Color.allCases.compactMap { color in
                node.routes[color].map { count in
                    Model {
                        $0["hue"] = Words.hue(color)
                        $0["count"] = counted(count, "app")
                    }
                }
            }
            $0["wrong"] = node.wrong.prefix(50).map { wrong in
                Model {
                    $0["app"] = wrong.app
                    $0["hue"] = Words.hue(wrong.color)
                    $0["words"] = wrong.words
                }
            }
        }
    }
}
