import Controller
import Kubernetes
import ReleaseMachine
import TestSupport
import Testing

@testable import Workloads

@Suite("Numbers out of range")
struct HostileClusterTests {
    /// A cluster whose workloads and lease have `number` in every numeric field.
    private func withCluster<Result: Sendable>(
        _ number: String, _ test: (AppCluster, ScriptedServer) async throws -> Result
    ) async throws -> Result {
        try await withServer({ request, _ in
            if request.path.contains("/leases") {
                if request.method == "PUT" { return .text(request.body) }
                return .text(
                    """
                    {"metadata": {"name": "viridian", "namespace": "blog", "resourceVersion": "1",
                      "annotations": {"viridian.dev/live-color": "blue", "viridian.dev/live-version": "1"}},
                     "spec": {"leaseTransitions": \(number)}}
                    """)
            }
            let name = request.path.split(separator: "/").last ?? ""
            return .text(
                """
                {"kind": "ReplicationController", "metadata": {"name": "\(name)", "uid": "1"},
                 "spec": {"replicas": \(number), "template": {"spec": {"containers": [{"image": "registry.local:5000/blog:1"}]}}},
                 "status": {"readyReplicas": \(number), "replicas": \(number)}}
                """)
        }) { server in
            let client = KubernetesClient(ClusterAccess(server: server.url, namespace: "blog", origin: "test"))
            let result = try await test(AppCluster(client: client, app: try Blog.app()), server)
            await client.shutdown()
            return result
        }
    }

    @Test(
        "replicas are limited to the API's range",
        arguments: [
            ("-1", 0), ("9223372036854775807", Int(Int32.max)), ("-9223372036854775808", 0),
            ("2147483648", Int(Int32.max)),
        ])
    func replicas(number: String, count: Int) async throws {
        try await withCluster(number) { cluster, _ in
            for workload in try await cluster.survey().workloads.values {
                #expect(workload.replicas == count)
                #expect(workload.ready == count)
            }
        }
    }

    @Test(
        "a lease is acquired with any number of transitions",
        arguments: [
            ("9223372036854775807", 0), ("2147483647", 0), ("-1", 0), ("-9223372036854775808", 0), ("41", 42),
        ])
    func transitions(number: String, next: Int64) async throws {
        try await withCluster(number) { cluster, server in
            _ = try await cluster.acquireLease()
            let written = try #require(await server.requests.all.last { $0.method == "PUT" })
            #expect(try JSON(parsing: written.body)[at: "spec.leaseTransitions"] == .integer(next))
            try await cluster.renewLease()
        }
    }
}
