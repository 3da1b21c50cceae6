import Foundation
import Nginx

extension Fleet {
    /// Checks everything on the node that a release depends on.
    ///
    /// Reports which of `ports` accept connections. Ports without pods should not be in `ports`: the kernel tracks such a connection for
    /// two minutes, and treats a connection of nginx with the same port numbers like it.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func check(_ upstream: Upstream, on node: Node, ports: [Int]) async throws -> CheckReport {
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
            reading: NodeReadResult(node: node, outcome: outcome),
            path: facts["path"] ?? upstream.app,
            isRunning: facts["master"].flatMap { Int($0) } != nil,
            nginx: facts["nginx"] ?? "",
            accepted: facts["test"] == "ok",
            testOutput: facts.messages,
            isIncluded: facts["included"].flatMap { $0 == "unknown" ? nil : $0 == "yes" },
            disks: disks(facts),
            missingPrograms: facts.all("lacks"),
            clockSkew: facts["time"].flatMap { Double($0.prefix { $0.isNumber || $0 == "." }) }.map {
                skew($0, before, after)
            },
            user: facts["user"] ?? "",
            openPorts: facts.all("open").compactMap { Int($0) },
            balancesByIPVS: facts["ipvs"] == "yes",
            routesLoopback: facts["localnet"].flatMap { Int($0) }.map { $0 > 0 },
            serversThatMayFail: (try? file?.serversThatMayFail(in: upstream.name, ports: upstream.ports)) ?? [],
            direct: upstream.direct(facts.all("mention").compactMap(PortMention.init), in: file),
            visitorURLs: facts.all("way").compactMap(Visit.url(ofRoute:))
        )
    }

    /// The skew of a clock that was read between two times of this machine's clock.
    private func skew(_ time: Double, _ before: Date, _ after: Date) -> Double {
        // A time in whole seconds may be up to one second old.
        let (least, most) = (time, time == time.rounded() ? time + 1 : time)
        if least > after.timeIntervalSince1970 { return least - after.timeIntervalSince1970 }
        if most < before.timeIntervalSince1970 { return most - before.timeIntervalSince1970 }
        return 0
    }

    private func disks(_ facts: Facts) -> [CheckReport.Disk] {
        func numbers(_ key: String) -> [String: Int] {
            facts.all(key).reduce(into: [:]) { found, entry in
                let parts = entry.split(separator: " ", maxSplits: 1)
                if parts.count == 2 { found[String(parts[1])] = Int(parts[0]) }
            }
        }
        let (kibibytes, inodes) = (numbers("disk"), numbers("inodes"))
        return facts.all("writable").compactMap { entry in
            let parts = entry.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            let path = String(parts[1])
            return CheckReport.Disk(
                path: path, isWritable: parts[0] == "yes", freeKibibytes: kibibytes[path], freeInodes: inodes[path])
        }
    }
}
