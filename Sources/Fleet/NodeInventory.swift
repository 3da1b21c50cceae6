/// The source of the list of nodes. The list is read for each use, as nodes come and go.
package protocol NodeInventory: Sendable {
    func nodes() async throws -> [Node]
}

/// Why a list of nodes cannot be used.
package enum InventoryError: Error, Sendable, Hashable {
    case empty
    case duplicate(address: String)
    case badAddress(String)
    /// The search that found nothing: `running EC2 instance with role=web in us-east-1`.
    case nothingFound(String)
    /// A machine without an address of the wanted kind. It may route traffic, so that it cannot be left out.
    case noAddress(machine: String, wanted: String, has: [String])
    /// Two machines with the same address.
    case shared(address: String, machines: [String])
}

extension InventoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty: "the inventory has no nodes: add at least one"
        case .duplicate(let address): "node \(address) is in the inventory twice; remove one entry"
        case .badAddress(let address): "\"\(address)\" is not a host name or IP address"
        case .nothingFound(let what): "there is no \(what), so the inventory has no nodes"
        case .noAddress(let machine, let wanted, let has):
            "\(machine) has no \(wanted) address (\(has.isEmpty ? "and no other" : "only \(has.joined(separator: ", "))")), "
                + "so it cannot be reached; add the address, or remove the machine from the inventory"
        case .shared(let address, let machines):
            "\(machines.joined(separator: " and ")) have the same address, \(address), so one of them cannot be reached"
        }
    }
}

/// The nodes listed in the configuration.
package struct StaticInventory: NodeInventory, Hashable {
    private let list: [Node]

    /// - Throws: `InventoryError` for an empty list, a duplicate or an invalid address.
    package init(_ addresses: [String]) throws(InventoryError) {
        list = try Self.checked(addresses)
    }

    package func nodes() async -> [Node] { list }

    /// The requirements for every inventory: at least one node, no duplicates, addresses that are safe as arguments.
    static func checked(_ addresses: [String]) throws(InventoryError) -> [Node] {
        guard !addresses.isEmpty else { throw .empty }
        var seen: Set<String> = []
        for address in addresses {
            guard isAddress(address) else { throw .badAddress(address) }
            guard seen.insert(address.lowercased()).inserted else { throw .duplicate(address: address) }
        }
        return addresses.map { Node($0) }
    }

    /// Letters, digits, `.`, `-`, `_` and, for IPv6, `:`; no leading `-`, which would be read as an option.
    private static func isAddress(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-") else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || ".-_:".unicodeScalars.contains(scalar))
        }
    }
}
