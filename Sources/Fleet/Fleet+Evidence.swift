import Nginx

extension Fleet {
    /// What is still open to a port: connections of anyone on the node, and nginx's workers from before a reload.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func drain(_ upstream: Upstream, on node: Node, port: Int) async throws -> DrainReport {
        let facts = try await converse("drain", of: upstream, with: node, arguments: ["port=\(port)"])
        guard let connections = facts["connections"].flatMap({ Int($0) }) else {
            throw NodeFailure(node, .notUnderstood(what: "a count of connections that is none"))
        }
        return DrainReport(node: node, connections: connections, draining: facts.numbers("draining"))
    }

    /// Everything about the node that a release depends on.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func check(_ upstream: Upstream, on node: Node) async throws -> CheckReport {
        let ports = [upstream.ports.blue, upstream.ports.green]
        let facts = try await converse(
            "check",
            of: upstream,
            with: node,
            arguments: ["ports=\(ports[0]) \(ports[1])"]
        )
        let report = try await report(of: upstream, on: node, facts)
        var mayFail: [UpstreamServer] = []
        if case .present(let file, _) = report.file {
            mayFail = (try? file.serversThatMayFail(in: upstream.name, ports: upstream.ports)) ?? []
        }
        return CheckReport(
            node: node,
            report: report,
            nginx: facts["nginx"] ?? "",
            accepted: facts["test"] == "ok",
            words: facts.said,
            isIncluded: facts["included"].flatMap { $0 == "unknown" ? nil : $0 == "yes" },
            isWritable: facts["writable"] == "yes",
            freeKibibytes: facts["free_kib"].flatMap { Int($0) },
            time: facts["time"].flatMap { Int($0) },
            user: facts["user"] ?? "",
            openPorts: facts.all("open").compactMap { Int($0) },
            serversThatMayFail: mayFail
        )
    }
}
