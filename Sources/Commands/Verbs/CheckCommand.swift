import ArgumentParser
import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import ReleaseMachine
import ViridianConfiguration
import Workloads

struct CheckCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Everything that a release depends on, one line each with the mend.",
        discussion: "Exit status: 0 when nothing stands in a release's way, 1 otherwise."
    )

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await Installation.open(global, reachingOut: true) { installation in
            let findings = await Preflight(installation).findings()
            for finding in findings {
                say(output.output == .json ? try finding.jsonLine() : finding.line(Terminal.current()))
            }
            return findings.contains { $0.state == .bad } ? .couldNot : .done
        }
    }
}

/// One thing that was looked at.
struct Finding: Encodable, Sendable {
    enum State: String, Encodable {
        case ok
        case warning
        case bad
    }

    var state: State
    var app: String?
    var node: String?
    var what: String
    var mend: String?

    func line(_ terminal: Terminal) -> String {
        let mark =
            switch state {
            case .ok: terminal.styled("ok     ", .green)
            case .warning: terminal.styled("warning", .yellow)
            case .bad: terminal.styled("bad    ", .red)
            }
        let place = [app, node].compactMap { $0 }.joined(separator: " ")
        return "\(mark)  \(place.isEmpty ? "" : place + ": ")\(what.safe)\(mend.map { ". Mend: \($0)" } ?? "")"
    }
}

/// Looks at everything without changing anything.
struct Preflight {
    private let installation: Installation

    init(_ installation: Installation) {
        self.installation = installation
    }

    func findings() async -> [Finding] {
        var findings = [
            Finding(state: .ok, what: "configuration \(installation.configuration.file)"),
            Finding(state: .ok, what: "journal \(installation.journal.path)"),
        ]
        guard let client = installation.cluster, let fleet = installation.fleet else { return findings }
        do {
            let version = try await client.get(path: "/version")["gitVersion"]?.string ?? "?"
            findings.append(
                Finding(
                    state: .ok, what: "Kubernetes API \(client.access.server), \(version) (\(client.access.origin))")
            )
        } catch {
            findings.append(
                Finding(state: .bad, what: "\(error)", mend: "name the right kubeconfig and context in kubernetes:")
            )
        }
        for app in installation.configuration.apps {
            findings += await cluster(app, client)
            findings += await nodes(app, fleet, client)
        }
        if installation.configuration.apps.isEmpty {
            findings.append(Finding(state: .warning, what: "no app is configured", mend: "add a file to apps/"))
        }
        return findings
    }

    // MARK: Cluster

    private func cluster(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let name = app.name.text
        var findings: [Finding] = []
        let kind: Resource = app.workload == .deployment ? .deployments : .replicationControllers
        let needed: [(String, Resource, String?)] = [
            ("get", .leases, nil), ("create", .leases, nil), ("update", .leases, nil),
            ("get", .services, nil), ("create", .services, nil),
            ("get", kind, nil), ("watch", kind, nil), ("create", kind, nil), ("patch", kind, nil),
            ("delete", kind, nil),
            ("watch", .pods, nil), ("get", .pods, "log"), ("watch", .events, nil),
        ]
        var missing: [String] = []
        do {
            for (verb, resource, sub) in needed
            where try await !client.mayI(verb, resource, namespace: app.namespace, subresource: sub) {
                missing.append("\(verb) \(resource.qualifiedName)\(sub.map { "/\($0)" } ?? "")")
            }
            findings.append(
                missing.isEmpty
                    ? Finding(state: .ok, app: name, what: "rights in namespace \(app.namespace)")
                    : Finding(
                        state: .bad,
                        app: name,
                        what: "rights are missing in namespace \(app.namespace): \(missing.joined(separator: ", "))",
                        mend: "add them to the account's role"
                    )
            )
        } catch {
            findings.append(Finding(state: .bad, app: name, what: "rights cannot be asked: \(error)"))
            return findings
        }
        do {
            _ = try await client.get(.namespaces, app.namespace)
        } catch let error as KubernetesError where error.isNotFound {
            let mend = "kubectl create namespace \(app.namespace)"
            return findings + [
                Finding(state: .bad, app: name, what: "namespace \(app.namespace) does not exist", mend: mend)
            ]
        } catch {
            // Reading namespaces is a right that a release does not need.
        }
        for color in Color.allCases { findings.append(await service(app, color, client)) }
        return findings
    }

    private func service(_ app: AppConfiguration, _ color: Color, _ client: KubernetesClient) async -> Finding {
        let name = app.serviceName(color)
        let port = app.port(of: color)
        do {
            let service = try await client.get(.services, name, namespace: app.namespace)
            let found = (service[at: "spec.ports"]?.array ?? []).compactMap { $0["nodePort"]?.integer }
            if found.contains(port) {
                return Finding(state: .ok, app: app.name.text, what: "service \(name) has NodePort \(port)")
            }
            return Finding(
                state: .bad,
                app: app.name.text,
                what: "service \(name) has NodePort \(found), not \(port)",
                mend: "correct ports.\(color), or the service"
            )
        } catch let error as KubernetesError where error.isNotFound {
            return Finding(
                state: .ok, app: app.name.text, what: "service \(name) will be created with NodePort \(port)")
        } catch {
            return Finding(state: .bad, app: app.name.text, what: "service \(name): \(error)")
        }
    }

    // MARK: Nodes

    private func nodes(_ app: AppConfiguration, _ fleet: Fleet, _ client: KubernetesClient) async -> [Finding] {
        let nodes = FleetNodes(fleet: fleet, app: app)
        do {
            let list = try await fleet.nodes()
            let live = try? await AppLook(app: app, client: client, fleet: fleet).cluster.survey().recorded?.color
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
        let app = nodes.app.name.text
        func finding(_ state: Finding.State, _ what: String, _ mend: String? = nil) -> Finding {
            Finding(state: state, app: app, node: node.address, what: what, mend: mend)
        }
        let report: CheckReport
        do {
            report = try await nodes.fleet.check(nodes.upstream, on: node)
        } catch let failure as NodeFailure {
            return [finding(.bad, "\(failure.reason)")]
        } catch {
            return [finding(.bad, "\(error)")]
        }
        var findings: [Finding] = []
        findings.append(
            report.accepted
                ? finding(.ok, "\(report.nginx) accepts its configuration")
                : finding(.bad, "nginx does not accept its configuration: \(report.words.joined(separator: " | "))")
        )
        if report.report.master == nil { findings.append(finding(.bad, "nginx is not running", "start it")) }
        if !report.isWritable {
            findings.append(
                finding(
                    .bad, "\(report.report.path) cannot be written by \(report.user)", "set nodes.sudo, or its rights"))
        }
        if report.isIncluded == false {
            findings.append(
                finding(
                    .bad, "nginx's configuration does not include \(report.report.path)",
                    "include <backends>/*.conf in its http block")
            )
        }
        if let free = report.freeKibibytes, free < 10_240 {
            findings.append(finding(.bad, "only \(free) KiB are free on its disk", "make room"))
        }
        if let time = report.time {
            let skew = abs(time - Int(Date().timeIntervalSince1970))
            if skew > 5 {
                findings.append(finding(.warning, "its clock is \(skew) s off", "let it follow a time server"))
            }
        }
        let reading = ReleaseMachine.NodeReading(
            node: node.address,
            report: report.report,
            ports: nodes.upstream.ports
        )
        switch (reading.color, live) {
        case (nil, _) where reading.isNew: findings.append(finding(.ok, "\(report.report.path) will be made"))
        case (nil, _):
            findings.append(finding(.bad, reading.message ?? "it routes to no single colour", "viridian repair \(app)"))
        case (let color?, let live?) where color != live:
            findings.append(finding(.bad, "it routes to \(color), and \(live) is live", "viridian repair \(app)"))
        case (let color?, _): findings.append(finding(.ok, "routes to \(color)"))
        }
        if let live, !report.openPorts.contains(nodes.app.port(of: live)) {
            findings.append(
                finding(
                    .bad,
                    "127.0.0.1:\(nodes.app.port(of: live)) does not answer from it",
                    "NodePorts on 127.0.0.1 need kube-proxy in iptables mode"
                )
            )
        }
        if !report.serversThatMayFail.isEmpty {
            findings.append(
                finding(
                    .warning,
                    "one refused connection takes the only live server of \(nodes.upstream.name) out for 10 s (nginx's max_fails)",
                    "add max_fails=0 to its server lines"
                )
            )
        }
        return findings
    }
}
