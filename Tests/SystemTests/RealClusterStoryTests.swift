import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

extension RealClusterTests {
    /// A complete series of releases on a real cluster, from an empty namespace, with the rights of `render rbac`.
    @Suite struct StoryTests {
        @Test(
            "a complete series of releases, and no request fails", arguments: ["ReplicationController", "Deployment"])
        func story(_ workload: String) async throws {
            // Once with the pods' normal grace period, for which a kubelet takes ten seconds or more, and once without.
            let app = RealWorld.App(
                workload: workload, replicas: 2, ready: "{timeout: 15s}", grace: workload == "Deployment" ? 0 : 1)
            try await withRealWorld(app, usesRealNodes: true) { world in
                let story = Story(world: world, kind: workload == "Deployment" ? .deployments : .replicationControllers)
                try await story.beginsEmpty()
                let report = try await world.underLoad {
                    try await story.secondRelease()
                    try await story.pausePreviewPromote()
                    try await story.rollback()
                    try await story.abort()
                    try await story.crashLoop()
                    try await story.missingImage()
                    try await story.smallQuota()
                    try await story.neverReady()
                    try await story.drainedMachine()
                }
                print("\(workload), \(world.sites.count) nodes, load on three during nine releases: \(report)")
                #expect(report.requests > 1_000, "\(report.reports)")
                #expect(report.errors == 0, "\(report.reports)")
                try await story.checkIsContent()
                try await story.neighbourIsUntouched()
            }
        }
    }
}

private struct Story: Sendable {
    let world: RealWorld
    let kind: Resource

    private func liveColor() async throws -> String {
        let status = try await world.status()
        return try #require(status[at: "live.color"]?.string, "\(status.text)")
    }

    private func other(_ color: String) -> String { color == "blue" ? "green" : "blue" }

    /// Expects traffic and cluster to be unchanged: `version` serves, and nothing of the other colour is left.
    private func expectAsBefore(_ version: String, _ color: String, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        try await world.expectLive(version, on: color, sourceLocation: sourceLocation)
    }

    func beginsEmpty() async throws {
        _ = try await world.apply("kubernetes")
        try await world.kubectl("apply", "-f", "-", input: redis)
        try await world.kubectl("wait", "--for=condition=Ready", "pod", "-l", "name=redis", "--timeout=60s")
        try await world.release("v1")
        try await world.expectLive("v1", on: try await liveColor())
        #expect(try await world.workloads(kind).filter { $0 != "redis" } == ["blog-\(try await liveColor())"])
    }

    func secondRelease() async throws {
        let before = try await liveColor()
        try await world.release("v2")
        try await world.expectLive("v2", on: other(before))
    }

    func pausePreviewPromote() async throws {
        let before = try await liveColor()
        let paused = try await world.deploy("v3", "--verify", "--wait", "paused")
        #expect(paused.status == 3, "\(paused)")
        #expect(paused.output.contains("http://preview.blog.domain.com/"), "\(paused)")
        // The candidate answers only at the preview.
        #expect(try await world.answer(of: other(before)) == "v3")
        #expect(try await world.served().allSatisfy { $0 == "v2" })
        #expect(try await world.status()["awaiting"] == "promote")
        let promoted = try await world.viridian("promote", "blog", deadline: .seconds(120))
        #expect(promoted.status == 0, "\(promoted)")
        try await world.expectLive("v3", on: other(before))
    }

    func rollback() async throws {
        let before = try await liveColor()
        let back = try await world.viridian("rollback", "blog", deadline: .seconds(120))
        #expect(back.status == 0, "\(back)")
        try await world.expectLive("v2", on: other(before))
    }

    func abort() async throws {
        let before = try await liveColor()
        let paused = try await world.deploy("v3", "--verify", "--wait", "paused")
        #expect(paused.status == 3, "\(paused)")
        let aborted = try await world.viridian("abort", "blog", "--reason", "not today", deadline: .seconds(120))
        #expect(aborted.status == 0, "\(aborted)")
        try await expectAsBefore("v2", before)
    }

    func crashLoop() async throws {
        let before = try await liveColor()
        let failed = try await world.deploy("crash")
        #expect(failed.status == 2, "\(failed)")
        #expect(failed.output.contains("fatal: the setting DATABASE_URL is missing"), "\(failed)")
        #expect(failed.output.contains("exited with code 3"), "\(failed)")
        try await expectAsBefore("v2", before)
    }

    func missingImage() async throws {
        let before = try await liveColor()
        // A registry without the image.
        let failed = try await withServer({ _, _ in .text("no such manifest", status: 404) }) { server in
            let registry = server.url.replacing("http://", with: "")
            return try await world.deploy("v9", "--image", "\(registry)/blog:v9")
        }
        #expect(failed.status == 2, "\(failed)")
        #expect(failed.output.contains("/blog:v9 "), "\(failed)")
        #expect(failed.output.contains("pulled"), "\(failed)")
        // Not because of a timeout: the registry's answer is permanent.
        #expect(!failed.output.contains("timed out"), "\(failed)")
        try await expectAsBefore("v2", before)
    }

    func smallQuota() async throws {
        let before = try await liveColor()
        let pods = try await world.admin.list(.pods, namespace: world.namespace).items.count {
            $0[at: "metadata.deletionTimestamp"] == nil
        }
        try await world.kubectl("create", "quota", "small", "--hard=pods=\(pods + 1)")
        let failed = try await world.deploy("v3")
        try await world.kubectl("delete", "quota", "small")
        #expect(failed.status == 2, "\(failed)")
        #expect(failed.output.contains("exceeded quota: small"), "\(failed)")
        try await expectAsBefore("v2", before)
    }

    func neverReady() async throws {
        let before = try await liveColor()
        let failed = try await world.deploy("deaf")
        #expect(failed.status == 2, "\(failed)")
        #expect(failed.output.contains("timed out: 0 of 2 pods are ready"), "\(failed)")
        #expect(failed.output.contains("Readiness probe failed"), "\(failed)")
        try await expectAsBefore("v2", before)
    }

    /// Drains the machine of the candidate's pods while the release is paused. The live colour is protected by
    /// a PodDisruptionBudget.
    func drainedMachine() async throws {
        let before = try await liveColor()
        let paused = try await world.deploy("v3", "--verify", "--wait", "paused")
        #expect(paused.status == 3, "\(paused)")
        let name = "name=blog-\(other(before))"
        let pods = try await world.admin.list(.pods, namespace: world.namespace, labels: name).items
        let machine = try #require(pods.first?[at: "spec.nodeName"]?.string)
        do {
            try await RealCluster.kubectl("drain", machine, "--pod-selector", name, "--timeout=60s")
            // Promoted while the candidate has no pod: the release waits for new ones, which start when the machine is available again.
            let uncordoned = Once()
            let promoted = try await world.viridian(
                "promote", "blog", deadline: .seconds(120),
                onLine: { line in
                    guard line.contains("are now online"), await uncordoned.first() else { return }
                    _ = try? await RealCluster.kubectl("uncordon", machine)
                })
            #expect(promoted.status == 0, "\(promoted)")
            #expect(await !uncordoned.first(), "the release did not wait: \(promoted)")
        } catch {
            try await RealCluster.kubectl("uncordon", machine)
            throw error
        }
        try await world.expectLive("v3", on: other(before))
    }

    /// Not before the load: a connection to a NodePort without endpoints is refused, and for the two minutes in which the kernel
    /// remembers it, a visitor's connection with the same port numbers bypasses kube-proxy's rules and reaches no pod.
    func checkIsContent() async throws {
        let check = try await world.viridian("check")
        #expect(check.status == 0, "\(check)")
    }

    func neighbourIsUntouched() async throws {
        let pods = try await world.admin.list(.pods, namespace: world.namespace, labels: "name=redis").items
        #expect(pods.count == 1)
        #expect(pods.first?[at: "status.containerStatuses"]?[0]?["restartCount"] == 0)
        let redis = try await world.admin.get(.replicationControllers, "redis", namespace: world.namespace)
        #expect(redis[at: "metadata.generation"] == 1)
        #expect(redis[at: "metadata.annotations"]?.object?.keys.contains { $0.hasPrefix("viridian") } == false)
    }

    private var redis: String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: redis}
        spec: {ports: [{port: 6379}], selector: {name: redis}}
        ---
        apiVersion: v1
        kind: ReplicationController
        metadata: {name: redis}
        spec:
          replicas: 1
          selector: {name: redis}
          template:
            metadata: {labels: {name: redis}}
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{name: redis, image: "\(RealCluster.image):v1", imagePullPolicy: IfNotPresent}]
        """
    }
}

private actor Once {
    private var isDone = false

    /// Whether this is the first call.
    func first() -> Bool {
        defer { isDone = true }
        return !isDone
    }
}
