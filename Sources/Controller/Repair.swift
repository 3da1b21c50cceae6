import ReleaseMachine
import ViridianConfiguration

/// What `repair` found and did for one app.
package struct RepairReport: Sendable, Hashable {
    package struct Node: Sendable, Hashable {
        package enum Outcome: Sendable, Hashable {
            case wasRight
            /// It had drifted and now routes to the live colour, verified; in a dry run, it would.
            case broughtBack
            case stillDrifted(String)
        }

        package var address: String
        package var before: NodeReading
        package var outcome: Outcome
    }

    package var live: LiveVersion
    package var nodes: [Node]
    /// The other colour, when it was deleted; in a dry run, when it would be. It was kept while a node might have routed to it.
    package var removed: Color?

    package var isWhole: Bool {
        !nodes.contains { if case .stillDrifted = $0.outcome { true } else { false } }
    }
}

extension AppReleases {
    /// Switches every node to the colour that the cluster has recorded as live, and then deletes the other colour, if a release kept
    /// it for drifted nodes or timed out before deleting it.
    ///
    /// No node is switched to a colour without a ready pod.
    /// - Throws: `LeaseHeld` while a release runs, `Interrupted` when one has not ended, `Refusal` when no colour can be served.
    package func repair(isDryRun: Bool) async throws -> RepairReport {
        // It goes by what the cluster and the nodes say, also where the journal has gone back.
        try await withLease(checkingJournal: false, isFirst: true) {
            try await repair(isDryRun: isDryRun, lastRelease: try await lastNumber($0))
        }
    }

    private func repair(isDryRun: Bool, lastRelease: Int) async throws -> RepairReport {
        if let open = try await latest(), !open.state.hasEnded { throw Interrupted(release: open, app: app) }
        var observed = try await engine.cluster.survey()
        if let newest = try await latest() {
            _ = try await recordLeftover(of: newest, in: &observed, isDryRun: isDryRun)
        }
        guard let live = observed.recorded else {
            throw Refusal("the cluster has not recorded which colour of \(app.name) is live: the first release does")
        }
        guard let workload = observed.workloads[live.color], workload.ready > 0 else {
            throw Refusal("\(live.color), the live colour of \(app.name), has no ready pod: no node was switched to it")
        }
        let fence = Fence(release: lastRelease, isBack: true)
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        var nodes: [RepairReport.Node] = []
        for reading in readings {
            var outcome = RepairReport.Node.Outcome.wasRight
            // A node whose file was edited and not loaded yet routes to the live colour until the next reload.
            if reading.color != live.color || reading.message != nil {
                outcome = isDryRun ? .broughtBack : await bringBack(reading.node, to: live, fence)
            }
            nodes.append(RepairReport.Node(address: reading.node, before: reading, outcome: outcome))
        }
        var report = RepairReport(live: live, nodes: nodes, removed: nil)
        let other = live.color.other
        let isRetained = try await latest()?.retainedUntil.map { $0 > engine.clock.now } ?? false
        guard report.isWhole, !isRetained, observed.workloads[other] != nil else { return report }
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
            try await engine.nodes.stageAndRoute(node, to: live, fence: fence)
            return .broughtBack
        } catch let problem as NodeProblem {
            return .stillDrifted(problem.message)
        } catch {
            return .stillDrifted("\(error)")
        }
    }
}
