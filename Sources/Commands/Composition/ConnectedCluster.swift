import Controller
import Fleet
import Kubernetes
import ViridianConfiguration

/// A cluster of the configuration and its nodes: made once, for all the apps that run there.
struct ConnectedCluster: Sendable {
    let configuration: ClusterConfiguration
    /// `nil` where there is none, for the reason in `problem`.
    fileprivate(set) var client: KubernetesClient?
    /// `nil` where there is none, for the reason in `fleetProblem`, or in `problem` where the inventory is the cluster's.
    fileprivate(set) var fleet: Fleet?
    fileprivate(set) var problem: String?
    fileprivate(set) var fleetProblem: String?
}

extension ConnectedCluster {
    /// Why there is no client, with the cluster's name.
    var namedProblem: String? { problem.map(configuration.named) }
    /// Why there is no fleet, with the cluster's name.
    var namedFleetProblem: String? { (fleetProblem ?? problem).map(configuration.named) }

    /// Which of the things that a cluster needs may be missing. What is missing is reported when it is used.
    struct Tolerance: Sendable {
        /// A kubeconfig that cannot be used.
        var client: Bool
        /// A configuration of ssh that cannot be used.
        var fleet: Bool
    }

    /// Runs `body` with these clusters, and closes their connections afterwards. Nothing is asked of a cluster or a node by that.
    static func withConnections<Value>(
        to clusters: some Sequence<ClusterConfiguration>,
        tolerating tolerance: Tolerance,
        _ body: ([ConnectedCluster]) async throws -> Value
    ) async throws -> Value {
        try await connect(Array(clusters)[...], [], tolerance, body)
    }

    private static func connect<Value>(
        _ rest: ArraySlice<ClusterConfiguration>,
        _ connected: [ConnectedCluster],
        _ tolerance: Tolerance,
        _ body: ([ConnectedCluster]) async throws -> Value
    ) async throws -> Value {
        guard let next = rest.first else { return try await body(connected) }
        return try await withConnection(to: next, tolerance) {
            try await connect(rest.dropFirst(), connected + [$0], tolerance, body)
        }
    }

    private static func withConnection<Value>(
        to configuration: ClusterConfiguration, _ tolerance: Tolerance, _ body: (ConnectedCluster) async throws -> Value
    ) async throws -> Value {
        var cluster = ConnectedCluster(configuration: configuration)
        do {
            cluster.client = try configuration.client()
        } catch {
            guard tolerance.client else { throw error }
            cluster.problem = error.problem
        }
        let result: Result<Value, any Error>
        do {
            result = try await configuration.nodes.withTransport { transport in
                cluster.fleet = try configuration.nodes.fleet(in: cluster.client, transport)
                do { return .success(try await body(cluster)) } catch { return .failure(error) }
            }
        } catch {
            guard tolerance.fleet else {
                await cluster.client?.shutdown()
                throw error
            }
            cluster.fleetProblem = "\(error)"
            do { result = .success(try await body(cluster)) } catch { result = .failure(error) }
        }
        await cluster.client?.shutdown()
        return try result.get()
    }
}

extension ClusterConfiguration {
    /// A message with the cluster's name, where it has one.
    func named(_ message: String) -> String { name.map { "cluster \($0): \(message)" } ?? message }

    /// A client of the cluster's API, whose errors name the cluster. Nothing is asked of the cluster yet.
    func client() throws(UnusableKubeconfig) -> KubernetesClient {
        do {
            var access = try ClusterAccess.discover(
                kubeconfig: kubernetes.kubeconfig, context: kubernetes.context,
                setting: name.map { "kubeconfig of cluster \($0)" } ?? "kubernetes.kubeconfig")
            if let name { access.origin = "cluster \(name), \(access.origin)" }
            return KubernetesClient(access)
        } catch {
            throw UnusableKubeconfig(cluster: self, problem: error.description)
        }
    }
}

/// There is no access to a cluster.
struct UnusableKubeconfig: Error, Sendable, Hashable, CustomStringConvertible {
    var cluster: ClusterConfiguration
    var problem: String
    var description: String { cluster.named(problem) }
}

extension NodesConfiguration {
    /// The configured nodes; `nil` if their inventory is a cluster's and there is no cluster.
    func fleet(in cluster: KubernetesClient?, _ transport: any NodeTransport) throws -> Fleet? {
        guard let inventory = try inventory(in: cluster) else { return nil }
        return Fleet(
            inventory: inventory,
            transport: transport,
            settings: NodeSettings(
                backends: backends, test: test, reload: reload, pid: pid, sudo: sudo, timeout: timeout),
            parallel: parallel
        )
    }
}
