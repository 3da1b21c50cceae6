import Controller
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("The candidate's size and autoscalers are the live colour's")
struct ScaleTests {
    private static let scaler: JSON = [
        "metadata": [
            "name": "blog-blue", "labels": ["team": "web", "name": "blog-blue"],
            "annotations": ["example.com/owner": "anna", "kubectl.kubernetes.io/last-applied-configuration": "{}"],
        ],
        "spec": [
            "minReplicas": 2, "maxReplicas": 9,
            "scaleTargetRef": ["apiVersion": "v1", "kind": "ReplicationController", "name": "blog-blue"],
            "behavior": ["scaleDown": ["stabilizationWindowSeconds": 60]],
            "metrics": [
                ["type": "Resource", "resource": ["name": "cpu", "target": ["type": "Utilization"]]],
                ["type": "Object", "object": ["describedObject": ["kind": "Service", "name": "blog-blue"]]],
            ],
        ],
    ]

    private func scaler(name: String = "blog-blue", target: String = "blog-blue") -> JSON {
        var scaler = Self.scaler
        scaler[at: "metadata.name"] = .string(name)
        scaler[at: "spec.scaleTargetRef.name"] = .string(target)
        return scaler
    }

    private func scalers(_ cluster: TestCluster) async throws -> [String] {
        try await cluster.client.list(Resource.horizontalPodAutoscalers[0], namespace: "blog").items
            .compactMap(\.name).sorted()
    }

    /// blue is live with two replicas, green is release 8's candidate.
    private func withColours(
        _ configure: @Sendable (inout AppConfiguration) -> Void = { _ in },
        _ body: (TestCluster, Order, Survey) async throws -> Void
    ) async throws {
        try await TestCluster.run(configure) { cluster in
            try await cluster.bringUp(.blue, 7, replicas: 2)
            let (order, survey) = (Blog.order(8), Blog.survey(live: .blue, replicas: 2))
            try await cluster.cluster().createCandidate(order, survey)
            try await body(cluster, order, survey)
        }
    }

    private func set(_ replicas: Int, _ color: Color, _ cluster: TestCluster) async throws {
        let object = try #require(try await cluster.workload(color))
        _ = try await cluster.client.setScale(
            of: object.workloadResource, "blog-\(color)", to: replicas, namespace: "blog")
    }

    @Test("when the live colour grew, the candidate is scaled up", arguments: AppConfiguration.Workload.allCases)
    func grown(_ workload: AppConfiguration.Workload) async throws {
        try await withColours({ $0.workload = workload }) { cluster, order, survey in
            #expect(try await cluster.cluster().followLive(order, survey) == CandidateSize(replicas: 2))
            try await set(4, .blue, cluster)
            let size = try await cluster.cluster().followLive(order, survey)
            #expect(size.replicas == 4)
            #expect(size.notes == ["green is scaled from 2 to 4 replicas, as many as the live colour has"])
            #expect(try await cluster.cluster().followLive(order, survey) == CandidateSize(replicas: 4))
            #expect(try await cluster.verdict(.green, order, desired: 4).report.ready == 4)
        }
    }

    @Test("when it shrank, the candidate keeps its size, and a requested number stays")
    func shrunk() async throws {
        try await withColours { cluster, order, survey in
            try await set(1, .blue, cluster)
            #expect(try await cluster.cluster().followLive(order, survey) == CandidateSize(replicas: 2))
            try await set(5, .blue, cluster)
            var asked = order
            asked.replicas = 2
            #expect(try await cluster.cluster().followLive(asked, survey) == CandidateSize(replicas: 2))
            #expect(try await cluster.workload(.green)?[at: "spec.replicas"] == 2)
        }
    }

    @Test("a candidate that was scaled down is scaled up again, and a deleted one is an error")
    func interference() async throws {
        try await withColours { cluster, order, survey in
            try await set(1, .green, cluster)
            #expect(try await cluster.cluster().followLive(order, survey).replicas == 2)
            #expect(try await cluster.workload(.green)?[at: "spec.replicas"] == 2)
            try await cluster.cluster().remove(.green, madeBy: 8, orOlder: false)
            let error = await #expect(throws: Refusal.self) {
                try await cluster.cluster().followLive(order, survey)
            }
            #expect(error?.message == "the candidate blog-green was deleted by another client")
        }
    }

    @Test("the live colour's autoscaler is copied once and deleted with its colour; another app's stays")
    func twin() async throws {
        try await withColours { cluster, order, survey in
            let resource = Resource.horizontalPodAutoscalers[0]
            _ = try await cluster.client.create(resource, scaler())
            _ = try await cluster.client.create(resource, scaler(name: "redis", target: "redis"))
            for _ in 1...2 { _ = try await cluster.cluster().followLive(order, survey) }
            #expect(try await scalers(cluster) == ["blog-blue", "blog-green", "redis"])
            let twin = try await cluster.client.get(resource, "blog-green")
            #expect(
                twin["spec"] == [
                    "minReplicas": 2, "maxReplicas": 9,
                    "scaleTargetRef": ["apiVersion": "v1", "kind": "ReplicationController", "name": "blog-green"],
                    "behavior": ["scaleDown": ["stabilizationWindowSeconds": 60]],
                    "metrics": [
                        ["type": "Resource", "resource": ["name": "cpu", "target": ["type": "Utilization"]]],
                        ["type": "Object", "object": ["describedObject": ["kind": "Service", "name": "blog-green"]]],
                    ],
                ])
            #expect(
                twin[at: "metadata.labels"] == [
                    "team": "web", "name": "blog-green", "app.kubernetes.io/managed-by": "viridian",
                ])
            #expect(
                twin[at: "metadata.annotations"] == ["example.com/owner": "anna", "viridian.dev/release": "8"])
            try await cluster.cluster().remove(.blue, madeBy: 7, orOlder: true)
            #expect(try await scalers(cluster) == ["blog-green", "redis"])
            // The next release, to the other colour.
            let next = Blog.order(9)
            let back = Blog.survey(live: .green, replicas: 2)
            try await cluster.cluster().createCandidate(next, back)
            _ = try await cluster.cluster().followLive(next, back)
            #expect(try await scalers(cluster) == ["blog-blue", "blog-green", "redis"])
            // An aborted candidate is deleted with its autoscaler.
            try await cluster.cluster().remove(.blue, madeBy: 9, orOlder: false)
            #expect(try await scalers(cluster) == ["blog-green", "redis"])
        }
    }

    @Test(
        "the copy's name is the model's in the other colour, in both directions",
        arguments: [
            ("blog-blue", "blog-green"), ("blue-by-cpu", "green-by-cpu"), ("scaler", "scaler-green"),
            ("blue-blue", "blue-green"),
        ])
    func names(_ name: String, _ twin: String) throws {
        let target: JSON = ["kind": "Deployment", "metadata": ["name": "blog-green"]]
        var model: JSON = ["metadata": ["name": .string(name)], "spec": [:]]
        let app = try Blog.app()
        let made = CandidateAutoscaler(app: app, order: Blog.order(), candidate: .green, model: model).object(
            for: target)
        #expect(made.name == twin)
        #expect(
            made[at: "spec.scaleTargetRef"] == ["apiVersion": "apps/v1", "kind": "Deployment", "name": "blog-green"])
        model[at: "metadata.name"] = .string(twin)
        let back = CandidateAutoscaler(app: app, order: Blog.order(), candidate: .blue, model: model).object(
            for: target)
        #expect(back.name == (name == "scaler" ? "scaler-blue" : name))
    }

    @Test("without the right to list autoscalers, a release runs without them and the log says what to add")
    func denied() async throws {
        try await withColours { cluster, order, survey in
            cluster.sandbox.faults.deny(RequestMatcher(resource: "horizontalpodautoscalers"))
            let size = try await cluster.cluster().followLive(order, survey)
            #expect(size.replicas == 2)
            #expect(size.notes.count == 1)
            let rule = "{apiGroups: [\"autoscaling\"], resources: [horizontalpodautoscalers], verbs: [list]}"
            #expect(size.notes.first?.contains(rule) == true, "\(size.notes)")
            try await cluster.cluster().remove(.blue, madeBy: 7, orOlder: true)
            #expect(try await cluster.workload(.blue) == nil)
        }
    }

    @Test("a colour retained for a rollback loses its autoscaler before it is used again")
    func retained() async throws {
        try await withColours { cluster, _, survey in
            _ = try await cluster.client.create(
                Resource.horizontalPodAutoscalers[0], scaler(name: "blog-green", target: "blog-green"))
            try await set(1, .green, cluster)
            let uid = try await cluster.uid(.green)
            try await cluster.cluster().createCandidate(Blog.order(9), survey)
            #expect(try await cluster.uid(.green) == uid)
            #expect(try await cluster.workload(.green)?[at: "spec.replicas"] == 2)
            #expect(try await scalers(cluster) == [])
        }
    }
}

@Suite("Missing rights")
struct RightsTests {
    @Test("a missing right is named with its rule for every call")
    func named() async throws {
        let calls: [(RequestMatcher, String, @Sendable (AppCluster) async throws -> Void)] = [
            (
                RequestMatcher(verbs: ["create"], resource: "leases"),
                "{apiGroups: [\"coordination.k8s.io\"], resources: [leases], verbs: [create]}",
                { _ = try await $0.acquireLease() }
            ),
            (
                RequestMatcher(verbs: ["get"], resource: "replicationcontrollers"),
                "{apiGroups: [\"\"], resources: [replicationcontrollers], verbs: [get]}",
                { _ = try await $0.survey() }
            ),
            (
                RequestMatcher(verbs: ["create"], resource: "services"),
                "{apiGroups: [\"\"], resources: [services], verbs: [create]}",
                { try await $0.createCandidate(Blog.order(1), Blog.survey(live: nil)) }
            ),
        ]
        for (matcher, rule, call) in calls {
            try await TestCluster.run { cluster in
                cluster.sandbox.faults.deny(matcher)
                let error = await #expect(throws: Refusal.self) { try await call(cluster.cluster()) }
                #expect(error?.message.contains("needs the rule \(rule) in its role in namespace blog") == true)
                #expect(error?.details == ["every right that a release needs: viridian render rbac blog"])
            }
        }
    }

    @Test("a webhook's message is the refusal's")
    func webhook() async throws {
        try await TestCluster.run { cluster in
            let words = "admission webhook \"images.example.com\" denied the request: no image without a digest"
            cluster.sandbox.faults.inject(
                .refuse(status: 403, reason: "Forbidden", message: words),
                on: RequestMatcher(verbs: ["create"], resource: "replicationcontrollers"))
            let error = await #expect(throws: Refusal.self) {
                try await cluster.cluster().createCandidate(Blog.order(1), Blog.survey(live: nil))
            }
            #expect(error?.message.hasPrefix("the cluster does not accept blog-blue: ") == true)
            #expect(error?.message.hasSuffix(words) == true)
        }
    }

    @Test("a denial by a server that has just started and has not read the roles is retried")
    func starting() async throws {
        try await TestCluster.run { cluster in
            cluster.sandbox.faults.inject(
                .refuse(
                    status: 403, reason: "Forbidden",
                    message: "leases is forbidden: User \"viridian\" cannot get resource \"leases\" in API group \"\""),
                on: RequestMatcher(verbs: ["get"], resource: "leases"), count: 1)
            let term = try await cluster.cluster().acquireLease()
            #expect(term.lastRelease == 0)
        }
    }

    @Test("a server that denies even /readyz has a few seconds to load its roles; then the missing right is named")
    func denyingReadiness() async throws {
        try await TestCluster.run { cluster in
            let denial = FaultAction.refuse(
                status: 403, reason: "Forbidden",
                message: "leases is forbidden: User \"viridian\" cannot get resource \"leases\" in API group \"\"")
            let readiness = FaultAction.refuse(
                status: 403, reason: "Forbidden",
                message: "forbidden: User \"viridian\" cannot get path \"/readyz\"")
            cluster.sandbox.faults.inject(readiness, on: RequestMatcher(path: "/readyz"))
            cluster.sandbox.faults.inject(denial, on: RequestMatcher(verbs: ["get"], resource: "leases"), count: 4)
            let term = try await cluster.cluster().acquireLease()
            #expect(term.lastRelease == 0)

            cluster.sandbox.faults.deny(RequestMatcher(verbs: ["get"], resource: "replicationcontrollers"))
            var app = cluster.cluster()
            app.denialTolerance = .milliseconds(300)
            let error = await #expect(throws: Refusal.self) { try await app.survey() }
            #expect(error?.message.contains("needs the rule") == true, "\(error as Any)")
        }
    }
}
