import Controller
import Kubernetes
import ReleaseMachine
import TestSupport
import Testing

@testable import Workloads

@Suite("What two colours cannot have at the same time")
struct ColorConflictTests {
    private static let live = "blog-blue"

    private func spec(_ more: String = "", claim: String = "data") throws -> JSON {
        try JSON(
            yaml: """
                metadata: {labels: {name: blog-blue}}
                spec:
                  volumes:
                  - {name: data, persistentVolumeClaim: {claimName: \(claim)}}
                  - {name: tmp, emptyDir: {}}
                  containers: [{name: blog, image: "registry.local:5000/blog:1"}]
                \(more.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
                """)
    }

    /// What is found with a live colour whose template is `template`, a claim `data` of these modes, and a live pod on node-1.
    private func conflicts(
        modes: [String], template: JSON, candidate: JSON? = nil, replicas: Int64 = 1
    ) async throws -> [ColorConflict] {
        let modes = JSON.array(modes.map(JSON.string))
        return try await withServer({ request, _ in
            switch request.path {
            case "/api/v1/namespaces/blog/persistentvolumeclaims/data":
                if modes == [] { return .text("{\"code\":403,\"message\":\"x cannot get y\"}", status: 403) }
                return .text((["spec": ["accessModes": modes], "status": ["accessModes": modes]] as JSON).text)
            case "/api/v1/namespaces/blog/pods":
                let pods: JSON = [
                    ["metadata": ["labels": ["name": "blog-blue", "app": "blog"]], "spec": ["nodeName": "node-1"]]
                ]
                return .text((["metadata": [:], "items": pods] as JSON).text)
            default: return .text("{\"code\":404}", status: 404)
            }
        }) { server in
            let client = KubernetesClient(ClusterAccess(server: server.url, namespace: "blog", origin: "test"))
            let cluster = AppCluster(client: client, app: try Blog.app())
            let live: JSON = ["spec": ["replicas": .integer(replicas), "template": template]]
            let found = try await cluster.colorConflicts(of: candidate ?? template, on: .green, beside: live)
            await client.shutdown()
            return found
        }
    }

    @Test("a ReadWriteOncePod volume that the live colour has is a refusal")
    func oncePod() async throws {
        let found = try await conflicts(modes: ["ReadWriteOncePod"], template: spec())
        #expect(
            found == [
                ColorConflict(
                    sentence:
                        "the volume claim data is ReadWriteOncePod, and blue's pod uses it: no pod of green can start "
                        + "beside that",
                    fix: "give each colour a claim of its own, or one with ReadWriteMany to both", isCertain: true)
            ])
    }

    @Test("a ReadWriteOnce volume binds both colours to one machine, and is a refusal where that is forbidden")
    func once() async throws {
        let found = try await conflicts(modes: ["ReadWriteOnce"], template: spec())
        #expect(
            found.map(\.sentence) == [
                "the volume claim data is ReadWriteOnce, and blue's pods on node-1 use it: pods of green start only on that "
                    + "machine"
            ])
        #expect(found.map(\.isCertain) == [false])
        func apart(_ labels: String) -> String {
            """
            affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
              {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: \(labels)}}]}}
            """
        }
        let never = try await conflicts(modes: ["ReadWriteOnce"], template: spec(apart("{app: blog}")))
        #expect(never.map(\.isCertain) == [true])
        #expect(never.first?.sentence.hasSuffix("may not be on that machine, and cannot start on another") == true)
        // Green keeps its distance to green only.
        let own = try await conflicts(modes: ["ReadWriteOnce"], template: spec(apart("{name: blog-green}")))
        #expect(own.map(\.isCertain) == [false])
        let elsewhere = try await conflicts(modes: ["ReadWriteOnce"], template: spec("nodeName: node-2"))
        #expect(elsewhere.map(\.isCertain) == [true])
    }

    @Test("volumes that both may have, or that only one of them has, are nobody's business")
    func shared() async throws {
        #expect(try await conflicts(modes: ["ReadWriteMany"], template: spec()) == [])
        #expect(try await conflicts(modes: ["ReadWriteOnce", "ReadOnlyMany"], template: spec()) == [])
        let own = try spec(claim: "green-data")
        #expect(try await conflicts(modes: ["ReadWriteOncePod"], template: spec(), candidate: own) == [])
        #expect(try await conflicts(modes: ["ReadWriteOncePod"], template: spec(), replicas: 0) == [])
        // A claim that is not there says so itself, when the pods are made.
        #expect(try await conflicts(modes: ["ReadWriteOncePod"], template: own) == [])
    }

    @Test("a claim that may not be looked at is a warning, no failure")
    func denied() async throws {
        let found = try await conflicts(modes: [], template: spec())
        #expect(found.map(\.isCertain) == [false])
        #expect(found.first?.sentence.contains("which could not be looked at: if it is ReadWriteOnce") == true)
    }

    @Test("a readiness gate that may be the live target group's alone is said before anything is made")
    func gates() async throws {
        let gates = """
            readinessGates:
            - conditionType: target-health.elbv2.k8s.aws/blog-blue
            - conditionType: example.com/licence
            """
        let found = try await conflicts(modes: ["ReadWriteMany"], template: spec(gates))
        #expect(
            found.map(\.sentence) == [
                "pods of green wait for the readiness gate target-health.elbv2.k8s.aws/blog-blue, which the load balancer sets "
                    + "for pods of its target group alone: if that is the live colour's, none of green is ever ready",
                "pods of green wait for the readiness gate example.com/licence, which somebody has to set for green too",
            ])
        #expect(found.allSatisfy { !$0.isCertain })
    }
}
