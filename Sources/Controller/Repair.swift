import ReleaseMachine
import ViridianConfiguration

/// What `repair` found and did for one app.
package struct RepairReport: Sendable, Hashable {
    package struct Node: Sendable, Hashable {
        package enum Outcome: Sendable, Hashable {
            case wasRight
            /// It was astray and routes to the live colour now, verified; or would, in a dry run.
            case broughtBack
            case stillAstray(String)
        }

        package var address: String
        package var before: NodeReading
        package var outcome: Outcome
    }

    package var live: LiveVersion
    package var nodes: [Node]
    /// The other colour, which was kept for nodes that might have routed to it, and is gone now; or would be, in a dry run.
    package var removed: Color?

    package var isWhole: Bool {
        !nodes.contains { if case .stillAstray = $0.outcome { true } else { false } }
    }
}

extension AppReleases {
    /// Brings every node to the colour that the cluster has recorded as live, and then deletes the other colour that a release had
    /// to leave for nodes astray, or had no time to delete.
    ///
    /// Nothing is moved to a colour that has no ready pod.
    package func repair(isDryRun: Bool) async throws -> RepairReport {
        try await withLease { try await repair(isDryRun: isDryRun, lastRelease: try lastNumber($0)) }
    }

    private func repair(isDryRun: Bool, lastRelease: Int) async throws -> RepairReport {
        if let open = try latest(), !open.state.hasEnded { throw Interrupted(release: open, app: app) }
        var seen = try await engine.cluster.survey()
        if let newest = try latest() { _ = try await recordLeftover(of: newest, in: &seen, isDryRun: isDryRun) }
        guard let live = seen.recorded else {
            throw Refusal("the cluster has not recorded which colour of \(app.name) is live: a first release does")
        }
        guard let workload = seen.workloads[live.color], workload.ready > 0 else {
            throw Refusal("\(live.color), the live colour of \(app.name), has no ready pod: no node is moved to it")
        }
        let fence = Fence(release: lastRelease, isBack: true)
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        var nodes: [RepairReport.Node] = []
        for reading in readings {
            var outcome = RepairReport.Node.Outcome.wasRight
            // A file that was edited and not loaded yet routes rightly until the next reload.
            if reading.color != live.color || reading.message != nil {
                outcome = isDryRun ? .broughtBack : await bringBack(reading.node, to: live, fence)
            }
            nodes.append(RepairReport.Node(address: reading.node, before: reading, outcome: outcome))
        }
        var report = RepairReport(live: live, nodes: nodes, removed: nil)
        let other = live.color.other
        let isRetained = try latest()?.retainedUntil.map { $0 > engine.clock.now } ?? false
        guard report.isWhole, !isRetained, seen.workloads[other] != nil else { return report }
        if !isDryRun {
            let moved = nodes.filter { $0.outcome == .broughtBack }.map(\.address)
            try await engine.waitForDrain(of: other, on: moved, rules: Rules(app))
            let after = await engine.nodes.read(try await engine.nodes.list(), claiming: fence)
            guard after.allSatisfy({ $0.color == live.color }) else { return report }
            try await engine.cluster.remove(other, madeBy: lastRelease, orOlder: true)
        }
        report.removed = other
        return report
    }

    private func bringBack(_ node: String, to live: LiveVersion, _ fence: Fence) async -> RepairReport.Node.Outcome {
        do {
            try await engine.nodes.bring(node, to: live, fence: fence)
            return .broughtBack
        } catch let trouble as NodeTrouble {
            return .stillAstray(trouble.message)
        } catch {
            return .stillAstray("\(error)")
        }
    }
}
