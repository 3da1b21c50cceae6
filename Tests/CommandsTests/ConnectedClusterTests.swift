import Foundation
import Kubernetes
import Testing
import ViridianConfiguration

@testable import Commands

@Suite("Connections to clusters")
struct ConnectedClusterTests {
    private static let kubeconfig = """
        apiVersion: v1
        kind: Config
        current-context: here
        contexts: [{name: here, context: {cluster: here, user: me}}]
        clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
        users: [{name: me, user: {token: t}}]

        """

    private static let all = ConnectedCluster.Tolerance(client: true, fleet: true)
    private static let none = ConnectedCluster.Tolerance(client: false, fleet: false)

    /// The cluster east has a kubeconfig, west has none.
    private func withClusters(_ body: ([ClusterConfiguration], _ folder: String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viridian-clusters-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(Self.kubeconfig.utf8).write(to: URL(fileURLWithPath: folder + "/east"))
        let clusters = ["east", "west"].map { (name: String) in
            ClusterConfiguration(
                name: name, kubernetes: .init(kubeconfig: "\(folder)/\(name)"),
                nodes: NodesConfiguration(inventory: .fixed(["10.0.0.1"]), transport: .local))
        }
        try await body(clusters, folder)
    }

    @Test("one that cannot be used is there without a client, with the reason; the others have theirs")
    func tolerated() async throws {
        try await withClusters { clusters, folder in
            let found = try await ConnectedCluster.withConnections(to: clusters, tolerating: Self.all) { $0 }
            #expect(found.map(\.configuration) == clusters)
            #expect(found[0].client != nil && found[0].problem == nil && found[0].fleet != nil)
            #expect(
                found[1].client == nil
                    && found[1].problem
                        == "\(folder)/west: there is no such kubeconfig; correct kubeconfig of cluster west or create the file"
            )
            #expect(found[1].namedProblem?.hasPrefix("cluster west: \(folder)") == true)
            // Nothing but the API is missing.
            #expect(found[1].fleet != nil)
        }
    }

    @Test("nodes that are the cluster's own are missing with it")
    func inventory() async throws {
        try await withClusters { clusters, _ in
            var clusters = clusters
            for index in clusters.indices { clusters[index].nodes.inventory = .kubernetes(.init()) }
            let found = try await ConnectedCluster.withConnections(to: clusters, tolerating: Self.all) { $0 }
            #expect(found[0].fleet != nil && found[1].fleet == nil)
        }
    }

    @Test("where it may not be missing, nothing runs")
    func refused() async throws {
        try await withClusters { clusters, _ in
            let error = await #expect(throws: UnusableKubeconfig.self) {
                try await ConnectedCluster.withConnections(to: clusters, tolerating: Self.none) { _ in
                    Issue.record("the body ran")
                }
            }
            #expect(error?.description.hasPrefix("cluster west: ") == true)
        }
    }

    @Test("a configuration of ssh that cannot be used is the nodes' problem, by the cluster's name")
    func ssh() async throws {
        try await withClusters { clusters, folder in
            var clusters = clusters
            clusters[0].nodes.transport = .ssh(.init(config: folder + "/missing"))
            let found = try await ConnectedCluster.withConnections(to: clusters, tolerating: Self.all) { $0 }
            #expect(found[0].client != nil && found[0].fleet == nil)
            #expect(found[0].namedFleetProblem?.hasPrefix("cluster east: \(folder)/missing") == true)
            #expect(found[1].fleet != nil)
        }
    }

    private struct BodyFailed: Error {}

    @Test("an error of the body passes through, and the body has run once")
    func body() async throws {
        try await withClusters { clusters, _ in
            var runs = 0
            await #expect(throws: BodyFailed.self) {
                try await ConnectedCluster.withConnections(to: clusters, tolerating: Self.all) { _ in
                    runs += 1
                    throw BodyFailed()
                }
            }
            #expect(runs == 1)
        }
    }

    @Test("what a cluster's API is blamed for names the cluster")
    func origin() async throws {
        try await withClusters { clusters, _ in
            let client = try clusters[0].client()
            let origin = client.access.origin
            await client.shutdown()
            #expect(origin.hasPrefix("cluster east, kubeconfig "))
        }
    }
}
