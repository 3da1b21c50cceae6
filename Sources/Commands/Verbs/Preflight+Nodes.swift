import Controller
import Fleet
import Kubernetes
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

extension Preflight {
    /// Each node, in the inventory's order.
    func nodes(_ app: AppConfiguration, _ fleet: Fleet, _ client: KubernetesClient?) async -> [Finding] {
        let nodes = FleetNodes(fleet: fleet, app: app)
        do {
            let list = try await fleet.nodes()
            let look = client.map { AppLook(app: app, client: $0, fleet: fleet) }
            let live = try? await look?.cluster.survey().recorded?.color
            return await withTaskGroup(of: (Int, [Finding]).self) { group in
                for (index, node) in list.enumerated() {
                    group.addTask { (index, await self.node(node, nodes, live: live ?? nil)) }
                }
                return await group.reduce(into: [(Int, [Finding])]()) { $0.append($1) }
                    .sorted { $0.0 < $1.0 }.flatMap(\.1)
            }
        } catch {
            return [Finding(state: .bad, app: app.name.text, what: "nodes: \(error)")]
        }
    }

    private func node(_ node: Node, _ nodes: FleetNodes, live: Color?) async -> [Finding] {
        do {
            let ports = live.map { [nodes.app.port(of: $0)] } ?? []
            let report = try await nodes.fleet.check(nodes.upstream, on: node, asking: ports)
            return NodeFindings(app: nodes.app, live: live, report: report).all
        } catch let failure as NodeFailure {
            return [
                Finding(state: .bad, app: nodes.app.name.text, node: node.address, what: "\(failure.reason)")
            ]
        } catch {
            return [Finding(state: .bad, app: nodes.app.name.text, node: node.address, what: "\(error)")]
        }
    }
}

/// What one node's report means for a release.
struct NodeFindings {
    let app: AppConfiguration
    /// `nil` when nothing is live yet.
    let live: Color?
    let report: CheckReport

    /// Less than this, and a log or an artifact fills the disk any moment.
    private static let fewKibibytes = 10_240
    private static let fewInodes = 1000
    /// Certificates and presigned URLs are measured by the clock.
    private static let muchSkew = 2.0
    /// A node may say any time; this is enough to show that it is wrong (some 30 years).
    private static let mostSkew = 1e9

    var all: [Finding] {
        [finding(.ok, "reached, as \(report.user)")] + tools + nginx + disks + clock + file + ports
    }

    private func finding(_ state: Finding.State, _ what: String, _ mend: String? = nil) -> Finding {
        Finding(state: state, app: app.name.text, node: report.node.address, what: what, mend: mend)
    }

    private var tools: [Finding] {
        guard !report.lacking.isEmpty else { return [] }
        let list = report.lacking.joined(separator: ", ")
        return [finding(.bad, "the node script needs \(list), and they are not there", "install them")]
    }

    private var unaccepted: Finding {
        let words = report.words.joined(separator: " | ")
        // A shell says so of a program that is not there, and nginx of none.
        if report.words.last?.hasSuffix("not found") == true {
            return finding(
                .bad, "nginx was not asked about its configuration: \(words)",
                "correct nodes.test, with the program's whole path if need be")
        }
        // nginx names the file that passes to it. It is missing in another one, which was there before `preview` was configured.
        let preview = UpstreamFile.previewName(of: app.upstream)
        if app.preview != nil, words.contains("host not found in upstream \"\(preview)\"") {
            return finding(
                .bad, "nginx does not accept its configuration: \(report.path) has no upstream \(preview): \(words)",
                "add it there, with the servers of \(app.upstream) and `down` at the other one of them "
                    + "(viridian render nginx \(app.name) shows it): every reload fails until then")
        }
        return finding(
            .bad, "nginx does not accept its configuration: \(words)",
            "correct the file that it names: every reload fails until then")
    }

    private var nginx: [Finding] {
        var findings = [
            report.accepted
                ? finding(.ok, "\(report.nginx) accepts its configuration")
                : unaccepted
        ]
        if !report.isRunning {
            findings.append(
                finding(
                    .bad, "nginx is not running", "start it, or set nodes.pid if its pid file is in an unusual place"))
        }
        // What nginx does not accept it does not show either.
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
                        .bad, "\(disk.path) cannot be written by \(report.user)",
                        "set nodes.sudo, or give the rights; a disk that went read-only has errors in dmesg"))
            }
            if let free = disk.freeKibibytes, free < Self.fewKibibytes {
                findings.append(finding(.bad, "only \(free) KiB are free on the disk of \(disk.path)", "make room"))
            }
            if let free = disk.freeInodes, free < Self.fewInodes {
                findings.append(
                    finding(.bad, "only \(free) inodes are free on the disk of \(disk.path)", "remove small files"))
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
                "its clock is \(abs(skew) > Self.mostSkew ? "more than " : "")\(seconds) s \(skew > 0 ? "ahead of" : "behind") this machine's",
                "let both follow a time server")
        ]
    }

    private var file: [Finding] {
        var findings: [Finding] = []
        let pair = FleetNodes.ports(of: app)
        let reading = ReleaseMachine.NodeReading(report.reading, ports: pair)
        switch (reading.color, live) {
        case (nil, _) where reading.isNew: findings.append(finding(.ok, "\(report.path) will be made"))
        case (nil, _) where report.reading.failure != nil:
            findings.append(
                finding(
                    .bad, reading.message ?? "its file cannot be told",
                    "correct the file: upstream \(app.upstream) with 127.0.0.1:\(app.ports.blue) and "
                        + "127.0.0.1:\(app.ports.green) (viridian render nginx \(app.name))"))
        case (nil, _):
            findings.append(
                finding(.bad, reading.message ?? "it routes to no single colour", "viridian repair \(app.name)"))
        case (let color?, let live?) where color != live:
            findings.append(
                finding(.bad, "it routes to \(color), and \(live) is live", "viridian repair \(app.name)"))
        case (let color?, _):
            findings.append(
                reading.message.map { finding(.bad, "routes to \(color), but \($0)", "viridian repair \(app.name)") }
                    ?? finding(.ok, "routes to \(color)"))
        }
        if !report.serversThatMayFail.isEmpty {
            findings.append(
                finding(
                    .warning,
                    "one refused connection takes the only live server of \(app.upstream) out for 10 s (nginx's max_fails)",
                    "add max_fails=0 to its server lines"))
        }
        return findings + otherWays + visitors
    }

    /// What a switch would not move.
    private var otherWays: [Finding] {
        report.direct.map { mention in
            finding(
                .bad, "a colour's port is named outside of upstream \(app.upstream): \(mention)",
                "let it use upstream \(app.upstream), or name its file in allowDirect of the app's file")
        }
    }

    /// How a switch will be proved.
    private var visitors: [Finding] {
        guard report.accepted, report.isIncluded != false else { return [] }
        guard report.ways.isEmpty else {
            return [finding(.ok, "a switch is proved by asking nginx for \(report.ways.joined(separator: ", "))")]
        }
        return [
            finding(
                .warning,
                report.isIncluded == nil
                    ? "nodes.test is not nginx's own test, so its configuration cannot be read: nothing looks for other ways to a "
                        + "colour's port, and a switch is proved by its error log alone"
                    : "no server of nginx's configuration passes to upstream \(app.upstream): a switch is proved by its error log alone",
                report.isIncluded == nil
                    ? "let nodes.test be a form of nginx -t"
                    : "add the app's virtual host (viridian render nginx \(app.name))")
        ]
    }

    /// kube-proxy answers on 127.0.0.1 only in iptables mode.
    private var ports: [Finding] {
        guard let live else { return [] }
        let port = app.port(of: live)
        guard !report.openPorts.contains(port) else {
            return [finding(.ok, "127.0.0.1:\(port) (\(live)) answers from it")]
        }
        let mend =
            if report.balancesByIPVS {
                "kube-proxy runs in IPVS mode there, which has no NodePorts on 127.0.0.1: run it with --proxy-mode=iptables"
            } else if report.routesLoopback == false {
                "kube-proxy does not let NodePorts be reached on 127.0.0.1 there: --proxy-mode=iptables with "
                    + "--iptables-localhost-nodeports (net.ipv4.conf.all.route_localnet=1)"
            } else {
                "see whether kube-proxy runs on that node and whether \(app.serviceName(live)) has endpoints"
            }
        return [finding(.bad, "127.0.0.1:\(port) (\(live)) does not answer from it", mend)]
    }
}
