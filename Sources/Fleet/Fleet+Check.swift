import Foundation
import Nginx

/// An app to check on a node.
package struct CheckedApp: Sendable, Hashable {
    package var upstream: Upstream
    /// The port of the live colour, which is probed; `nil` when nothing is live. Ports without pods are not probed: the kernel tracks such a
    /// connection for two minutes, and treats a connection of nginx with the same port numbers like it.
    package var livePort: Int?

    package init(_ upstream: Upstream, livePort: Int?) {
        self.upstream = upstream
        self.livePort = livePort
    }
}

extension Fleet {
    /// Checks everything on a node that releases of these apps depend on, in one conversation; the reports are in the order of `apps`.
    ///
    /// A node whose installed `viridian-node` cannot answer for many apps is asked for each one by itself.
    package func check(_ apps: [CheckedApp], on node: Node) async -> [Result<CheckReport, NodeFailure>] {
        let began = Date()
        let request = AppsRequest(
            action: "checkall", apps: apps.map(\.upstream), lines: apps.map { $0.line(for: node) },
            timePerApp: Self.timePerCheckedApp)
        return await converse(request, on: node) { index in
            // An installed script refuses a request that names one of the ports only.
            await result(on: node) { try await check(apps[index].upstream, on: node, ports: nil) }
        } convert: { app, answer in
            answer.map { CheckReport(of: app, on: node, $0.all, since: began) }
        }
    }

    private func result(
        on node: Node, _ body: () async throws -> CheckReport
    ) async -> Result<CheckReport, NodeFailure> {
        do {
            return .success(try await body())
        } catch let failure as NodeFailure {
            return .failure(failure)
        } catch {
            return .failure(NodeFailure(node, .unreachable(why: "\(error)")))
        }
    }

    /// Fifty ports are probed at the same time, each for two seconds at most; an app with static assets starts some programs.
    private static let timePerCheckedApp = Duration.milliseconds(250)

    /// Checks everything on the node that a release of one app depends on, and reports which of `ports` accept connections.
    ///
    /// Ports without pods should not be in `ports` (see `CheckedApp`). `nil`: those that an installed script has for the app.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func check(_ upstream: Upstream, on node: Node, ports: [Int]?) async throws -> CheckReport {
        let began = Date()
        let facts = try await converse(
            "check",
            of: upstream,
            with: node,
            arguments: (ports.map { ["ports=\($0.map(String.init).joined(separator: " "))"] } ?? [])
                + upstream.visitArguments(path: "/")
        )
        return CheckReport(of: upstream, on: node, facts, since: began)
    }
}

extension CheckedApp {
    /// The app's line of a `checkall` request.
    fileprivate func line(for node: Node) -> String {
        ([
            upstream.lineWithPorts(for: node), upstream.name, livePort.map(String.init) ?? "",
            upstream.requestHosts.joined(separator: " "), upstream.preview ?? "",
        ]).joined(separator: "\t")
    }
}

extension CheckReport {
    /// From the facts of a conversation that began at `start`.
    init(of upstream: Upstream, on node: Node, _ facts: Facts, since start: Date) {
        let outcome = facts.outcome(of: upstream, on: node)
        let file = (try? outcome.get())?.upstreamFile
        self.init(
            node: node,
            reading: NodeReadResult(node: node, outcome: outcome),
            path: facts["path"] ?? upstream.app,
            isRunning: facts["master"].flatMap { Int($0) } != nil,
            nginx: facts["nginx"] ?? "",
            accepted: facts["test"] == "ok",
            testOutput: facts.messages,
            isIncluded: facts["included"].flatMap { $0 == "unknown" ? nil : $0 == "yes" },
            disks: Self.disks(facts),
            missingPrograms: facts.all("lacks"),
            clockSkew: facts["time"].flatMap { Double($0.prefix { $0.isNumber || $0 == "." }) }.map {
                Self.skew($0, start, facts.timeReadAt ?? Date())
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
    private static func skew(_ time: Double, _ before: Date, _ after: Date) -> Double {
        // A time in whole seconds may be up to one second old.
        let (least, most) = (time, time == time.rounded() ? time + 1 : time)
        if least > after.timeIntervalSince1970 { return least - after.timeIntervalSince1970 }
        if most < before.timeIntervalSince1970 { return most - before.timeIntervalSince1970 }
        return 0
    }

    private static func disks(_ facts: Facts) -> [Disk] {
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
            return Disk(
                path: path, isWritable: parts[0] == "yes", freeKibibytes: kibibytes[path], freeInodes: inodes[path])
        }
    }
}
