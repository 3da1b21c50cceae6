import ReleaseMachine

/// Determines the live colour from cluster, nodes and journal, or refuses and lists what disagrees.
///
/// Nothing is guessed: a release that starts with the wrong live colour deletes the colour that serves customers.
struct LiveColorResolver {
    var app: String
    var cluster: ClusterSurvey
    var readings: [NodeReading]
    /// What the journal's newest live release left live, with its number.
    var journal: (live: LiveVersion, number: Int)?

    func survey(for order: Order, unreachable: [NodeProblem]) throws(Refusal) -> Survey {
        let live = try live()
        let nodes = readings.map(\.node)
        if let live {
            return Survey(
                live: live,
                candidate: live.color.other,
                replicas: order.replicas ?? replicas(of: live.color) ?? order.rules.replicas,
                nodes: nodes,
                unreachable: unreachable
            )
        }
        // A first release takes the colour that the nodes already route to: configuration management seeds them with one colour up.
        let seeded = readings.compactMap(\.color).first
        return Survey(
            live: nil,
            candidate: seeded ?? .blue,
            replicas: order.replicas ?? order.rules.replicas,
            nodes: nodes,
            unreachable: unreachable
        )
    }

    /// `nil` when the colour is scaled to 0: the candidate needs at least one pod.
    private func replicas(of live: Color) -> Int? {
        cluster.workloads[live].flatMap { $0.replicas > 0 ? $0.replicas : nil }
    }

    private func live() throws(Refusal) -> LiveVersion? {
        if readings.contains(where: { $0.color == nil && !$0.isNew }) {
            throw disagreement("not every node routes to exactly one colour")
        }
        let routed = Dictionary(grouping: readings.filter { $0.color != nil }) { $0.color ?? .blue }
        if routed.count > 1 { throw disagreement("the nodes route to different colours") }
        let color = routed.keys.first
        if let recorded = cluster.recorded {
            if let color, color != recorded.color {
                throw disagreement("cluster and nodes name different colours as live")
            }
            if let journal, journal.number >= cluster.recordedBy ?? 0, journal.live.color != recorded.color {
                throw disagreement("cluster and journal name different colours as live")
            }
            guard let workload = cluster.workloads[recorded.color] else {
                throw disagreement("the colour that the cluster has recorded as live has no workload")
            }
            return LiveVersion(color: recorded.color, version: workload.version)
        }
        // Nothing is recorded as live: the app was deployed by other means, or never.
        if let color, let workload = cluster.workloads[color] {
            return LiveVersion(color: color, version: workload.version)
        }
        if let color, cluster.workloads[color.other] != nil {
            throw disagreement("the nodes route to \(color), which has no workload, while \(color.other) has one")
        }
        if color == nil, let only = cluster.workloads.keys.first {
            if cluster.workloads.count > 1 {
                throw disagreement("both colours have a workload and no node says which is live")
            }
            return cluster.workloads[only].map { LiveVersion(color: only, version: $0.version) }
        }
        return nil
    }

    private func disagreement(_ what: String) -> Refusal {
        var details: [String] = []
        if let recorded = cluster.recorded {
            let by = cluster.recordedBy.map { " (recorded by \(app)/\($0))" } ?? ""
            details.append("cluster: \(recorded.color) is live with \(recorded.version)\(by)")
        } else {
            details.append("cluster: nothing recorded as live")
        }
        for color in Color.allCases {
            if let workload = cluster.workloads[color] {
                details.append(
                    "cluster: \(color) has \(workload.version), \(workload.ready) of \(workload.replicas) pods ready"
                )
            }
        }
        if let journal { details.append("journal: \(app)/\(journal.number) left \(journal.live.color) live") }
        for reading in readings {
            details.append(
                "node \(reading.node): \(reading.color.map { "routes to \($0)" } ?? reading.message ?? "no colour")")
        }
        details.append("to fix: viridian repair \(app) switches the nodes to the live colour; nothing was touched")
        return Refusal(what, details: details)
    }
}
