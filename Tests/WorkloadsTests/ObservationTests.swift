import Controller
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("An observation reports within seconds why pods are not ready")
struct ObservationTests {
    private func observe(_ cluster: TestCluster, version: String, replicas: Int = 1) async throws -> PodsObservation {
        let order = Blog.order(1, version: version)
        let survey = Blog.survey(replicas: replicas)
        try await cluster.cluster().createCandidate(order, survey)
        return try await cluster.verdict(.green, order, desired: replicas)
    }

    @Test("ready pods")
    func ready() async throws {
        try await TestCluster.run { cluster in
            let seen = try await observe(cluster, version: "1.0", replicas: 3)
            #expect(seen.verdict == .ready)
            #expect(seen.report.ready == 3)
            #expect(seen.report.pods.allSatisfy { $0.isReady && $0.reason == nil })
        }
    }

    @Test("a crash loop is reported with the exit code and the last log lines")
    func crashLoop() async throws {
        // Without a probe a pod counts as ready for the moment that its process runs.
        let probe = "readinessProbe: {exec: {command: [\"false\"]}}"
        let probed = TestCluster.template.replacing("/blog}", with: "/blog, \(probe)}")
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: probed) }) { cluster in
            let seen = try await observe(cluster, version: "crash")
            guard case .failed(let why, let details) = seen.verdict else {
                Issue.record("\(seen)")
                return
            }
            #expect(why.hasPrefix("pod blog-green-"))
            #expect(why.contains(": blog exited with code 3, "), "\(why)")
            // The order between two pipes is undefined.
            #expect(details.sorted() == ["fatal: DATABASE_URL is missing", "reading the settings"])
        }
    }

    @Test("a missing image")
    func missingImage() async throws {
        try await TestCluster.run { cluster in
            guard case .failed(let why, let details) = try await observe(cluster, version: "missing").verdict else {
                Issue.record("not failed")
                return
            }
            #expect(why.contains("image registry.local:5000/blog:missing cannot be pulled: "), "\(why)")
            #expect(why.hasSuffix("registry.local:5000/blog:missing: not found"), "\(why)")
            #expect(details == [])
        }
    }

    @Test("a pull that fails once is reported and retried")
    func transientPull() async throws {
        try await TestCluster.run { cluster in
            let order = Blog.order(1, version: "late")
            var reasons: [String] = []
            var isCreated = false
            for try await seen in cluster.cluster().pods(of: .green, for: order, desired: 1) {
                // Watched from the start, because the pull is retried soon.
                if !isCreated { try await cluster.cluster().createCandidate(order, Blog.survey(replicas: 1)) }
                isCreated = true
                reasons += seen.report.pods.compactMap(\.reason)
                if case .failed(let why, _) = seen.verdict { Issue.record("\(why)") }
                if seen.verdict != .waiting { break }
            }
            #expect(
                reasons.contains {
                    $0.hasPrefix("image registry.local:5000/blog:late is not pulled yet: ")
                        && $0.contains("i/o timeout")
                }, "\(reasons)")
        }
    }

    @Test("a failed probe is reported with its answer")
    func probe() async throws {
        let template = """
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - name: blog
                image: registry.local:5000/blog
                readinessProbe: {exec: {command: [sh, -c, "echo no database; exit 1"]}, periodSeconds: 1}
            """
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: template) }) { cluster in
            let order = Blog.order(1, version: "1.0")
            try await cluster.cluster().createCandidate(order, Blog.survey(replicas: 1))
            for try await seen in cluster.cluster().pods(of: .green, for: order, desired: 1) {
                #expect(seen.verdict == .waiting)
                if let reason = seen.report.pods.first?.reason, reason.contains("no database") {
                    #expect(reason.hasPrefix("Readiness probe failed: "))
                    break
                }
            }
        }
    }

    @Test("a missing secret")
    func missingSecret() async throws {
        let template = """
            spec:
              containers:
              - name: blog
                image: registry.local:5000/blog
                envFrom: [{secretRef: {name: blog-db}}]
            """
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: template) }) { cluster in
            guard case .failed(let why, _) = try await observe(cluster, version: "1.0").verdict else {
                Issue.record("not failed")
                return
            }
            #expect(why.hasSuffix(": blog cannot be started: secret \"blog-db\" not found"), "\(why)")
        }
    }

    @Test("an exceeded quota is reported at once and fails soon")
    func quota() async throws {
        try await TestCluster.run { cluster in
            let quota: JSON = ["metadata": ["name": "few"], "spec": ["hard": ["pods": "1"]]]
            _ = try await cluster.client.create(.resourceQuotas, quota)
            let seen = try await observe(cluster, version: "1.0", replicas: 2)
            guard case .failed(let why, _) = seen.verdict else {
                Issue.record("\(seen)")
                return
            }
            #expect(why.hasPrefix("the cluster has created no more pods: "), "\(why)")
            #expect(why.contains("exceeded quota: few"))
            #expect(seen.report.warnings.count == 1)
            #expect(seen.report.ready == 1)
        }
    }

    @Test("an observation survives lost watches and ends with its reader")
    func lostWatches() async throws {
        try await TestCluster.run { cluster in
            let order = Blog.order(1, version: "1.0")
            try await cluster.cluster().createCandidate(order, Blog.survey(replicas: 1))
            var seen = 0
            for try await observation in cluster.cluster().pods(of: .green, for: order, desired: 2) {
                seen += 1
                if observation.report.ready == 1, observation.report.pods.count == 1 {
                    await cluster.sandbox.faults.expireWatches()
                    _ = try await cluster.client.setScale(of: .replicationControllers, "blog-green", to: 2)
                }
                if observation.verdict == .ready { break }
            }
            #expect(seen > 1)
            // Watches end with the stream: polled, because a connection's end is no event here.
            let limit = ContinuousClock.now + .seconds(600)
            while await cluster.sandbox.faults.openWatches > 0, ContinuousClock.now < limit {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(await cluster.sandbox.faults.openWatches == 0)
        }
    }

    @Test("a missing right ends it with its name")
    func missingRightRefusal() async throws {
        try await TestCluster.run { cluster in
            cluster.sandbox.faults.deny(RequestMatcher(resource: "pods"))
            let error = await words {
                for try await _ in cluster.cluster().pods(of: .green, for: Blog.order(), desired: 1) {}
            }
            #expect(
                error
                    == "not allowed to list pods in namespace blog: the account of test needs the rule "
                    + "{apiGroups: [\"\"], resources: [pods], verbs: [list]} in its role in namespace blog\n"
                    + "every right that a release needs: viridian render rbac blog"
            )
        }
    }
}
