import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Workloads

/// Mirrors on a real API server, which sets defaults, drops fields and validates.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["VIRIDIAN_REAL_CLUSTER"]?.isEmpty == false,
        "no real cluster: script/e2e runs this")
)
struct RealClusterMirrorTests {
    /// A separate namespace in which blue is what `make` returns for the fullest template.
    private func withNamespace(
        _ workload: AppConfiguration.Workload,
        _ body: (AppCluster, KubernetesClient, String) async throws -> Void
    ) async throws {
        let kubeconfig = ProcessInfo.processInfo.environment["VIRIDIAN_REAL_CLUSTER"]
        let client = KubernetesClient(try ClusterAccess.discover(kubeconfig: kubeconfig))
        let namespace = "mirror-" + UUID().uuidString.prefix(8).lowercased()
        let all = try await client.list(.services).items.flatMap { $0[at: "spec.ports"]?.array ?? [] }
        let taken = Set(all.compactMap { $0["nodePort"]?.integer })
        let blue = try #require(
            stride(from: 30_010, to: 32_760, by: 10).shuffled().first { taken.isDisjoint(with: [$0, $0 + 1]) })
        var app = try Blog.app(blue: blue, green: blue + 1) { $0.workload = workload }
        app.namespace = namespace
        do {
            _ = try await client.create(.namespaces, ["metadata": ["name": .string(namespace)]])
            try await body(AppCluster(client: client, app: app), client, namespace)
            _ = try await client.delete(.namespaces, namespace)
            await client.shutdown()
        } catch {
            _ = try? await client.delete(.namespaces, namespace)
            await client.shutdown()
            throw error
        }
    }

    private func live(_ workload: AppConfiguration.Workload) throws -> JSON {
        let template = try JSON(parsing: FullestPod.template)
        let labels = template[at: "metadata.labels"] ?? [:]
        var spec: JSON = ["replicas": 0, "minReadySeconds": 3, "template": template]
        if workload == .deployment {
            spec["selector"] = ["matchLabels": labels]
            spec["strategy"] = ["type": "RollingUpdate", "rollingUpdate": ["maxSurge": "30%", "maxUnavailable": 1]]
            spec["revisionHistoryLimit"] = 3
            spec["progressDeadlineSeconds"] = 77
        } else {
            spec["selector"] = labels
        }
        return [
            "metadata": [
                "name": "blog-blue", "labels": ["name": "blog-blue", "team": "web"],
                "annotations": ["example.com/owner": "anna"],
            ],
            "spec": spec,
        ]
    }

    @Test(
        "the fullest pod template that the API accepts is mirrored field by field",
        arguments: AppConfiguration.Workload.allCases)
    func fullest(_ workload: AppConfiguration.Workload) async throws {
        try await withNamespace(workload) { cluster, client, namespace in
            let blue = try await client.create(cluster.kind, try live(workload), namespace: namespace)
            // A field that the server dropped would not be tested.
            let kept = flattened(blue[at: "spec.template"] ?? .null)
            let asked = flattened(try JSON(parsing: FullestPod.template))
            #expect(asked.keys.filter { kept[$0] == nil }.sorted() == [])
            #expect(asked.count > 200)

            let survey = Survey(
                live: LiveVersion(color: .blue, version: "1"), candidate: .green, replicas: 0, nodes: [])
            try await cluster.createCandidate(Blog.order(7), survey)
            let green = try await client.get(cluster.kind, "blog-green", namespace: namespace)
            #expect(
                differences(blue["spec"] ?? .null, green["spec"] ?? .null).sorted()
                    == (workload == .deployment
                        ? [
                            "selector.matchLabels.name", "template.metadata.labels.app.kubernetes.io/managed-by",
                            "template.metadata.labels.app.kubernetes.io/version", "template.metadata.labels.name",
                        ]
                        : [
                            "selector.name", "template.metadata.labels.app.kubernetes.io/managed-by",
                            "template.metadata.labels.app.kubernetes.io/version", "template.metadata.labels.name",
                        ])
                    + [
                        "template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.0"
                            + ".labelSelector.matchLabels.name",
                        "template.spec.containers.0.image",
                        "template.spec.topologySpreadConstraints.0.labelSelector.matchLabels.name",
                    ])
            #expect(green[at: "metadata.labels.team"] == "web")
            #expect(green[at: "metadata.annotations"]?["example.com/owner"] == "anna")
            #expect(
                green[at: "spec.template.spec.containers"]?[0]?["image"] == "registry.local:5000/blog:20151025.143403")

            // A mirror of the mirror equals the first.
            let back = Survey(
                live: LiveVersion(color: .green, version: "2"), candidate: .blue, replicas: 0, nodes: [])
            try await cluster.remove(.blue, madeBy: 7, orOlder: true)
            try await cluster.createCandidate(Blog.order(8), back)
            let again = try await client.get(cluster.kind, "blog-blue", namespace: namespace)
            #expect(
                differences(blue["spec"] ?? .null, again["spec"] ?? .null) == [
                    "template.metadata.labels.app.kubernetes.io/managed-by",
                    "template.metadata.labels.app.kubernetes.io/version", "template.spec.containers.0.image",
                ])
        }
    }

    @Test("an autoscaler is copied in the server's API version, and deleted with its colour")
    func autoscaler() async throws {
        try await withNamespace(.deployment) { cluster, client, namespace in
            _ = try await client.create(.deployments, try live(.deployment), namespace: namespace)
            guard case .found(_, let resource) = try await cluster.autoscalers(of: .blue) else {
                Issue.record("an administrator may look")
                return
            }
            let metric: JSON =
                resource.version == "v1"
                ? [:]
                : [
                    "metrics": [
                        [
                            "type": "Resource",
                            "resource": [
                                "name": "cpu", "target": ["type": "Utilization", "averageUtilization": 55],
                            ],
                        ]
                    ],
                    "behavior": ["scaleDown": ["stabilizationWindowSeconds": 60]],
                ]
            let spec: JSON = [
                "minReplicas": 2, "maxReplicas": 9,
                "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "blog-blue"],
            ]
            let blue = try await client.create(
                resource, ["metadata": ["name": "blog-blue"], "spec": spec.merging(metric)], namespace: namespace)
            let survey = Survey(
                live: LiveVersion(color: .blue, version: "1"), candidate: .green, replicas: 0, nodes: [])
            try await cluster.createCandidate(Blog.order(7), survey)
            for _ in 1...2 { _ = try await cluster.followLive(Blog.order(7), survey) }
            let green = try await client.get(resource, "blog-green", namespace: namespace)
            #expect(differences(blue["spec"] ?? .null, green["spec"] ?? .null) == ["scaleTargetRef.name"])
            #expect(green[at: "spec.scaleTargetRef.name"] == "blog-green")
            try await cluster.remove(.blue, madeBy: 7, orOlder: true)
            let left = try await client.list(resource, namespace: namespace).items.compactMap(\.name)
            #expect(left == ["blog-green"])
        }
    }
}

/// Every value of an object by its path: `spec.containers.0.image`.
private func flattened(_ value: JSON, _ path: [String] = []) -> [String: JSON] {
    switch value {
    case .object(let members) where !members.isEmpty:
        members.reduce(into: [:]) { $0.merge(flattened($1.value, path + [$1.key])) { $1 } }
    case .array(let items) where !items.isEmpty:
        items.enumerated().reduce(into: [:]) { $0.merge(flattened($1.element, path + ["\($1.offset)"])) { $1 } }
    default: [path.joined(separator: "."): value]
    }
}

/// Paths at which two objects are not the same.
private func differences(_ one: JSON, _ other: JSON) -> [String] {
    let (one, other) = (flattened(one), flattened(other))
    return Set(one.keys).union(other.keys).filter { one[$0] != other[$0] }.sorted()
}
