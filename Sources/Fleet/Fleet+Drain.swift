extension Fleet {
    /// What still uses a port: connections from the node, and nginx's old workers.
    ///
    /// New connections are counted between two calls that are at least `interval` apart; otherwise they are not reported.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func drain(
        _ upstream: Upstream,
        on node: Node,
        port: Int,
        interval: Duration = .milliseconds(1500)
    ) async throws -> DrainReport {
        let (seconds, attoseconds) = interval.components
        let facts = try await converse(
            "drain", of: upstream, with: node,
            arguments: ["port=\(port)", "apart=\(seconds * 100 + attoseconds / 10_000_000_000_000_000)"])
        guard let connections = facts.count("connections") else {
            throw NodeFailure(node, .invalidOutput(problem: "the number of connections is invalid"))
        }
        return DrainReport(
            node: node,
            connections: connections,
            draining: facts.numbers("draining"),
            arrivals: facts["arriving"] == nil
                ? nil
                : facts.all("from").reduce(into: [:]) { arrivals, fact in
                    let parts = fact.split(separator: " ")
                    if parts.count == 2, let count = Int(nodeCount: parts[1]) { arrivals[String(parts[0])] = count }
                }
        )
    }
}
