/// Where the list of nodes comes from. It is asked again for each use, since nodes come and go.
package protocol Inventory: Sendable {
    func nodes() async throws -> [Node]
}

/// Why a list of nodes cannot be used.
package enum InventoryError: Error, Sendable, Hashable {
    case empty
    case duplicate(address: String)
    case badAddress(String)
    /// What was looked for and where: `running EC2 instance with role=web in us-east-1`.
    case nothingFound(String)
    /// A machine that has no address of the wanted kind. It may route all the same, so that it cannot be left out.
    case noAddress(machine: String, wanted: String, has: [String])
    /// Two machines that say they have the same one.
    case shared(address: String, machines: [String])
}

extension InventoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty: "the inventory has no node; traffic would go nowhere: name at least one"
        case .duplicate(let address): "node \(address) is in the inventory twice; name it once"
        case .badAddress(let address): "\"\(address)\" is no host name or IP address, so it cannot be a node"
        case .nothingFound(let what): "there is no \(what), so the inventory has no node; traffic would go nowhere"
        case .noAddress(let machine, let wanted, let has):
            "\(machine) has no \(wanted) address (\(has.isEmpty ? "and no other" : "only \(has.joined(separator: ", "))")), "
                + "and a node that cannot be reached cannot be switched; give it one, or take it out of the inventory"
        case .shared(let address, let machines):
            "\(machines.joined(separator: " and ")) have the same address, \(address), so one of them cannot be reached"
        }
    }
}

/// Nodes that are written in the configuration.
package struct StaticInventory: Inventory, Hashable {
    private let list: [Node]

    /// - Throws: `InventoryError` when there is none, one twice, or an address that is none.
    package init(_ addresses: [String]) throws(InventoryError) {
        list = try Self.checked(addresses)
    }

    package func nodes() async -> [Node] { list }

    /// What every inventory has to hold: nodes, each once, with addresses that are safe to hand on.
    static func checked(_ addresses: [String]) throws(InventoryError) -> [Node] {
        guard !addresses.isEmpty else { throw .empty }
        var seen: Set<String> = []
        for address in addresses {
            guard isAddress(address) else { throw .badAddress(address) }
            guard seen.insert(address.lowercased()).inserted else { throw .duplicate(address: address) }
        }
        return addresses.map { Node($0) }
    }

    /// Letters, digits, `.`, `-`, `_` and, for IPv6, `:`; not beginning with `-`, which would read as an option.
    private static func isAddress(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-") else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || ".-_:".unicodeScalars.contains(scalar))
        }
    }
}
