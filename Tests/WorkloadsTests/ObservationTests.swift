import Controller
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Waiting for pods says why not, within seconds")
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

    @Test("a crash loop comes with the exit code and the last lines of its log")
    func crashLoop() async throws {
        // Without a probe a pod counts as ready for the moment that its process runs.
        let probe = "readinessProbe: {exec: {command: [\"false\"]}}"
        let probed = TestCluster.template.replacing("/blog}", with: "/blog, \(probe)}")
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: probed) }) { cluster in
            let seen = try await observe(cluster, version: "crash")
            guard case .hopeless(let why, let details) = seen.verdict else {
                Issue.record("\(seen)")
                return
            }
            #expect(why.hasPrefix("pod blog-green-"))
            #expect(why.contains(": blog exited with code 3, "), "\(why)")
            // Two pipes have no order between them.
            #expect(details.sorted() == ["fatal: DATABASE_URL is missing", "reading the settings"])
        }
    }

    @Test("an image that is not there")
    func missingImage() async throws {
        try await TestCluster.run { cluster in
            guard case .hopeless(let why, let details) = try await observe(cluster, version: "missing").verdict else {
                Issue.record("not hopeless")
                return
            }
            #expect(why.contains("image registry.local:5000/blog:missing cannot be pulled: "), "\(why)")
            #expect(why.hasSuffix("registry.local:5000/blog:missing: not found"), "\(why)")
            #expect(details == [])
        }
    }

    @Test("a pull that fails once is shown, and waited for")
    func transientPull() async throws {
        try await TestCluster.run { cluster in
            let order = Blog.order(1, version: "late")
            var reasons: [String] = []
            var isCreated = false
            for try await seen in cluster.cluster().pods(of: .green, for: order, desired: 1) {
                // Watched from the beginning: the pull is tried again in a moment.
                if !isCreated { try await cluster.cluster().createCandidate(order, Blog.survey(replicas: 1)) }
                isCreated = true
                reasons += seen.report.pods.compactMap(\.reason)
                if case .hopeless(let why, _) = seen.verdict { Issue.record("\(why)") }
                if seen.verdict != .waiting { break }
            }
            #expect(
                reasons.contains {
                    $0.hasPrefix("image registry.local:5000/blog:late is not pulled yet: ")
                        && $0.contains("i/o timeout")
                }, "\(reasons)")
        }
    }

    @Test("a probe that fails says what it answered")
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

    @Test("a secret that is missing")
    func missingSecret() async throws {
        let template = """
            spec:
              containers:
              - name: blog
                image: registry.local:5000/blog
                envFrom: [{secretRef: {name: blog-db}}]
            """
        try await TestCluster.run({ $0.template = .init(path: "blog-pod.yaml", text: template) }) { cluster in
            guard case .hopeless(let why, _) = try await observe(cluster, version: "1.0").verdict else {
                Issue.record("not hopeless")
                return
            }
            #expect(why.hasSuffix(": blog cannot be started: secret \"blog-db\" not found"), "\(why)")
        }
    }

    @Test("a quota that leaves no room is shown at once and given up on soon")
    func quota() async throws {
        try await TestCluster.run { cluster in
            let quota: JSON = ["metadata": ["name": "few"], "spec": ["hard": ["pods": "1"]]]
            _ = try await cluster.client.create(.resourceQuotas, quota)
            let seen = try await observe(cluster, version: "1.0", replicas: 2)
            guard case .hopeless(let why, _) = seen.verdict else {
                Issue.record("\(seen)")
                return
            }
            #expect(why.hasPrefix("the cluster makes no more pods: "), "\(why)")
            #expect(why.contains("exceeded quota: few"))
            #expect(seen.report.warnings.count == 1)
            #expect(seen.report.ready == 1)
        }
    }

    @Test("an observation survives lost watches, and ends with its reader")
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
            let limit = ContinuousClock.now + .seconds(10)
            while await cluster.sandbox.faults.openWatches > 0, ContinuousClock.now < limit {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(await cluster.sandbox.faults.openWatches == 0)
        }
    }

    @Test("a right that is missing ends it with its name")
    func missingRight() async throws {
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
