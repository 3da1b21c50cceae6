import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Pods that take their time to end")
struct LeavingTests {
    /// Its pods end when they are killed, a minute after they were asked to.
    private static let stubborn = """
        spec:
          terminationGracePeriodSeconds: 60
          containers: [{name: blog, image: registry.local:5000/blog, command: [sh, -c, "trap '' TERM; echo up; while :; do sleep 0.1; done"]}]
        """

    /// A candidate whose pods will not end before they are killed.
    private func bringUp(_ cluster: TestCluster, replicas: Int = 1) async throws {
        try await cluster.bringUp(.green, 7, replicas: replicas)
        for pod in try await cluster.pods("blog-green") {
            let name = try #require(pod.name)
            try await eventually { try await cluster.client.logs(ofPod: name, namespace: "blog").contains("up") }
        }
    }

    @Test(
        "whoever deletes a workload does not wait for its pods, and is told how many there are",
        arguments: AppConfiguration.Workload.allCases)
    func remove(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({
            $0.workload = workload
            $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn)
        }) { cluster in
            try await bringUp(cluster, replicas: 2)
            let began = ContinuousClock.now
            #expect(try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false) == 2)
            #expect(ContinuousClock.now - began < .seconds(20))
            let pods = try await cluster.pods("blog-green")
            #expect(pods.count == 2 && pods.allSatisfy(\.isBeingDeleted))
        }
    }

    @Test("pods that nobody tells to end are not ending: whoever deletes their workload says so and tries again")
    func untold() async throws {
        try await TestCluster.run({ $0.workload = .deployment }) { cluster in
            // What a Deployment that was deleted with --cascade=orphan leaves.
            let labels: JSON = ["name": "blog-green", "pod-template-hash": "abc"]
            let set: JSON = [
                "metadata": ["name": "blog-green-abc"],
                "spec": [
                    "replicas": 1, "selector": ["matchLabels": labels],
                    "template": [
                        "metadata": ["labels": labels],
                        "spec": ["containers": [["name": "x", "image": "busybox", "command": ["sleep", "1000"]]]],
                    ],
                ],
            ]
            _ = try await cluster.client.create(.replicaSets, set)
            try await eventually { try await cluster.pods("blog-green").count == 1 }
            let pod = try #require(try await cluster.pods("blog-green").first?.name)
            var app = cluster.cluster()
            app.lateness = .milliseconds(200)
            #expect(
                await words { try await app.remove(.green, madeBy: 7, orOlder: true) }
                    == "1 pod of blog-green was not told to end, though it is deleted: \(pod). "
                    + "Does the cluster's controller manager run?")
        }
    }

    @Test(
        "a candidate is created when the pods of an earlier release have ended, and says for which it waits, and how long",
        arguments: [Propagation.background, .foreground])
    func waits(_ propagation: Propagation) async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await bringUp(cluster)
            let old = try #require(try await cluster.pods("blog-green").first?.name)
            // In the foreground the workload stays for as long as its pods do.
            _ = try await cluster.client.delete(
                .replicationControllers, "blog-green", namespace: "blog", propagation: propagation)
            let news = News()
            let creating = Task {
                try await cluster.cluster().createCandidate(Blog.order(8), Blog.survey(replicas: 1), tell: news.take)
            }
            try await eventually { !news.waits.isEmpty }
            #expect(try await cluster.workload(.green)?.release != 8)
            _ = try await cluster.client.delete(.pods, old, namespace: "blog", gracePeriodSeconds: 0)
            try await creating.value
            let waits = news.waits
            #expect(waits.count == 1)
            #expect(
                waits.first?.words.hasPrefix("Waiting for 1 pod that green had before to end: \(old) on ") == true,
                "\(waits)")
            // What is left of the grace period, and what a pod may be late.
            #expect(waits.first.map { $0.atMost > .seconds(60) && $0.atMost <= .seconds(90) } == true, "\(waits)")
            #expect(try await cluster.pods("blog-green").compactMap(\.name).allSatisfy { $0 != old })
            #expect(try await cluster.workload(.green)?.release == 8)
        }
    }

    @Test("pods that do not end fail the creation, with their machines and the way to get rid of them")
    func lost() async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await bringUp(cluster)
            let pod = try #require(try await cluster.pods("blog-green").first)
            let name = try #require(pod.name)
            let machine = try #require(pod.machine)
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            var order = Blog.order(8)
            order.rules.readyTimeout = .milliseconds(100)
            var app = cluster.cluster()
            app.lateness = .milliseconds(200)
            let error = try #require(
                await #expect(throws: Refusal.self) { try await app.createCandidate(order, Blog.survey()) })
            #expect(error.message == "1 pod that green had before does not end, and would answer at its port")
            #expect(error.details.first?.hasPrefix("\(name) on \(machine) had until 20") == true, "\(error)")
            #expect(
                error.details.last
                    == "to fix: see whether \(machine) is up; when lost for good: "
                    + "kubectl -n blog delete pod \(name) --grace-period=0 --force")
            #expect(try await cluster.workload(.green) == nil)
        }
    }

    @Test("a creation that is given up while it waits ends at once, and makes nothing")
    func cancelled() async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await bringUp(cluster)
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            let news = News()
            let creating = Task {
                try await cluster.cluster().createCandidate(Blog.order(8), Blog.survey(), tell: news.take)
            }
            try await eventually { !news.waits.isEmpty }
            let began = ContinuousClock.now
            creating.cancel()
            await #expect(throws: CancellationError.self) { try await creating.value }
            #expect(ContinuousClock.now - began < .seconds(10))
            #expect(try await cluster.workload(.green) == nil)
        }
    }
}
