import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// What was found of an app.
struct AppCheck: Sendable {
    var app: AppConfiguration
    /// `nil` when nothing is live yet, or the cluster cannot be read.
    var live: Color?
    var findings: [Finding] = []
}

/// The checks of `viridian check`: reads what a release depends on and changes nothing.
struct Preflight {
    let installation: Installation

    init(_ installation: Installation) {
        self.installation = installation
    }

    func findings() async -> [Finding] {
        var findings = [Finding(state: .ok, what: "configuration \(installation.configuration.file)")]
        findings += await journal()
        findings += await notifications()
        findings += await installation.clusters.concurrently { await self.cluster($0) }
        if installation.configuration.apps.isEmpty, installation.clusters.contains(where: { $0.client != nil }) {
            findings.append(Finding(state: .warning, what: "no app is configured", fix: "add a file to apps/"))
        }
        return findings
    }

    /// A cluster, its nodes and the apps that run there. Those of another cluster are checked at the same time: one that does not answer
    /// delays no other.
    private func cluster(_ cluster: ConnectedCluster) async -> [Finding] {
        let apps = installation.configuration.apps.filter { $0.cluster == cluster.configuration.name }
        var findings: [Finding] = []
        if let problem = cluster.fleetProblem {
            findings.append(Finding(state: .bad, what: "nodes: \(problem)", fix: "correct nodes.ssh"))
        }
        let (api, outage) = await api(cluster)
        findings.append(api)
        if let client = cluster.client,
            let finding = await inventoryRight(cluster.configuration, client, outage)
        {
            findings.append(finding)
        }
        for app in apps { if let finding = await elsewhere(app) { findings.append(finding) } }
        var checks = apps.map { AppCheck(app: $0) }
        if let client = cluster.client {
            if let outage {
                // What does not answer is not asked again for each app.
                if !apps.isEmpty {
                    findings.append(
                        Finding(
                            .bad, of: apps.map(\.name.text), "rights cannot be checked: \(outage)",
                            fix: "as for the cluster's API above; then viridian check again"))
                }
            } else {
                checks = await apps.concurrentMap(atMost: Self.maximumConcurrentApps) { await self.app($0, client) }
            }
        }
        if let fleet = cluster.fleet {
            let nodes = await nodes(of: checks, fleet)
            findings += nodes.shared
            for index in checks.indices { checks[index].findings += nodes.byApp[index] }
        }
        findings += checks.flatMap(\.findings)
        return findings.map { finding in
            var finding = finding
            finding.cluster = cluster.configuration.name
            return finding
        }
    }

    /// The apps of a cluster that are checked there at the same time.
    private static let maximumConcurrentApps = 8

    /// Whether the cluster's API answers, and the error where it does not.
    private func api(_ cluster: ConnectedCluster) async -> (Finding, outage: KubernetesError?) {
        let fix =
            cluster.configuration.name == nil
            ? "set kubernetes.kubeconfig and kubernetes.context" : "set its kubeconfig and context in clusters"
        guard let client = cluster.client else {
            return (Finding(state: .bad, what: cluster.problem ?? "no cluster is configured", fix: fix), nil)
        }
        do {
            let version = try await client.get(path: "/version")["gitVersion"]?.string ?? "?"
            let way = client.access.proxy.map { ", through \($0)" } ?? ""
            let what = "Kubernetes API \(client.access.server), \(version) (\(client.access.origin)\(way))"
            return (Finding(state: .ok, what: what), nil)
        } catch {
            let outage = (error as? KubernetesError).flatMap { $0.refusal == nil ? $0 : nil }
            // What is configured may be right, and nothing runs there.
            let isOut = if case .noResponse = outage { true } else { false }
            let start = "start the cluster's API or what is on the way to it; where the address is wrong, \(fix)"
            return (Finding(state: .bad, what: "\(error)", fix: isOut ? start : fix), outage)
        }
    }

    // MARK: An app in its cluster

    /// A release of the app that has not ended in another cluster. Clusters without a name are not told apart.
    private func elsewhere(_ app: AppConfiguration) async -> Finding? {
        guard installation.configuration.clusters.contains(where: { $0.name != nil }),
            let refusal = try? await installation.releases(app.name.text).releaseElsewhere()
        else { return nil }
        let fix = refusal.details.first.map { $0.replacing("to fix: ", with: "", maxReplacements: 1) }
        return Finding(state: .bad, app: app.name.text, what: refusal.message, fix: fix)
    }

    /// Each object is read once, whatever it is needed for.
    private func app(_ app: AppConfiguration, _ client: KubernetesClient) async -> AppCheck {
        let client = client.remembering()
        var findings = await findings(of: app, client)
        let survey = try? await AppCluster(client: client, app: app).survey()
        if let finding = await lostEvents(of: app, by: survey) { findings.append(finding) }
        return AppCheck(app: app, live: survey?.recorded?.color, findings: findings)
    }

    private func findings(of app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let name = app.name.text
        var findings: [Finding] = []
        do {
            findings += try await rights(of: app, client)
        } catch {
            findings.append(Finding(state: .bad, app: name, what: "rights cannot be checked: \(error)"))
            return findings
        }
        do {
            _ = try await client.get(.namespaces, app.namespace)
        } catch let error as KubernetesError where error.isNotFound {
            let fix = "kubectl create namespace \(app.namespace)"
            return findings + [
                Finding(state: .bad, app: name, what: "namespace \(app.namespace) does not exist", fix: fix)
            ]
        } catch {
            // A release does not need the right to read namespaces.
        }
        for color in Color.allCases { findings.append(await service(app, color, client)) }
        if let finding = await readiness(app, client) { findings.append(finding) }
        if let finding = await strays(app, client) { findings.append(finding) }
        return findings + (await controllingTools(app, client)) + (await conflicts(app, client))
            + (await quotas(app, client))
    }

    /// Pods that would receive the next candidate's traffic. `rights(of:_:)` reports missing rights.
    private func strays(_ app: AppConfiguration, _ client: KubernetesClient) async -> Finding? {
        let cluster = AppCluster(client: client, app: app)
        guard let live = try? await cluster.survey().recorded?.color,
            let names = try? await cluster.strays(of: live.other), !names.isEmpty
        else { return nil }
        return Finding(
            state: .warning,
            app: app.name.text,
            what:
                "\(counted(names.count, "pod")) would receive requests for \(live.other) but \(names.count == 1 ? "does" : "do") "
                + "not belong to \(app.workloadName(live.other)): \(names.joined(separator: ", ")); the next release will stop",
            fix: "delete the pods that have no owner (viridian deploy \(app.name) --remove-strays), relabel the others"
        )
    }

    /// Programs that also reconcile the app's objects and would undo what a release changes. `rights(of:_:)` reports missing rights.
    private func controllingTools(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let found = (try? await AppCluster(client: client, app: app).controllingTools()) ?? []
        return found.map { tool in
            let keys = tool.metadataKeys.joined(separator: ", ")
            return Finding(
                state: .warning,
                app: app.name.text,
                what:
                    "\(tool.object) is also managed by \(tool.program) (\(keys)), which will reset replicas and delete or recreate what a release changes",
                fix: "remove the workloads and autoscalers of both colours from \(tool.program); its services can stay"
            )
        }
    }

    /// Without a readiness probe, a pod counts as ready as soon as its process runs: traffic may move before it can answer.
    private func readiness(_ app: AppConfiguration, _ client: KubernetesClient) async -> Finding? {
        guard app.ready.stable == .zero else { return nil }
        let hasProbe: Bool?
        if let template = app.template {
            hasProbe = template.text.contains("readinessProbe")
        } else {
            let cluster = AppCluster(client: client, app: app)
            guard let live = try? await cluster.survey().recorded?.color else { return nil }
            hasProbe = try? await cluster.hasReadinessProbe(live)
        }
        guard hasProbe == false else { return nil }
        return Finding(
            state: .warning,
            app: app.name.text,
            what: "the pods have no readiness probe: they count as ready as soon as their process runs",
            fix:
                "add a readinessProbe to the pod template, or set ready.stable to the app's start time"
        )
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
                fix: "correct ports.\(color), or the service"
            )
        } catch let error as KubernetesError where error.isNotFound {
            return Finding(
                state: .ok, app: app.name.text, what: "service \(name) will be created with NodePort \(port)")
        } catch {
            return Finding(state: .bad, app: app.name.text, what: "service \(name): \(error)")
        }
    }
}
