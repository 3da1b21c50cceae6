import Foundation
import Kubernetes
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// `render kubernetes` and `render rbac`.
@Suite("rendering for the cluster")
struct KubernetesRenderingTests {
    @Test(
        "every app gets its namespace, services and rights, and names are quoted where YAML would read something else")
    func severalApps() throws {
        let odd = try AppConfiguration(
            app: "on", namespace: "123", ports: .init(container: 80, blue: 30020, green: 30021), image: "r.local/on")
        let all = configuration([try blog(), odd])
        let text = try rendered(.kubernetes, all)
        #expect(text.components(separatedBy: "---\n").count == 6)
        #expect(text.contains("kind: Namespace\nmetadata:\n  name: \"123\"\n"))
        #expect(text.contains("  namespace: \"123\"\n"))
        #expect(text.contains("name: on-blue\n"))
    }

    /// `group/resource: verbs` of each rule.
    private func rules(_ text: String) -> [String] {
        text.split(separator: "- apiGroups: ").dropFirst().map { rule in
            let lines = rule.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            func value(_ key: String) -> String {
                lines.first { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) } ?? "?"
            }
            return "\(lines[0]) \(value("resources: ")) \(value("verbs: "))"
        }
    }

    @Test("the role holds what a release asks of the API, and no more")
    func rights() throws {
        let text = try rendered(.rbac, configuration([try blog()]))
        #expect(
            rules(text) == [
                "[coordination.k8s.io] [leases] [get, create, update]", "[\"\"] [services] [get, create]",
                "[\"\"] [replicationcontrollers] [get, list, watch, create, patch, delete]",
                "[\"\"] [pods] [list, watch]", "[\"\"] [pods] [delete]", "[\"\"] [pods/log] [get]",
                "[\"\"] [events] [list, watch]", "[\"\"] [persistentvolumeclaims] [get]",
                "[autoscaling] [horizontalpodautoscalers] [list, create, delete]", "[\"\"] [resourcequotas] [list]",
            ])
        #expect(!text.contains("ClusterRole"))
        // It is the same one whichever apps there are, and says how to get at a token.
        let account = "kind: ServiceAccount\nmetadata:\n  name: viridian\n  namespace: viridian\n"
        #expect(text.contains(account))
        #expect(try rendered(.rbac, configuration([try blog(), try www()])).contains(account))
        #expect(text.contains("kubectl create token viridian --namespace viridian"))
        let deployment = try rendered(.rbac, configuration([try blog { $0.workload = .deployment }]))
        #expect(rules(deployment).contains("[apps] [deployments] [get, list, watch, create, patch, delete]"))
        #expect(!deployment.contains("replicationcontrollers"))
    }

    @Test("only where the cluster is the inventory may the account list its nodes")
    func nodes() throws {
        let all = configuration([try blog(), try www()], inventory: .kubernetes(.init(selector: "role=web")))
        let text = try rendered(.rbac, all)
        #expect(text.contains("kind: ClusterRole\n"))
        #expect(rules(text).last == "[\"\"] [nodes] [list]")
        // One account for both namespaces, in neither of them.
        #expect(text.components(separatedBy: "kind: ServiceAccount\nmetadata:").count == 2)
        #expect(text.components(separatedBy: "  name: viridian\n  namespace: viridian\n").count == 5)
    }

    // MARK: - Additions

    private func objects(
        _ app: AppConfiguration, with additions: Set<KubernetesAddition>
    ) throws -> [(kind: String, object: JSON)] {
        let files = try Rendering.kubernetes.files(
            configuration([app]), apps: [app], options: .with { $0.additions = additions })
        return try documents(Rendering.kubernetes.text(files))
    }

    @Test("without additions there are only the namespace and the services")
    func plain() throws {
        #expect(try objects(blog(), with: []).map(\.kind) == ["Namespace", "Service", "Service"])
    }

    @Test(
        "the quota holds both colours, pods that are still terminating, and the namespace's others; limits come with it"
    )
    func quota() throws {
        let found = try objects(blog { $0.replicas = 3 }, with: [.quota])
        #expect(found.map(\.kind) == ["Namespace", "Service", "Service", "ResourceQuota", "LimitRange"])
        let hard = try #require(found.first { $0.kind == "ResourceQuota" }?.object[at: "spec.hard"])
        #expect(hard["pods"] == "14" && hard["requests.cpu"] == "1400m" && hard["requests.memory"] == "1792Mi")
        // Without this, a pod whose containers ask for nothing would be refused.
        let limit = try #require(found.last?.object[at: "spec.limits"]?[0])
        #expect(limit[at: "defaultRequest.cpu"] == "100m" && limit[at: "defaultRequest.memory"] == "128Mi")
    }

    @Test("the quota is as large as the pods of the template are")
    func template() throws {
        let text = """
            spec:
              initContainers: [{name: first, resources: {requests: {cpu: 2, memory: 64Mi}}}]
              containers:
              - {name: blog, resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {memory: 2Gi}}}
              - {name: side, resources: {limits: {memory: 512Mi}}}
            """
        let app = try blog { $0.template = .init(path: "/x/pod.yaml", text: text) }
        let hard = try #require(try objects(app, with: [.quota])[3].object[at: "spec.hard"])
        // 3 pods of 2 processors (the init container's) and 1.5 GiB, and 5 of 100m and 128 MiB.
        #expect(hard["pods"] == "8" && hard["requests.cpu"] == "6500m" && hard["requests.memory"] == "5248Mi")
    }

    @Test("a drain takes one pod of a colour at a time, also the only one")
    func budgets() throws {
        let found = try objects(blog(), with: [.disruptionBudgets]).filter { $0.kind == "PodDisruptionBudget" }
        #expect(found.count == 2)
        for (budget, color) in zip(found, ["blog-blue", "blog-green"]) {
            #expect(budget.object[at: "spec.maxUnavailable"]?.integer == 1)
            #expect(budget.object[at: "spec.minAvailable"] == nil)
            #expect(budget.object[at: "spec.selector.matchLabels"] == ["name": .string(color)])
        }
    }

    @Test("the network policies let everybody to the app's port, and to the rest only the namespace's own pods")
    func policies() throws {
        let found = try objects(blog(), with: [.networkPolicy]).filter { $0.kind == "NetworkPolicy" }.map(\.object)
        try #require(found.count == 2)
        #expect(found[0][at: "spec.podSelector"] == [:])
        #expect(found[0][at: "spec.ingress"] == [["from": [["podSelector": [:]]]]])
        #expect(found[1][at: "spec.ingress"] == [["ports": [["protocol": "TCP", "port": 9000]]]])
        let pods = found[1][at: "spec.podSelector.matchExpressions"]?[0]
        #expect(pods?["values"] == ["blog-blue", "blog-green"])
        // DNS, databases and S3 stay reachable.
        for policy in found { #expect(policy[at: "spec.policyTypes"] == ["Ingress"]) }
    }

    @Test("every file that an app is named in has a name of its own")
    func paths() throws {
        let names = ["account", "nodes", "app"]
        let apps = try names.enumerated().map {
            try AppConfiguration(
                app: $1, ports: .init(container: 80, blue: 30000 + 10 * $0, green: 30001 + 10 * $0), image: "r.local/a")
        }
        let all = configuration(apps, inventory: .kubernetes(.init()))
        for what in [Rendering.kubernetes, .rbac] {
            let paths = try what.files(all, apps: apps).map(\.path)
            #expect(Set(paths).count == paths.count)
        }
    }

    // MARK: - Consumers

    /// `-k`: the newest, one of two years ago, and the oldest that knows every field.
    @Test(
        "kubernetes-validate takes everything strictly", .needsPython("kubernetes_validate"),
        arguments: ["1.37.0", "1.32.0", "1.27.0"])
    func validated(version: String) async throws {
        let all = configuration(
            [try blog { $0.replicas = 3 }, try www { $0.workload = .deployment }],
            inventory: .kubernetes(.init(selector: "role=web")))
        try await withFolder { folder in
            for what in [Rendering.kubernetes, .rbac, .install] {
                let options = RenderingOptions.with {
                    $0.additions = Set(KubernetesAddition.allCases)
                    $0.written = .init(
                        files: [.init(path: "viridian.yaml", text: "nodes: {static: [10.0.0.1]}\napps: apps/*.yaml\n")],
                        variables: ["SLACK_TOKEN"])
                }
                for file in try what.files(all, apps: all.apps, options: options) {
                    try write(file.text, to: "\(folder)/\(file.path)")
                    guard file.path.hasSuffix(".yaml") else { continue }
                    let taken = try await validate("\(folder)/\(file.path)", version: version)
                    #expect(taken.succeeded, "\(file.path): \(taken.output)\(taken.error)")
                    #expect(taken.output.contains("INFO"), "\(taken)")
                }
            }
        }
    }

    @Test("kubernetes-validate refuses what it should", .needsPython("kubernetes_validate"))
    func refused() async throws {
        try await withFolder { folder in
            let text = try rendered(.kubernetes, configuration([try blog()]))
            try write(text.replacing("nodePort: 30000", with: "nodePort: \"30000\""), to: "\(folder)/blog.yaml")
            #expect(try await validate("\(folder)/blog.yaml", version: "1.37.0").succeeded == false)
        }
    }

    private func validate(_ file: String, version: String) async throws -> Completed {
        let python = try #require(await Python.find("kubernetes_validate"))
        return try await Command(python, ["-m", "kubernetes_validate", "-k", version, "--strict", file])
            .run(deadline: .seconds(600))
    }
}

extension RenderingOptions {
    /// The defaults, changed.
    static func with(_ change: (inout RenderingOptions) -> Void) -> RenderingOptions {
        var options = RenderingOptions()
        change(&options)
        return options
    }
}

/// The objects of a stream of YAML.
func documents(_ text: String) throws -> [(kind: String, object: JSON)] {
    try text.components(separatedBy: "---\n").map {
        let object = try JSON(yaml: $0)
        return (object["kind"]?.string ?? "?", object)
    }
}
