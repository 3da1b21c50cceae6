extension ReleaseClient {
    /// What `body` returns for each of these apps, in their order. The apps of one cluster are asked for one after the other, those of
    /// different clusters at the same time: a cluster that does not answer delays its own apps only.
    func each<Value: Sendable>(
        of apps: [String], _ body: @escaping @Sendable (String) async throws -> Value
    ) async throws -> [Value] {
        let groups = Dictionary(grouping: apps.indices) { cluster(of: apps[$0]) }
        return try await withThrowingTaskGroup(of: [(Int, Value)].self) { group in
            for indices in groups.values {
                group.addTask {
                    var values: [(Int, Value)] = []
                    for index in indices { values.append((index, try await body(apps[index]))) }
                    return values
                }
            }
            return try await group.reduce(into: [(Int, Value)]()) { $0 += $1 }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
