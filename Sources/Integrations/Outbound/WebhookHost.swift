import HTTPTransport

/// The host of a receiver's URL, and the addresses to which messages may go.
///
/// An address in the URL, or `localhost`, is what the administrator wants. What a name resolves to is up to others: it may lead to what only
/// this machine can reach, and that is refused. The addresses are resolved here and connected to as they were checked, so that a name that
/// resolves to another address the next moment gains nothing.
struct WebhookHost: Sendable {
    typealias Resolve = @Sendable (String, Duration) async throws -> [IPAddress]

    let name: String
    /// The name may have private addresses.
    let isPrivate: Bool
    let resolve: Resolve

    /// - Throws: `DeliveryFailure`, or `CancellationError`.
    func addresses(within limit: Duration) async throws -> [IPAddress] {
        if let address = IPAddress(name) { return [address] }
        let addresses: [IPAddress]
        do {
            addresses = try await resolve(name, limit)
        } catch let error as TransportError {
            throw DeliveryFailure(.unavailable(after: nil), "\(error)")
        }
        for address in addresses where !allows(address) {
            throw DeliveryFailure(.refused, "nothing was sent: \(name) resolves to \(address), \(objection(address))")
        }
        return addresses
    }

    private func allows(_ address: IPAddress) -> Bool {
        switch address.reach {
        case .public: true
        case .loopback: isPrivate || name.lowercased() == "localhost"
        case .private: isPrivate
        case .linkLocal, .none: false
        }
    }

    private func objection(_ address: IPAddress) -> String {
        switch address.reach {
        case .linkLocal:
            "an address of this machine's own link, where clouds keep their machines' credentials: names must not lead there"
        case .none: "which is no address of a server: correct the url in notify, or the name's records"
        default: "a private address: if that is right, add private: true to the destination in notify"
        }
    }
}
