import Foundation
import HTTPTransport
import ReleaseMachine
import ViridianConfiguration

/// Sends messages to the URL of one receiver, signed as Standard Webhooks are where there are secrets.
///
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
package struct WebhookSender: Sendable {
    private let connections: WebhookConnections
    /// Path and query, as they are in the URL. A part of them may be a secret.
    private let path: String
    private let host: WebhookHost
    private let proxy: ProxyServer?
    private let keys: [StandardWebhooks]
    private let hidden: [String]
    private let clock: @Sendable () -> Timestamp
    private let deadline: Duration

    /// The time limit of a message, with all that belongs to it.
    package static let deadline = Duration.seconds(10)
    /// What is read of an answer.
    private static let largestBody = 16 << 10

    /// `environment` has the variables of proxies: a proxy resolves the name itself, and decides what it connects to. `resolve` gives the
    /// addresses of a name, within a time limit.
    /// - Throws: `TransportError` for a URL that cannot be called, `ProxyError` for an invalid proxy.
    package init(
        _ destination: NotifyConfiguration, environment: [String: String],
        deadline: Duration = WebhookSender.deadline,
        clock: @escaping @Sendable () -> Timestamp = {
            Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        },
        resolve: @escaping @Sendable (String, Duration) async throws -> [IPAddress] = HostAddresses.resolve
    ) throws {
        let url = destination.url
        guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: false), let scheme = parts.scheme,
            let name = url.host?.trimmingCharacters(in: ["[", "]"])
        else {
            throw TransportError(
                .invalidRequest("the url of notify's \(destination.name) cannot be called"), server: destination.name)
        }
        let origin =
            "\(scheme)://\(name.contains(":") ? "[\(name)]" : name)" + (parts.port.map { ":\($0)" } ?? "")
        path =
            (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath)
            + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
        host = WebhookHost(name: name, isPrivate: destination.isPrivate, resolve: resolve)
        proxy = try ProxyEnvironment(environment).proxy(for: url.absoluteString)
        connections = WebhookConnections(origin: origin, proxy: proxy)
        keys = destination.secrets.compactMap { StandardWebhooks($0) }
        let shortest = 8
        hidden = ([path] + path.split { "/?&=".contains($0) }.map(String.init) + destination.secrets.map(\.value))
            .filter { $0.utf8.count >= shortest }
        self.clock = clock
        self.deadline = deadline
    }

    /// Sends a message once.
    /// - Parameters:
    ///   - body: JSON.
    ///   - id: the same for each attempt, so that receivers tell a repeated message.
    /// - Returns: what the receiver answered, in one sentence.
    /// - Throws: `DeliveryFailure`, or `CancellationError`.
    package func send(_ body: String, id: String) async throws -> String {
        let clock = ContinuousClock()
        let end = clock.now + deadline
        let body = Data(body.utf8)
        var request = HTTPConnection.Request(
            "POST", path, headers: headers(of: body, id: id), body: body, largestBody: Self.largestBody, cutsBody: true,
            closesConnection: true)
        // A proxy resolves the name.
        var addresses: [IPAddress?] = [nil]
        if proxy == nil { addresses = try await host.addresses(within: deadline) }
        while true {
            request.deadline = clock.now.duration(to: end)
            do {
                return try WebhookAnswer(try await call(request, addresses.first ?? nil), hiding: hidden).sentence()
            } catch let error as TransportError {
                addresses = Array(addresses.dropFirst())
                if error.nothingWasSent, !addresses.isEmpty, clock.now < end { continue }
                throw DeliveryFailure(.unavailable(after: nil), "\(error)".hiding(hidden))
            }
        }
    }

    private func call(_ request: HTTPConnection.Request, _ address: IPAddress?) async throws -> HTTPConnection.Response
    {
        try await connections.connection(to: address).send(request)
    }

    /// Closes its connections.
    package func shutdown() async { await connections.shutdown() }

    private func headers(of body: Data, id: String) -> HTTPConnection.Headers {
        var headers: HTTPConnection.Headers = ["Content-Type": "application/json", "User-Agent": "viridian"]
        let signed = keys.map { $0.sign(Array(body), id: id, at: clock()) }
        if let first = signed.first {
            headers["webhook-id"] = first.id
            headers["webhook-timestamp"] = first.timestamp
            headers["webhook-signature"] = signed.map(\.signature).joined(separator: " ")
        }
        return headers
    }
}
