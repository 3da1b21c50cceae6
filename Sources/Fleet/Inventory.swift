/// Where the list of nodes comes from. It is asked again for each use, since nodes come and go.
package protocol Inventory: Sendable {
    func nodes() async throws -> [Node]
}

/// Why a list of nodes cannot be used.
package enum InventoryError: Error, Sendable, Hashable {
    case empty
    case duplicate(address: String)
    case badAddress(String)
}

extension InventoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty: "the inventory has no node; traffic would go nowhere: name at least one"
        case .duplicate(let address): "node \(address) is in the inventory twice; name it once"
        case .badAddress(let address): "\"\(address)\" is no host name or IP address, so it cannot be a node"
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
