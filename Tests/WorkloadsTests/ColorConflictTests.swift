import Controller
import Kubernetes
import ReleaseMachine
import TestSupport
import Testing

@testable import Workloads

@Suite("Conflicts between the two colours")
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

    /// The conflicts with a live colour whose template is `template`, a claim `data` of these modes, and a live pod on node-1.
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

    @Test("a ReadWriteOncePod volume of the live colour is a refusal")
    func oncePod() async throws {
        let found = try await conflicts(modes: ["ReadWriteOncePod"], template: spec())
        #expect(
            found == [
                ColorConflict(
                    sentence:
                        "the volume claim data is ReadWriteOncePod, and blue's pod uses it: no pod of green can start "
                        + "at the same time",
                    fix: "give each colour its own claim, or use one with ReadWriteMany for both", isCertain: true)
            ])
    }

    @Test("a ReadWriteOnce volume binds both colours to one machine, and is a refusal if anti-affinity forbids that")
    func once() async throws {
        let found = try await conflicts(modes: ["ReadWriteOnce"], template: spec())
        #expect(
            found.map(\.sentence) == [
                "the volume claim data is ReadWriteOnce, and blue's pods on node-1 use it: pods of green can start only on that "
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
        #expect(never.first?.sentence.hasSuffix("are not allowed on that machine and cannot start on another") == true)
        // Green's anti-affinity is only to green.
        let own = try await conflicts(modes: ["ReadWriteOnce"], template: spec(apart("{name: blog-green}")))
        #expect(own.map(\.isCertain) == [false])
        let elsewhere = try await conflicts(modes: ["ReadWriteOnce"], template: spec("nodeName: node-2"))
        #expect(elsewhere.map(\.isCertain) == [true])
    }

    @Test("volumes that both may use, or that only one uses, are no conflict")
    func shared() async throws {
        #expect(try await conflicts(modes: ["ReadWriteMany"], template: spec()) == [])
        #expect(try await conflicts(modes: ["ReadWriteOnce", "ReadOnlyMany"], template: spec()) == [])
        let own = try spec(claim: "green-data")
        #expect(try await conflicts(modes: ["ReadWriteOncePod"], template: spec(), candidate: own) == [])
        #expect(try await conflicts(modes: ["ReadWriteOncePod"], template: spec(), replicas: 0) == [])
        // A missing claim is reported by the cluster when the pods are created.
        #expect(try await conflicts(modes: ["ReadWriteOncePod"], template: own) == [])
    }

    @Test("a claim that may not be read is a warning, not a failure")
    func denied() async throws {
        let found = try await conflicts(modes: [], template: spec())
        #expect(found.map(\.isCertain) == [false])
        #expect(found.first?.sentence.contains("which could not be read: if it is ReadWriteOnce") == true)
    }

    @Test("a readiness gate that may belong to the live target group only is reported before anything is created")
    func gates() async throws {
        let gates = """
            readinessGates:
            - conditionType: target-health.elbv2.k8s.aws/blog-blue
            - conditionType: example.com/licence
            """
        let found = try await conflicts(modes: ["ReadWriteMany"], template: spec(gates))
        #expect(
            found.map(\.sentence) == [
                "pods of green wait for the readiness gate target-health.elbv2.k8s.aws/blog-blue, which the load balancer sets only "
                    + "for pods of its target group: if that is the live colour's, no pod of green becomes ready",
                "pods of green wait for the readiness gate example.com/licence, which must be set for green too",
            ])
        #expect(found.allSatisfy { !$0.isCertain })
    }
}
