import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// Looks at everything without changing anything.
struct Preflight {
    let installation: Installation

    init(_ installation: Installation) {
        self.installation = installation
    }

    func findings() async -> [Finding] {
        var findings = [Finding(state: .ok, what: "configuration \(installation.configuration.file)"), journal]
        findings += installation.configuration.unbuilt.map { key in
            Finding(
                state: .warning, what: "\(key) is configured, and this version of viridian does nothing with it",
                mend: "remove it, so that nobody relies on it")
        }
        guard let client = installation.cluster else {
            findings.append(
                Finding(
                    state: .bad, what: installation.clusterTrouble ?? "there is no cluster",
                    mend: "name the right kubeconfig and context in kubernetes:"))
            for app in installation.configuration.apps {
                if let fleet = installation.fleet { findings += await nodes(app, fleet, nil) }
            }
            return findings
        }
        do {
            let version = try await client.get(path: "/version")["gitVersion"]?.string ?? "?"
            let way = client.access.proxy.map { ", through \($0)" } ?? ""
            findings.append(
                Finding(
                    state: .ok,
                    what: "Kubernetes API \(client.access.server), \(version) (\(client.access.origin)\(way))")
            )
        } catch {
            findings.append(
                Finding(state: .bad, what: "\(error)", mend: "name the right kubeconfig and context in kubernetes:")
            )
        }
        if let finding = await inventoryRight(client) { findings.append(finding) }
        for app in installation.configuration.apps {
            findings += await cluster(app, client)
            if let fleet = installation.fleet { findings += await nodes(app, fleet, client) }
        }
        if installation.configuration.apps.isEmpty {
            findings.append(Finding(state: .warning, what: "no app is configured", mend: "add a file to apps/"))
        }
        return findings
    }

    private var journal: Finding {
        let path = installation.journal.path
        if let trouble = installation.journalTrouble {
            return Finding(state: .bad, what: trouble, mend: "no release can begin until the journal can be written")
        }
        let rights = (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? 0o600
        guard rights & 0o077 != 0 else { return Finding(state: .ok, what: "journal \(path)") }
        return Finding(
            state: .warning, what: "journal \(path) is open to other users of this machine: the audit log is in it",
            mend: "chmod 600 \(path)*")
    }

    // MARK: Cluster

    private func cluster(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let name = app.name.text
        var findings: [Finding] = []
        do {
            findings += try await rights(of: app, client)
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
        if let finding = await readiness(app, client) { findings.append(finding) }
        if let finding = await strays(app, client) { findings.append(finding) }
        return findings + (await managers(app, client)) + (await conflicts(app, client))
    }

    /// Pods that would answer as the next release's candidate. Rights are asked for elsewhere.
    private func strays(_ app: AppConfiguration, _ client: KubernetesClient) async -> Finding? {
        let cluster = AppCluster(client: client, app: app)
        guard let live = try? await cluster.survey().recorded?.color,
            let names = try? await cluster.strays(of: live.other), !names.isEmpty
        else { return nil }
        return Finding(
            state: .warning,
            app: app.name.text,
            what:
                "\(counted(names.count, "pod")) would answer as \(live.other) and \(names.count == 1 ? "is" : "are") not "
                + "\(app.workloadName(live.other))'s: \(names.joined(separator: ", ")); the next release stops there",
            mend: "delete what belongs to nobody (viridian deploy \(app.name) --remove-strays does), relabel the rest"
        )
    }

    /// Two programs that each make the same objects what they want take turns. Rights are asked for elsewhere.
    private func managers(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let found = (try? await AppCluster(client: client, app: app).managers()) ?? []
        return found.map { manager in
            let marks = manager.marks.joined(separator: ", ")
            return Finding(
                state: .warning,
                app: app.name.text,
                what:
                    "\(manager.object) is managed by \(manager.program) as well (\(marks)): it will set replicas back, and delete or make again what a release changes",
                mend: "take the workloads and autoscalers of both colours out of \(manager.program); services may stay"
            )
        }
    }

    /// Without a probe a pod counts as ready as soon as its process runs, so that traffic may move to one that cannot answer yet.
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
            what: "its pods have no readiness probe: they count as ready as soon as their process runs",
            mend:
                "add a readinessProbe to the pod template, or set ready.stable to the time that the app takes to start"
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
                mend: "correct ports.\(color), or the service"
            )
        } catch let error as KubernetesError where error.isNotFound {
            return Finding(
                state: .ok, app: app.name.text, what: "service \(name) will be created with NodePort \(port)")
        } catch {
            return Finding(state: .bad, app: app.name.text, what: "service \(name): \(error)")
        }
    }
}

extension Configuration {
    /// Keys that are known, so that a configuration may have them, and that nothing is done with yet.
    var unbuilt: [String] {
        var keys: [String] = []
        if hooks.registry != nil || hooks.gitlab != nil || hooks.github != nil { keys.append("hooks") }
        if slack != nil { keys.append("slack") }
        if !notify.isEmpty { keys.append("notify") }
        return keys
    }
}
