import Controller
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Stray pods")
struct StrayTests {
    private static let old = "\(Blog.image):\(Blog.oldVersion)"

    private func stray(_ name: String, labels: JSON = ["name": "blog-green"], owner: JSON? = nil, image: String = old)
        -> JSON
    {
        var pod: JSON = [
            "metadata": ["name": .string(name), "labels": labels],
            "spec": ["containers": [["name": "blog", "image": .string(image), "command": ["sleep", "1000"]]]],
        ]
        if let owner { pod[at: "metadata.ownerReferences"] = [owner] }
        return pod
    }

    @Test(
        "pods without an owner stop a release before it creates anything, with name, image and machine",
        arguments: AppConfiguration.Workload.allCases)
    func refused(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({ $0.workload = workload }) { cluster in
            for name in ["stray-2", "stray-1"] { _ = try await cluster.client.create(.pods, stray(name)) }
            let error = try #require(
                await #expect(throws: Refusal.self) {
                    try await cluster.cluster().createCandidate(Blog.order(), Blog.survey())
                })
            #expect(
                error.message
                    == "2 pods that do not belong to this release would receive requests for green: stray-1, stray-2")
            #expect(error.details.count == 3)
            #expect(error.details[0].hasSuffix(" runs \(Self.old) and has no owner"), "\(error)")
            #expect(
                error.details[2]
                    == "to fix: viridian deploy blog --version \(Blog.version) --remove-strays, "
                    + "or kubectl -n blog delete pod stray-1 stray-2")
            #expect(try await cluster.workload(.green) == nil)
            #expect(try await cluster.client.list(.services, namespace: "blog").items.isEmpty)
            #expect(try await cluster.pods("blog-green").allSatisfy { !$0.isBeingDeleted })
        }
    }

    @Test("with --remove-strays they are deleted, and the candidate has only its own pods")
    func removed() async throws {
        try await TestCluster.run { cluster in
            _ = try await cluster.client.create(.pods, stray("stray"))
            _ = try await cluster.client.create(.pods, stray("neighbour", labels: ["name": "other"]))
            var order = Blog.order()
            order.removeStrays = true
            let news = News()
            try await cluster.cluster().createCandidate(order, Blog.survey(replicas: 1), report: news.take)
            #expect(news.notes.first == "Deleted pod stray, which had no owner")
            let seen = try await cluster.verdict(.green, order, desired: 1)
            #expect(seen.verdict == .ready)
            #expect(seen.report.pods.allSatisfy { $0.name.hasPrefix("blog-green-") })
            #expect(try await cluster.pods("blog-green").map { $0.images } == [[order.image]])
            #expect(try await cluster.client.get(.pods, "neighbour").mayServe)
        }
    }

    @Test("pods with an owner are never deleted: the refusal names the owner")
    func owned() async throws {
        try await TestCluster.run { cluster in
            let controller: JSON = [
                "metadata": ["name": "worker"],
                "spec": [
                    "replicas": 1, "selector": ["name": "blog-green", "tier": "worker"],
                    "template": [
                        "metadata": ["labels": ["name": "blog-green", "tier": "worker"]],
                        "spec": ["containers": [["name": "w", "image": "busybox", "command": ["sleep", "1000"]]]],
                    ],
                ],
            ]
            _ = try await cluster.client.create(.replicationControllers, controller)
            try await eventually { try await cluster.pods("blog-green").count == 1 }
            var order = Blog.order()
            order.removeStrays = true
            let error = try #require(
                await #expect(throws: Refusal.self) {
                    try await cluster.cluster().createCandidate(order, Blog.survey())
                })
            #expect(error.details[0].hasSuffix("runs busybox and belongs to ReplicationController worker"), "\(error)")
            #expect(
                error.details[1]
                    == "to fix: ReplicationController worker would recreate such pods: give its pods other labels than "
                    + "name=blog-green, or change the selector of service blog-green")
            #expect(error.details.count == 2)
            #expect(try await cluster.pods("blog-green").allSatisfy(\.mayServe))
        }
    }

    @Test("pods that the colour's service selects by other labels count too")
    func selected() async throws {
        try await TestCluster.run { cluster in
            _ = try await cluster.client.create(
                .services,
                [
                    "metadata": ["name": "blog-green"],
                    "spec": [
                        "type": "NodePort", "selector": ["tier": "web"],
                        "ports": [["port": 9000, "nodePort": .integer(Int64(cluster.app.ports.green))]],
                    ],
                ])
            _ = try await cluster.client.create(.pods, stray("web", labels: ["tier": "web"]))
            let error = await words { try await cluster.cluster().createCandidate(Blog.order(), Blog.survey()) }
            #expect(
                error?.hasPrefix("1 pod that does not belong to this release would receive requests for green: web\n")
                    == true)
        }
    }

    @Test("ended pods, and pods of an earlier release's candidate, are no strays")
    func harmless() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.green, 3, version: "1.0")
            var done = stray("done", labels: ["name": "blog-green", "job": "x"])
            done[at: "spec.containers"] = [["name": "x", "image": "busybox", "command": ["true"]]]
            done[at: "spec.restartPolicy"] = "Never"
            // With an owner, so that no controller adopts it while it runs.
            done[at: "metadata.ownerReferences"] = [
                ["apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x", "controller": true]
            ]
            _ = try? await cluster.client.create(.pods, done)
            try await cluster.cluster().createCandidate(Blog.order(4), Blog.survey(replicas: 1))
            #expect(try await cluster.verdict(.green, Blog.order(4), desired: 1).verdict == .ready)
        }
    }

    @Test("a pod that comes later and is adopted does not count and fails the release, with its image")
    func adopted() async throws {
        try await TestCluster.run { cluster in
            // Created right before its controller, and after the check for strays.
            let order = Blog.order()
            _ = try await cluster.client.create(.pods, stray("stray"))
            let candidate = CandidateWorkload(app: cluster.app, order: order, survey: Blog.survey(replicas: 1))
            _ = try await cluster.client.create(.replicationControllers, try candidate.makeObject().object)
            let seen = try await cluster.verdict(.green, order, desired: 1)
            guard case .failed(let why, let details) = seen.verdict else {
                Issue.record("\(seen)")
                return
            }
            #expect(why == "1 pod of blog-green does not run \(order.image)")
            #expect(details.first == "stray runs \(Self.old)")
            #expect(seen.report.ready == 0)
        }
    }

    @Test(
        "a pod without an owner that comes later stops the release, or is deleted with --remove-strays",
        arguments: [false, true])
    func lastLook(_ removes: Bool) async throws {
        try await TestCluster.run({ $0.workload = .deployment }) { cluster in
            var order = Blog.order()
            order.removeStrays = removes ? true : nil
            let survey = Blog.survey(live: .blue, replicas: 1)
            try await cluster.cluster().createCandidate(order, survey)
            _ = try await cluster.client.create(.pods, stray("stray"))
            let seen = try await cluster.verdict(.green, order, desired: 1)
            #expect(seen.verdict == .ready)
            #expect(
                seen.report.warnings
                    == ["pod stray (\(Self.old)) has green's labels but no owner: it does not count"])
            if removes {
                let size = try await cluster.cluster().followLive(order, survey)
                #expect(size.notes == ["Deleted pod stray, which had no owner"])
            } else {
                let error = await words { try await cluster.cluster().followLive(order, survey) }
                #expect(
                    error?.hasPrefix(
                        "1 pod that does not belong to this release would receive requests for green: stray\n") == true)
            }
        }
    }

    @Test("before a first release no pods are deleted: they may serve visitors")
    func first() async throws {
        try await TestCluster.run { cluster in
            _ = try await cluster.client.create(.pods, stray("serves", labels: ["name": "blog-blue"]))
            var order = Blog.order(1)
            order.removeStrays = true
            let error = await words {
                try await cluster.cluster().createCandidate(order, Blog.survey(live: nil))
            }
            #expect(error?.hasSuffix("\nto fix: kubectl -n blog delete pod serves") == true, "\(error ?? "")")
            #expect(try await cluster.client.get(.pods, "serves").mayServe)
        }
    }

    @Test("without the right to delete pods, the refusal names the rule and where to find it")
    func denied() async throws {
        try await TestCluster.run { cluster in
            _ = try await cluster.client.create(.pods, stray("stray"))
            cluster.sandbox.faults.deny(RequestMatcher(verbs: ["delete"], resource: "pods"))
            var order = Blog.order()
            order.removeStrays = true
            let error = await words { try await cluster.cluster().createCandidate(order, Blog.survey()) }
            #expect(
                error?.contains("{apiGroups: [\"\"], resources: [pods], verbs: [delete]}") == true, "\(error ?? "")")
        }
    }
}

/// Repeats `body` until it is true.
func eventually(_ body: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(600)
    while try await !body() {
        try #require(ContinuousClock.now < limit, "it has not come about within ten minutes")
        try await Task.sleep(for: .milliseconds(20))
    }
}
