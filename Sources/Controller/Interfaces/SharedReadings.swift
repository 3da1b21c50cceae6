import ReleaseMachine

/// Reads what the apps of one cluster have there and on its nodes, for those who watch all of them. A release reads its own app, with `Cluster`
/// and `Nodes`: it needs what is so at that moment.
package protocol SharedReadings: Sendable {
    /// In the configuration's order.
    var apps: [String] { get }
    /// Keeps what `survey` answers from current, until the task is cancelled.
    func run() async
    /// The addresses in the inventory now.
    func list() async throws -> [String]
    /// What a node routes each of the apps to, in their order: one conversation, however many apps there are.
    func read(_ node: String, _ apps: [String]) async -> [NodeReading]
    /// What the cluster has of an app, as far as it is known here.
    func survey(_ app: String) async throws -> ClusterSurvey
}

extension SharedReadings {
    package func run() async {}

    /// What every node routes each of the apps to: the readings of each app, in the nodes' order.
    package func readings(of apps: [String]) async throws -> [[NodeReading]] {
        let nodes = try await list()
        let columns = await withTaskGroup(of: (Int, [NodeReading]).self) { group in
            for (index, node) in nodes.enumerated() { group.addTask { (index, await read(node, apps)) } }
            return await group.reduce(into: Array(repeating: [NodeReading](), count: nodes.count)) { $0[$1.0] = $1.1 }
        }
        return apps.indices.map { app in columns.map { $0[app] } }
    }
}
