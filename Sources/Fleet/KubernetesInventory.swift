import Kubernetes

/// The nodes of a cluster that match a label selector.
///
/// Nodes that are not ready, cordoned or being deleted are included, as they may still run nginx.
package struct KubernetesInventory: NodeInventory {
    private let client: KubernetesClient
    private let selector: String
    private let addressType: String

    /// `selector` is a label selector, empty for all nodes; `addressType` is one of `status.addresses[].type`, such as `InternalIP`.
    package init(_ client: KubernetesClient, selector: String, addressType: String) {
        self.client = client
        self.selector = selector
        self.addressType = addressType
    }

    /// Sorted by name.
    /// - Throws: `InventoryError`, `KubernetesError`.
    package func nodes() async throws -> [Node] {
        let list = try await client.list(.nodes, labels: selector.isEmpty ? nil : selector)
        let machines = list.items.map { node in
            let addresses = (node[at: "status.addresses"]?.array ?? []).compactMap { entry -> (String, String)? in
                guard let type = entry["type"]?.string, let address = entry["address"]?.string, !address.isEmpty else {
                    return nil
                }
                return (type, address)
            }
            return Machine(
                name: "node \(node[at: "metadata.name"]?.string ?? "?")",
                address: addresses.first { $0.0 == addressType }?.1, others: addresses.map { "\($0.0) \($0.1)" })
        }
        return try InventoryError.nodes(
            machines.sorted { $0.name < $1.name }, wanted: addressType,
            sought: selector.isEmpty ? "node in the cluster" : "node in the cluster with the labels \(selector)")
    }
}
