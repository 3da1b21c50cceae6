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
          containers: [{name: blog, image: registry.local:5000/blog, command: [sh, -c, "trap '' TERM; while :; do sleep 0.1; done"]}]
        """

    @Test(
        "whoever deletes a workload does not wait for its pods, and is told how many there are",
        arguments: AppConfiguration.Workload.allCases)
    func remove(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({
            $0.workload = workload
            $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn)
        }) { cluster in
            try await cluster.bringUp(.green, 7, replicas: 2)
            let began = ContinuousClock.now
            #expect(try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false) == 2)
            #expect(ContinuousClock.now - began < .seconds(20))
            let pods = try await cluster.pods("blog-green")
            #expect(pods.count == 2 && pods.allSatisfy(\.isBeingDeleted))
        }
    }

    @Test(
        "a candidate is created when the pods of an earlier release have ended, and says for which it waits, and how long"
    )
    func waits() async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await cluster.bringUp(.green, 7)
            let old = try #require(try await cluster.pods("blog-green").first?.name)
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            let news = News()
            let creating = Task {
                try await cluster.cluster().createCandidate(Blog.order(8), Blog.survey(replicas: 1), tell: news.take)
            }
            try await eventually { !news.waits.isEmpty }
            #expect(try await cluster.workload(.green) == nil)
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
        }
    }

    @Test("pods that do not end fail the creation, with their machines and the way to get rid of them")
    func lost() async throws {
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: Self.stubborn) }) { cluster in
            try await cluster.bringUp(.green, 7)
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
            try await cluster.bringUp(.green, 7)
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
