import ReleaseMachine

/// What `repair` found and did, as the outside sees it.
package struct RepairView: Codable, Sendable, Hashable {
    package struct NodeView: Codable, Sendable, Hashable {
        package enum Outcome: String, Codable, Sendable { case wasRight, broughtBack, stillAstray }

        package var address: String
        package var outcome: Outcome
        /// What it routed to before.
        package var before: String
        package var message: String?
    }

    package var app: String
    package var live: LiveVersion
    package var nodes: [NodeView]
    package var removed: Color?
    /// Every node routes to the live colour.
    package var whole: Bool

    package init(_ app: String, _ report: RepairReport) {
        self.app = app
        live = report.live
        removed = report.removed
        whole = report.isWhole
        nodes = report.nodes.map { node in
            let before = node.before.color?.rawValue ?? node.before.message ?? "unknown"
            return switch node.outcome {
            case .wasRight: NodeView(address: node.address, outcome: .wasRight, before: before)
            case .broughtBack: NodeView(address: node.address, outcome: .broughtBack, before: before)
            case .stillAstray(let why):
                NodeView(address: node.address, outcome: .stillAstray, before: before, message: why)
            }
        }
    }
}
