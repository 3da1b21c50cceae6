import AWS

/// The running EC2 instances with certain tags.
package struct EC2Inventory: NodeInventory {
    package enum Address: String, Sendable, Hashable {
        case `private`
        case `public`
    }

    private let ec2: EC2
    private let region: String
    private let tags: [String: String]
    private let address: Address

    package init(_ ec2: EC2, region: String, tags: [String: String], address: Address) {
        self.ec2 = ec2
        self.region = region
        self.tags = tags
        self.address = address
    }

    /// Sorted by instance id.
    /// - Throws: `InventoryError`, `AWSError`, `AWSCredentialError`.
    package func nodes() async throws -> [Node] {
        let instances = try await ec2.runningInstances(tags: tags)
        let wanted = tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        return try InventoryError.nodes(
            instances.map { instance in
                let addresses = [("private", instance.privateAddress), ("public", instance.publicAddress)]
                return Machine(
                    name: "instance \(instance.id)",
                    address: address == .private ? instance.privateAddress : instance.publicAddress,
                    others: addresses.compactMap { kind, value in value.map { "\(kind) \($0)" } })
            },
            wanted: address.rawValue, sought: "running EC2 instance with \(wanted) in \(region)")
    }
}

/// A machine in a service's list.
struct Machine {
    var name: String
    var address: String?
    /// All its addresses with their kinds, for messages.
    var others: [String]
}

extension InventoryError {
    /// The nodes of a service's list. Errors name the machines.
    static func nodes(_ machines: [Machine], wanted: String, sought: String) throws(InventoryError) -> [Node] {
        guard !machines.isEmpty else { throw .nothingFound(sought) }
        var owners: [String: String] = [:]
        var addresses: [String] = []
        for machine in machines {
            guard let address = machine.address else {
                throw .noAddress(machine: machine.name, wanted: wanted, has: machine.others)
            }
            if let other = owners.updateValue(machine.name, forKey: address.lowercased()) {
                throw .shared(address: address, machines: [other, machine.name])
            }
            addresses.append(address)
        }
        return try StaticInventory.checked(addresses)
    }
}
