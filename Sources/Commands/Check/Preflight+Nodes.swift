import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration

extension Preflight {
    /// Checks each node, in the inventory's order: one conversation, however many apps there are. `shared` is what is the same for all apps,
    /// `byApp` what was found for each of them.
    func nodes(of apps: [AppCheck], _ fleet: Fleet) async -> (shared: [Finding], byApp: [[Finding]]) {
        var (shared, byApp): ([Finding], [[Finding]]) = ([], Array(repeating: [], count: apps.count))
        guard !apps.isEmpty else { return (shared, byApp) }
        let names = apps.map(\.app.name.text)
        let checked = apps.map { check in
            CheckedApp(Upstream(check.app), livePort: check.live.map { check.app.port(of: $0) })
        }
        do {
            let nodes = try await fleet.nodes()
            for (node, results) in zip(nodes, await nodes.concurrentMap { await fleet.check(checked, on: $0) }) {
                if apps.count > 1, let reason = Self.unreachable(results) {
                    shared.append(Finding(.bad, of: names, node: node.address, reason))
                    continue
                }
                for (index, result) in results.enumerated() {
                    byApp[index] += findings(of: result, on: node, apps[index])
                }
            }
        } catch {
            shared.append(Finding(.bad, of: names, "nodes: \(error)"))
        }
        return (shared, byApp)
    }

    /// Why a node was not reached, where that is the same for all apps.
    private static func unreachable(_ results: [Result<CheckReport, NodeFailure>]) -> String? {
        let reasons = results.map { result -> String? in
            guard case .failure(let failure) = result, failure.isUnreachable else { return nil }
            return "\(failure.reason)"
        }
        return Set(reasons).count == 1 ? reasons[0] : nil
    }

    private func findings(
        of result: Result<CheckReport, NodeFailure>, on node: Node, _ check: AppCheck
    ) -> [Finding] {
        switch result {
        case .success(let report): NodeFindings(app: check.app, live: check.live, report: report).all
        case .failure(let failure):
            [Finding(state: .bad, app: check.app.name.text, node: node.address, what: "\(failure.reason)")]
        }
    }
}

/// The findings from one node's report.
struct NodeFindings {
    let app: AppConfiguration
    /// `nil` when nothing is live yet.
    let live: Color?
    let report: CheckReport

    /// With less than this, a log or an artifact soon fills the disk.
    private static let fewKibibytes = 10_240
    private static let fewInodes = 1000
    /// In seconds. Certificates and presigned URLs depend on the clock.
    private static let muchSkew = 2.0
    /// In seconds (about 30 years): a larger skew is not shown exactly.
    private static let mostSkew = 1e9

    var all: [Finding] {
        [finding(.ok, "reachable as \(report.user)")] + tools + nginx + disks + clock + file + ports
    }

    private func finding(_ state: Finding.State, _ what: String, _ fix: String? = nil) -> Finding {
        Finding(state: state, app: app.name.text, node: report.node.address, what: what, fix: fix)
    }

    private var tools: [Finding] {
        guard !report.missingPrograms.isEmpty else { return [] }
        let list = report.missingPrograms.joined(separator: ", ")
        return [finding(.bad, "programs that the node script needs are missing: \(list)", "install them")]
    }

    private var rejection: Finding {
        let message = report.testOutput.joined(separator: " | ")
        // The shell's message for a missing program; nginx has none that ends so.
        if report.testOutput.last?.hasSuffix("not found") == true {
            return finding(
                .bad, "nodes.test did not run: \(message)",
                "correct nodes.test; it may need the program's full path")
        }
        // nginx names the file that passes to the upstream. The upstream is missing in a file that is older than `preview`.
        let preview = UpstreamFile.previewName(of: app.upstream)
        if app.preview != nil, message.contains("host not found in upstream \"\(preview)\"") {
            return finding(
                .bad, "nginx does not accept its configuration: \(report.path) has no upstream \(preview): \(message)",
                "add it with the servers of \(app.upstream) and `down` on the other one "
                    + "(see viridian render nginx \(app.name)): every reload fails until then")
        }
        return finding(
            .bad, "nginx does not accept its configuration: \(message)",
            "correct the file that nginx names: every reload fails until then")
    }

    private var nginx: [Finding] {
        var findings = [
            report.accepted
                ? finding(.ok, "\(report.nginx) accepts its configuration")
                : rejection
        ]
        if !report.isRunning {
            findings.append(
                finding(
                    .bad, "nginx is not running",
                    "start nginx, or set nodes.pid if its pid file is not in the usual place"))
        }
        // nginx does not print a configuration that it does not accept.
        if report.isIncluded == false, report.accepted {
            findings.append(
                finding(
                    .bad, "nginx's configuration does not include \(report.path)",
                    "include <backends>/*.conf in its http block"))
        }
        return findings
    }

    private var disks: [Finding] {
        report.disks.flatMap { disk -> [Finding] in
            var findings: [Finding] = []
            if !disk.isWritable {
                findings.append(
                    finding(
                        .bad, "\(report.user) cannot write \(disk.path)",
                        "set nodes.sudo, or grant write access; if the disk is read-only, see dmesg"))
            }
            if let free = disk.freeKibibytes, free < Self.fewKibibytes {
                findings.append(
                    finding(.bad, "only \(free) KiB are free on the disk of \(disk.path)", "free some space"))
            }
            if let free = disk.freeInodes, free < Self.fewInodes {
                findings.append(
                    finding(.bad, "only \(free) inodes are free on the disk of \(disk.path)", "delete files"))
            }
            return findings
        }
    }

    private var clock: [Finding] {
        guard let skew = report.clockSkew, abs(skew) > Self.muchSkew else { return [] }
        let seconds = Int(min(abs(skew), Self.mostSkew).rounded())
        return [
            finding(
                .warning,
                "the clock is \(abs(skew) > Self.mostSkew ? "more than " : "")\(seconds) s \(skew > 0 ? "ahead of" : "behind") this machine's",
                "synchronize both clocks with a time server")
        ]
    }

    private var file: [Finding] {
        var findings: [Finding] = []
        let pair = FleetNodes.ports(of: app)
        let reading = NodeReading(report.reading, ports: pair)
        switch (reading.color, live) {
        case (nil, _) where reading.isNew: findings.append(finding(.ok, "the first release creates \(report.path)"))
        case (nil, _) where report.reading.failure != nil:
            findings.append(
                finding(
                    .bad, reading.message ?? "the upstream file cannot be read",
                    "correct the file: upstream \(app.upstream) with 127.0.0.1:\(app.ports.blue) and "
                        + "127.0.0.1:\(app.ports.green) (viridian render nginx \(app.name))"))
        case (nil, _):
            findings.append(
                finding(.bad, reading.message ?? "does not route to exactly one colour", "viridian repair \(app.name)"))
        case (let color?, let live?) where color != live:
            findings.append(
                finding(.bad, "routes to \(color), but \(live) is live", "viridian repair \(app.name)"))
        case (let color?, _):
            findings.append(
                reading.message.map { finding(.bad, "routes to \(color), but \($0)", "viridian repair \(app.name)") }
                    ?? finding(.ok, "routes to \(color)"))
        }
        if !report.serversThatMayFail.isEmpty {
            findings.append(
                finding(
                    .warning,
                    "one failed connection disables the only live server of \(app.upstream) for 10 s (nginx's max_fails)",
                    "add max_fails=0 to its server lines"))
        }
        return findings + otherReferences + verification
    }

    /// References to a colour's port that a switch would not change.
    private var otherReferences: [Finding] {
        report.direct.map { mention in
            finding(
                .bad, "a colour's port is used outside upstream \(app.upstream): \(mention)",
                "use upstream \(app.upstream) there, or add the file to the app's allowDirect")
        }
    }

    /// How a switch will be verified.
    private var verification: [Finding] {
        guard report.accepted, report.isIncluded != false else { return [] }
        guard report.visitorURLs.isEmpty else {
            return [
                finding(
                    .ok,
                    "a switch is verified by a request through nginx: \(report.visitorURLs.joined(separator: ", "))")
            ]
        }
        return [
            finding(
                .warning,
                report.isIncluded == nil
                    ? "nodes.test is not a form of nginx -t, so nginx's configuration cannot be read: other uses of a colour's "
                        + "port are not found, and a switch is verified only by nginx's error log"
                    : "no server of nginx's configuration passes to upstream \(app.upstream): a switch is verified only by nginx's error log",
                report.isIncluded == nil
                    ? "set nodes.test to a form of nginx -t"
                    : "add the app's virtual host (viridian render nginx \(app.name))")
        ]
    }

    /// kube-proxy answers on 127.0.0.1 only in iptables mode.
    private var ports: [Finding] {
        guard let live else { return [] }
        let port = app.port(of: live)
        guard !report.openPorts.contains(port) else {
            return [finding(.ok, "127.0.0.1:\(port) (\(live)) answers on the node")]
        }
        let fix =
            if report.balancesByIPVS {
                "kube-proxy runs in IPVS mode there, which serves no NodePorts on 127.0.0.1: run it with --proxy-mode=iptables"
            } else if report.routesLoopback == false {
                "kube-proxy does not serve NodePorts on 127.0.0.1 there: run it with --proxy-mode=iptables and "
                    + "--iptables-localhost-nodeports (net.ipv4.conf.all.route_localnet=1)"
            } else {
                "check that kube-proxy runs on that node and that service \(app.serviceName(live)) has endpoints"
            }
        return [finding(.bad, "127.0.0.1:\(port) (\(live)) does not answer on the node", fix)]
    }
}
