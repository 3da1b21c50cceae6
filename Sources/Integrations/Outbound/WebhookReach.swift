import Foundation
import HTTPTransport
import ViridianConfiguration

extension NotifyConfiguration {
    /// Where messages to this destination go, found out without sending one: `hooks.domain.com has the address 192.0.2.7`.
    ///
    /// `environment` has the variables of proxies: a proxy resolves the name itself.
    /// - Throws: `DeliveryFailure` when the name does not resolve, or leads to an address to which no message goes; `ProxyError`;
    ///   `CancellationError`.
    package func reach(
        environment: [String: String],
        resolve: @escaping @Sendable (String, Duration) async throws -> [IPAddress] = HostAddresses.resolve
    ) async throws -> String {
        let name = (url.host ?? "").trimmingCharacters(in: ["[", "]"])
        guard try ProxyEnvironment(environment).proxy(for: url.absoluteString) == nil else {
            return "\(name) is reached through a proxy"
        }
        let host = WebhookHost(name: name, isPrivate: isPrivate, resolve: resolve)
        let addresses = try await host.addresses(within: WebhookSender.deadline).map { "\($0)" }
        guard addresses != [name] else { return "\(name) is an address" }
        return "\(name) has the address\(addresses.count == 1 ? "" : "es") \(addresses.joined(separator: ", "))"
    }
}
