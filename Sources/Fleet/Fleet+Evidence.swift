import Foundation
import Nginx

extension Fleet {
    /// What is still open to a port: connections of anyone on the node, and nginx's workers from before a reload.
    ///
    /// Who comes is counted from one look to the next, at least `apart` later: in between it is not told.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func drain(
        _ upstream: Upstream,
        on node: Node,
        port: Int,
        apart: Duration = .milliseconds(1500)
    ) async throws -> DrainReport {
        let (seconds, attoseconds) = apart.components
        let facts = try await converse(
            "drain", of: upstream, with: node,
            arguments: ["port=\(port)", "apart=\(seconds * 100 + attoseconds / 10_000_000_000_000_000)"])
        guard let connections = facts.count("connections") else {
            throw NodeFailure(node, .notUnderstood(what: "a count of connections that is none"))
        }
        return DrainReport(
            node: node,
            connections: connections,
            draining: facts.numbers("draining"),
            arrivals: facts["arriving"] == nil
                ? nil
                : facts.all("from").reduce(into: [:]) { arrivals, fact in
                    let words = fact.split(separator: " ")
                    if words.count == 2, let count = Int(counted: words[1]) { arrivals[String(words[0])] = count }
                }
        )
    }

    /// Everything about the node that a release depends on.
    ///
    /// Of `asking` it says which answer. A port that nobody is behind is better not asked: the kernel remembers for two minutes
    /// how that connection ended, and treats one of nginx's with the same numbers alike.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func check(_ upstream: Upstream, on node: Node, asking ports: [Int]) async throws -> CheckReport {
        let before = Date()
        let facts = try await converse(
            "check",
            of: upstream,
            with: node,
            arguments: ["ports=\(ports.map(String.init).joined(separator: " "))"] + upstream.visitArguments(path: "/")
        )
        let after = Date()
        let outcome: Result<NodeReport, NodeFailure>
        do {
            outcome = .success(try await report(of: upstream, on: node, facts))
        } catch let failure as NodeFailure {
            outcome = .failure(failure)
        }
        let file = (try? outcome.get())?.upstreamFile
        return CheckReport(
            node: node,
            reading: NodeReading(node: node, outcome: outcome),
            path: facts["path"] ?? upstream.app,
            isRunning: facts["master"].flatMap { Int($0) } != nil,
            nginx: facts["nginx"] ?? "",
            accepted: facts["test"] == "ok",
            words: facts.said,
            isIncluded: facts["included"].flatMap { $0 == "unknown" ? nil : $0 == "yes" },
            disks: disks(facts),
            lacking: facts.all("lacks"),
            clockSkew: facts["time"].flatMap { Double($0.prefix { $0.isNumber || $0 == "." }) }.map {
                skew($0, before, after)
            },
            user: facts["user"] ?? "",
            openPorts: facts.all("open").compactMap { Int($0) },
            balancesByIPVS: facts["ipvs"] == "yes",
            routesLoopback: facts["localnet"].flatMap { Int($0) }.map { $0 > 0 },
            serversThatMayFail: (try? file?.serversThatMayFail(in: upstream.name, ports: upstream.ports)) ?? [],
            direct: upstream.direct(facts.all("mention").compactMap(PortMention.init), in: file),
            ways: facts.all("way").compactMap(Visit.url(ofWay:))
        )
    }

    /// A clock that was read at some moment between two of ours.
    private func skew(_ time: Double, _ before: Date, _ after: Date) -> Double {
        // A clock that tells seconds only may be up to one behind itself.
        let (least, most) = (time, time == time.rounded() ? time + 1 : time)
        if least > after.timeIntervalSince1970 { return least - after.timeIntervalSince1970 }
        if most < before.timeIntervalSince1970 { return most - before.timeIntervalSince1970 }
        return 0
    }

    private func disks(_ facts: Facts) -> [CheckReport.Disk] {
        func numbers(_ key: String) -> [String: Int] {
            facts.all(key).reduce(into: [:]) { found, entry in
                let words = entry.split(separator: " ", maxSplits: 1)
                if words.count == 2 { found[String(words[1])] = Int(words[0]) }
            }
        }
        let (kibibytes, inodes) = (numbers("disk"), numbers("inodes"))
        return facts.all("writable").compactMap { entry in
            let words = entry.split(separator: " ", maxSplits: 1)
            guard words.count == 2 else { return nil }
            let path = String(words[1])
            return CheckReport.Disk(
                path: path, isWritable: words[0] == "yes", freeKibibytes: kibibytes[path], freeInodes: inodes[path])
        }
    }
}
