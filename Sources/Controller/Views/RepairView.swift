import ReleaseMachine

/// What `repair` found and did, as a JSON object of the API and of `-o json`.
package struct RepairView: Codable, Sendable, Hashable {
    package struct NodeView: Codable, Sendable, Hashable {
        package enum Outcome: String, Codable, Sendable {
            case wasRight
            case broughtBack
            /// Only in a dry run.
            case wouldBeBroughtBack
            case stillDrifted
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
    /// The other colour, when it was deleted; in a dry run, when it would be.
    package var removed: Color?
    /// Every node routes to the live colour now.
    package var whole: Bool
    /// Nothing was changed.
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
            case .stillDrifted(let why):
                NodeView(address: node.address, outcome: .stillDrifted, before: before, message: why)
            }
        }
    }
}

extension RepairReport {
    /// One line for the audit log.
    package var summary: String {
        let moved = nodes.filter { $0.outcome == .broughtBack }.map(\.address)
        let left = nodes.compactMap { node -> String? in
            if case .stillDrifted(let why) = node.outcome { "\(node.address) (\(why))" } else { nil }
        }
        let parts = [
            moved.isEmpty ? nil : "brought back to \(live.color): \(moved.joined(separator: " "))",
            left.isEmpty ? nil : "not brought back: \(left.joined(separator: ", "))",
            removed.map { "deleted \($0)" },
        ].compactMap { $0 }
        return parts.isEmpty ? "no change needed" : parts.joined(separator: "; ")
    }
}
