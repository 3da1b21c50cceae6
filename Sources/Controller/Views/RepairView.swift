import ReleaseMachine

/// What `repair` found and did, as the outside sees it.
package struct RepairView: Codable, Sendable, Hashable {
    package struct NodeView: Codable, Sendable, Hashable {
        package enum Outcome: String, Codable, Sendable {
            case wasRight
            case broughtBack
            /// Only in a dry run.
            case wouldBeBroughtBack
            case stillAstray
        }

        package var address: String
        package var outcome: Outcome
        /// What it routed to before.
        package var before: String
        package var message: String?
    }

    package var app: String
    package var live: LiveVersion
    package var nodes: [NodeView]
    /// The other colour, which is gone now; or would be, in a dry run.
    package var removed: Color?
    /// Every node routes to the live colour now.
    package var whole: Bool
    /// Only said, not done.
    package var dryRun: Bool

    package init(_ app: String, _ report: RepairReport, isDryRun: Bool) {
        self.app = app
        live = report.live
        removed = report.removed
        dryRun = isDryRun
        whole = report.isWhole && !(isDryRun && report.nodes.contains { $0.outcome == .broughtBack })
        nodes = report.nodes.map { node in
            let before = node.before.color?.rawValue ?? node.before.message ?? "unknown"
            return switch node.outcome {
            case .wasRight: NodeView(address: node.address, outcome: .wasRight, before: before)
            case .broughtBack:
                NodeView(
                    address: node.address, outcome: isDryRun ? .wouldBeBroughtBack : .broughtBack, before: before)
            case .stillAstray(let why):
                NodeView(address: node.address, outcome: .stillAstray, before: before, message: why)
            }
        }
    }
}

extension RepairReport {
    /// What the audit log says of it.
    package var deeds: String {
        let moved = nodes.filter { $0.outcome == .broughtBack }.map(\.address)
        let left = nodes.compactMap { node -> String? in
            if case .stillAstray(let why) = node.outcome { "\(node.address) (\(why))" } else { nil }
        }
        let parts = [
            moved.isEmpty ? nil : "brought back to \(live.color): \(moved.joined(separator: " "))",
            left.isEmpty ? nil : "not brought back: \(left.joined(separator: ", "))",
            removed.map { "deleted \($0)" },
        ].compactMap { $0 }
        return parts.isEmpty ? "nothing had to be moved" : parts.joined(separator: "; ")
    }
}
