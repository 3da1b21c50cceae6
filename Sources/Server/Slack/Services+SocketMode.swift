import Controller
import Foundation
import HTTPTransport
import Integrations
import Logging
import ViridianConfiguration

/// Requests that come over connections to Slack, for servers that nothing outside can reach.
extension Services {
    /// Keeps the connections open until cancelled. Does nothing without slack.appToken. Nothing else of the server depends on them.
    func socketModeWork(_ requests: SlackRequests) async {
        let access = requests.access
        guard access.configuration.appToken != nil else { return }
        let status = SocketModeStatus { [metrics] in
            metrics.set("viridian_slack_connections", Double($0.connections))
        }
        metrics.set("viridian_slack_connections", 0)
        let mode = SocketMode(
            open: { try await access.client.openConnection() },
            connect: { url, body in try await access.connect(to: url, body) },
            status: status, pause: { [clock] in try await clock.sleep(for: $0) }, logger: logger)
        await mode.run { try await self.receive($0, requests) }
    }

    /// Writes down what a person asks for.
    /// - Returns: what the person is told at once, where it is not acted on.
    /// - Throws: when it could not be written down; then Slack sends it again.
    func receive(_ envelope: SocketEnvelope, _ requests: SlackRequests) async throws -> SocketAnswer? {
        let address: API.SlackAddress = envelope.type == "interactive" ? .actions : .commands
        let request: SlackRequest?
        do {
            request = try SlackRequest.read(envelope: envelope.type, payload: envelope.payload)
        } catch {
            // It would be the same the next time.
            countSlackRequest(address, "malformed")
            logger.warning("a request from Slack cannot be read", metadata: ["why": "\(error.description)"])
            return nil
        }
        guard let request else {
            countSlackRequest(address, "ignored")
            return nil
        }
        switch try await requests.receive(request, .envelope(envelope.id)) {
        case .written: countSlackRequest(address, "accepted")
        case .repeated, .replayed: countSlackRequest(address, "repeated")
        case .tooMany(let sentence):
            countSlackRequest(address, "limited")
            guard address == .commands, envelope.acceptsResponse else { return nil }
            return SocketAnswer(SlackAcknowledgement(text: SlackText(sentence).markup))
        }
        return nil
    }
}

extension SlackAccess {
    /// Opens a connection to an address from Slack: with TLS, unless the API has none either, as in tests.
    fileprivate func connect(
        to url: String, _ body: @Sendable (WebSocketConnection) async throws -> Void
    ) async throws {
        guard url.hasPrefix("wss://") || configuration.api.scheme == "http" else {
            throw DeliveryFailure(
                .refused, "apps.connections.open answers with an address that is not wss://…: check slack.api")
        }
        let proxy = try ProxyEnvironment(environment).proxy(for: url)
        try await WebSocketConnection.withConnection(to: url, proxy: proxy, body)
    }
}
