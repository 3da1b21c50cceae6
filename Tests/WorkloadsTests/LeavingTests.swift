import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Pods that terminate slowly", .timeLimit(.minutes(10)))
struct LeavingTests {
    /// Its pods end only when they are killed, an hour after they started to terminate: whoever waits for them is noticed.
    private static let stubborn = """
        spec:
          terminationGracePeriodSeconds: 3600
          containers: [{name: blog, image: registry.local:5000/blog, command: [sh, -c, "trap '' TERM; echo up; while :; do sleep 0.1; done"]}]
        """

    /// A candidate whose pods do not end before they are killed.
    private func bringUp(_ cluster: TestCluster, replicas: Int = 1) async throws {
        try await cluster.bringUp(.green, 7, replicas: replicas)
        for pod in try await cluster.pods("blog-green") {
            let name = try #require(pod.name)
            try await eventually { try await cluster.client.logs(ofPod: name, namespace: "blog").contains("up") }
        }
    }

    @Test(
        "deleting a workload does not wait for its pods, and returns their number",
        arguments: AppConfiguration.Workload.allCases)
    func remove(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({
            $0.workload = workload
            $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn)
        }) { cluster in
            try await bringUp(cluster, replicas: 2)
            #expect(try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false) == 2)
            let pods = try await cluster.pods("blog-green")
            #expect(pods.count == 2 && pods.allSatisfy(\.isBeingDeleted))
        }
    }

    @Test("pods that do not start to terminate are an error of the deletion, which is retried")
    func notTerminatingPods() async throws {
        try await TestCluster.run({ $0.workload = .deployment }) { cluster in
            // The remains of a Deployment that was deleted with --cascade=orphan.
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
            app.deletionTolerance = .milliseconds(200)
            #expect(
                await words { try await app.remove(.green, madeBy: 7, orOlder: true) }
                    == "blog-green is deleted, but 1 pod of it is not terminating: \(pod). "
                    + "Check that the cluster's controller manager runs")
        }
    }

    @Test(
        "a candidate is created when the pods of an earlier release have terminated, and reports which, and for how long it waits",
        arguments: [Propagation.background, .foreground])
    func waits(_ propagation: Propagation) async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await bringUp(cluster)
            let old = try #require(try await cluster.pods("blog-green").first?.name)
            // With foreground deletion the workload exists as long as its pods.
            _ = try await cluster.client.delete(
                .replicationControllers, "blog-green", namespace: "blog", propagation: propagation)
            let news = News()
            var order = Blog.order(8)
            order.rules.readyTimeout = .seconds(7200)
            let creating = Task { [order] in
                try await cluster.cluster().createCandidate(order, Blog.survey(replicas: 1), report: news.take)
            }
            try await eventually { !news.waits.isEmpty }
            #expect(try await cluster.workload(.green)?.release != 8)
            _ = try await cluster.client.delete(.pods, old, namespace: "blog", gracePeriodSeconds: 0)
            try await creating.value
            let waits = news.waits
            #expect(waits.count == 1)
            #expect(
                waits.first?.text.hasPrefix("Waiting for 1 former pod of green to terminate: \(old) on ") == true,
                "\(waits)")
            // The rest of the grace period, and the tolerance.
            #expect(waits.first.map { $0.atMost > .seconds(3000) && $0.atMost <= .seconds(3630) } == true, "\(waits)")
            #expect(try await cluster.pods("blog-green").compactMap(\.name).allSatisfy { $0 != old })
            #expect(try await cluster.workload(.green)?.release == 8)
        }
    }

    @Test("pods whose containers have stopped are not waited for, however long their objects stay")
    func stopped() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.green, 7, replicas: 1)
            let old = try #require(try await cluster.pods("blog-green").first?.name)
            let keep = Patch.merge(["metadata": ["finalizers": ["viridian.dev/test"]]])
            _ = try await cluster.client.patch(.pods, old, keep, namespace: "blog")
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            try await cluster.cluster().createCandidate(Blog.order(8), Blog.survey(replicas: 1), report: News().take)
            #expect(try await cluster.workload(.green)?.release == 8)
            let left = try #require(try await cluster.pods("blog-green").first { $0.name == old })
            #expect(left.hasStopped)
        }
    }

    @Test(
        "a pod has stopped when it is being deleted and each of its containers is reported as not running",
        arguments: [
            (#"{"waiting": {"reason": "ContainerCreating"}}"#, true), (#"{"terminated": {"exitCode": 0}}"#, true),
            (#"{"running": {"startedAt": "2026-11-26T14:08:13Z"}}"#, false), (nil, false),
        ] as [(String?, Bool)])
    func containerStates(_ state: String?, hasStopped: Bool) throws {
        let status = state.map { #"{"name": "blog", "state": \#($0)}"# } ?? ""
        var pod = try JSON(
            parsing: """
                {"metadata": {"name": "blog-green-x", "deletionTimestamp": "2026-11-26T14:08:21Z"},
                 "spec": {"containers": [{"name": "blog"}]},
                 "status": {"phase": "Running", "containerStatuses": [\(status)]}}
                """)
        #expect(pod.hasStopped == hasStopped)
        pod[at: "metadata.deletionTimestamp"] = nil
        #expect(!pod.hasStopped)
    }

    @Test("pods that do not terminate fail the creation, with their machines and the fix")
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
            app.deletionTolerance = .milliseconds(200)
            let error = try #require(
                await #expect(throws: Refusal.self) { try await app.createCandidate(order, Blog.survey()) })
            #expect(error.message == "1 former pod of green does not terminate and would receive requests for green")
            #expect(
                error.details.first?.hasPrefix("\(name) on \(machine) should have terminated by 20") == true, "\(error)"
            )
            #expect(
                error.details.last
                    == "to fix: check that \(machine) is up; if lost for good: "
                    + "kubectl -n blog delete pod \(name) --grace-period=0 --force")
            #expect(try await cluster.workload(.green) == nil)
        }
    }

    @Test("a creation that is cancelled while it waits ends at once and creates nothing")
    func cancelled() async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await bringUp(cluster)
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            let news = News()
            let creating = Task {
                try await cluster.cluster().createCandidate(Blog.order(8), Blog.survey(), report: news.take)
            }
            try await eventually { !news.waits.isEmpty }
            creating.cancel()
            await #expect(throws: CancellationError.self) { try await creating.value }
            #expect(try await cluster.workload(.green) == nil)
        }
    }
}
