import Foundation
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Tells a receiver of webhooks about releases.
package struct WebhookDestination: OutboxDestination {
    package let name: String
    package let tellsMilestonesOnly = true
    private let configuration: NotifyConfiguration
    private let sender: WebhookSender
    /// The server's URL, for links to the release's page; `nil` where none is configured.
    private let server: String?
    /// The first host of each app, for links to the app.
    private let hosts: [String: String]
    private let clock: @Sendable () -> Timestamp

    static let kind = "webhook"

    package init(
        _ configuration: NotifyConfiguration, sender: WebhookSender, server: String?, apps: [AppConfiguration],
        clock: @escaping @Sendable () -> Timestamp = {
            Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        }
    ) {
        name = configuration.name
        self.configuration = configuration
        self.sender = sender
        self.server = server
        self.clock = clock
        hosts = Dictionary(
            apps.compactMap { app in app.hosts.first.map { (app.name.text, $0) } }, uniquingKeysWith: { $1 })
    }

    /// The destinations of a configuration. `variables` has the proxies'.
    package static func all(_ configuration: Configuration, variables: [String: String]) throws -> [Self] {
        try configuration.notify.map {
            Self(
                $0, sender: try WebhookSender($0, environment: variables),
                server: configuration.server.url?.absoluteString, apps: configuration.apps)
        }
    }

    /// Programs get everything unless they could not be reached for long; people get what is so now.
    package var staleAfter: Duration? {
        switch configuration.format {
        case .standardWebhooks: .seconds(3600)
        case .slackWebhook: .zero
        }
    }

    package func messages(for history: Milestones) throws -> [NewNotification] {
        let order = history.release.order
        guard configuration.apps?.contains(order.app) ?? true else { return [] }
        return try WebhookEvent.all(history).filter { $0.isAmong(configuration.on) }.map { event in
            NewNotification(
                destination: name, kind: Self.kind, app: order.app, number: order.number, message: event.name,
                payload: try body(of: event), at: event.at,
                notBefore: event.trigger == .deadlineNear ? event.at : nil,
                // It has the approvals that came before it.
                isReplaced: event.trigger == .deadlineNear)
        }
    }

    private func body(of event: WebhookEvent) throws -> String {
        switch configuration.format {
        case .standardWebhooks:
            try Self.json(WebhookPayload(event, server: server, host: hosts[event.release.order.app]))
        case .slackWebhook: try Self.json(SlackWebhookMessage(event, server: server))
        }
    }

    package func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome
    {
        guard let release = try await context.latest() else {
            throw DeliveryFailure(.refused, "\(notification.app)/\(notification.number) is not in the journal any more")
        }
        if isOver(notification.message, release) {
            return .obsolete("not sent: the release does not await promotion any more")
        }
        let id = WebhookPayload.id(
            app: notification.app, number: notification.number, message: notification.message,
            requested: release.createdAt)
        return .delivered(try await sender.send(notification.payload, id: id))
    }

    /// Whether it tells of a pause that has ended. Programs are told of every pause, and are reminded of none that has ended.
    private func isOver(_ message: String, _ release: Release) -> Bool {
        guard release.state != .paused else { return false }
        switch NotifyConfiguration.Trigger(rawValue: message) {
        case .deadlineNear: return true
        case .paused: return configuration.format == .slackWebhook
        default: return false
        }
    }

    package func sendTest() async throws -> String {
        let text = "This is a test of the destination \(name)\(server.map { " by \($0)" } ?? "")"
        let time = clock()
        let body =
            switch configuration.format {
            case .standardWebhooks:
                try Self.json(WebhookTest(timestamp: time.iso8601, data: .init(summary: text, url: server)))
            case .slackWebhook: try Self.json(SlackWebhookMessage(text: text))
            }
        return try await sender.send(body, id: "msg_test_\(String(time.milliseconds, radix: 36))")
    }

    package func close() async { await sender.shutdown() }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
