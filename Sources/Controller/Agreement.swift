import ReleaseMachine

/// Finds the live colour from what cluster and nodes say, or says what disagrees.
///
/// Nothing is guessed: a release that starts from a wrong idea of what is live deletes the colour that customers are on.
struct Agreement {
    var app: String
    var cluster: ClusterSurvey
    var readings: [NodeReading]
    /// What this journal's newest live release says, with its number.
    var journal: (live: LiveVersion, number: Int)?

    func survey(for order: Order, unreachable: [NodeTrouble]) throws(Refusal) -> Survey {
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
        // A first release comes up where the nodes already point: configuration management seeds them with one colour up.
        let seeded = readings.compactMap(\.color).first
        return Survey(
            live: nil,
            candidate: seeded ?? .blue,
            replicas: order.replicas ?? order.rules.replicas,
            nodes: nodes,
            unreachable: unreachable
        )
    }

    /// A colour that was scaled to nothing gives no number to go by: traffic needs a pod.
    private func replicas(of live: Color) -> Int? {
        cluster.workloads[live].flatMap { $0.replicas > 0 ? $0.replicas : nil }
    }

    private func live() throws(Refusal) -> LiveVersion? {
        if readings.contains(where: { $0.color == nil && !$0.isNew }) {
            throw disagreement("not every node routes to exactly one colour")
        }
        let routed = Dictionary(grouping: readings.filter { $0.color != nil }) { $0.color ?? .blue }
        if routed.count > 1 { throw disagreement("the nodes do not route to one colour") }
        let color = routed.keys.first
        if let recorded = cluster.recorded {
            if let color, color != recorded.color {
                throw disagreement("cluster and nodes name different colours as live")
            }
            if let journal, journal.number >= cluster.recordedBy ?? 0, journal.live.color != recorded.color {
                throw disagreement("cluster and journal name different colours as live")
            }
            guard let workload = cluster.workloads[recorded.color] else {
                throw disagreement("the colour that the cluster remembers as live has no workload")
            }
            return LiveVersion(color: recorded.color, version: workload.version)
        }
        // Nobody has written down what is live: an app that was deployed by other means, or never.
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
        details.append("to go on: viridian repair \(app) brings the nodes to the live colour; nothing was touched")
        return Refusal(what, details: details)
    }
}
