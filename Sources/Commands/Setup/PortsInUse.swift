import Kubernetes
import ViridianConfiguration

/// The ports that services of the cluster have on every node.
struct PortsInUse: Sendable {
    /// `namespace/name` of the service.
    private(set) var holders: [Int: String] = [:]
    /// The NodePorts of each service by `namespace/name`.
    private var ports: [String: [Int]] = [:]

    init() {}

    init(services: [JSON]) {
        for service in services {
            let name = ["metadata.namespace", "metadata.name"].map { service[at: $0]?.string ?? "?" }
                .joined(separator: "/")
            var found = (service[at: "spec.ports"]?.array ?? []).compactMap { $0["nodePort"]?.integer }
            ports[name] = found
            // A load balancer's health check has one too (Service, externalTrafficPolicy: Local).
            if let port = service[at: "spec.healthCheckNodePort"]?.integer { found.append(port) }
            for port in found where port > 0 { holders[port] = name }
        }
    }

    /// Asks the cluster, for as long as a person waits gladly.
    /// - Throws: `UnusableKubeconfig`, `KubernetesError`, `CredentialError` and others: the cluster cannot be asked, or does not answer in time.
    static func read(_ cluster: ClusterConfiguration, within deadline: Duration = .seconds(5)) async throws
        -> PortsInUse
    {
        var client = try cluster.client()
        client.deadline = deadline
        do {
            let services = try await client.list(.services)
            await client.shutdown()
            return PortsInUse(services: services.items)
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// The ports of an app's services, where both exist in its namespace with one NodePort each.
    func pair(of app: AppName) -> (blue: Int, green: Int)? {
        guard let blue = ports["\(app)/\(app)-blue"], let green = ports["\(app)/\(app)-green"],
            blue.count == 1, green.count == 1, blue[0] > 0, green[0] > 0
        else { return nil }
        return (blue[0], green[0])
    }
}
