import Foundation
import Synchronization
import ViridianConfiguration

extension RegistryConfiguration {
    /// Whether an image comes from this registry; without one in its name, from Docker Hub.
    package func serves(_ image: ImageReference) -> Bool {
        RegistryAddress.canonical(image.registry ?? RegistryAddress.dockerHub) == RegistryAddress.canonical(host)
    }
}

/// One client for each registry. Those that are not configured are used without credentials, with TLS.
package final class RegistryClients: Sendable {
    private let configurations: [String: RegistryConfiguration]
    private let make: @Sendable (RegistryConfiguration) -> RegistryClient
    private let opened = Mutex<[String: RegistryClient]>([:])

    package init(
        _ configurations: [RegistryConfiguration],
        make: @escaping @Sendable (RegistryConfiguration) -> RegistryClient = { RegistryClient($0) }
    ) {
        let named = configurations.map { (RegistryAddress.canonical($0.host), $0) }
        self.configurations = Dictionary(named) { first, _ in first }
        self.make = make
    }

    /// The client of the registry that an image comes from; without one in its name, Docker Hub's.
    package func client(for image: ImageReference) -> RegistryClient {
        let host = RegistryAddress.canonical(image.registry ?? RegistryAddress.dockerHub)
        return opened.withLock { opened in
            if let client = opened[host] { return client }
            let client = make(configurations[host] ?? RegistryConfiguration(host: host))
            opened[host] = client
            return client
        }
    }

    /// Closes all connections. Requests in progress and later ones fail.
    package func shutdown() async {
        for client in opened.withLock({ Array($0.values) }) { await client.shutdown() }
    }
}
