import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// What went out to other systems.
extension API {
    @Sendable func listNotifications(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let limit = try request.integer("limit", 1...500) ?? 50
        let before = try request.integer("before", 1...Int.mostInJSON)
        let apps = try appInQuery(request, context).map { [$0] } ?? identity.apps
        let found = try services.journal.notifications(limit: limit + 1, before: before, apps: apps)
        let page = found.prefix(limit)
        return .json(
            NotificationList(
                notifications: page.map { NotificationView($0) }, next: found.count > limit ? page.last?.id : nil))
    }

    @Sendable func resendNotification(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let text = try context.parameter("id")
        guard let id = Int(text), String(id) == text else {
            throw APIError.notFound("there is no notification \(text.safe)")
        }
        _ = try BodyFields(request, context, known: [])
        guard let known = try services.journal.notification(id), identity.sees(known.app) else {
            throw APIError.notFound("there is no notification \(id)")
        }
        let deployer = try context.require(.deployer, for: known.app)
        guard services.outbox.destinations.contains(where: { $0.name == known.destination }) else {
            throw APIError(
                .conflict, "not_applicable",
                "\(known.destination) is not configured any more: notification \(id) cannot be sent")
        }
        guard let notification = try await services.outbox.resend(id) else {
            throw APIError.notFound("there is no notification \(id)")
        }
        try services.journal.note(
            .resend(
                notification, by: deployer.name, token: deployer.tokenID, origin: context.remoteAddress,
                at: services.clock.now))
        return .json(NotificationView(notification), status: .accepted)
    }
}

extension AuditEntry {
    package static func resend(
        _ notification: OutboxNotification, by: String, token: String? = nil, origin: String, at: Timestamp
    ) -> AuditEntry {
        AuditEntry(
            at: at, who: by, token: token, action: "notification.resend", app: notification.app,
            release: notification.number, origin: origin,
            detail: "\(notification.destination): \(notification.message)")
    }
}

/// A message to another system, as the outside sees it.
package struct NotificationView: Codable, Sendable, Hashable {
    package var id: Int
    package var destination: String
    /// `deployment`: the status of a deployment.
    package var kind: String
    package var app: String
    /// The release's number.
    package var release: Int
    /// What it says: `queued`, `success`, …
    package var message: String
    package var state: OutboxNotification.State
    /// When what it tells happened.
    package var at: String
    package var attempts: Int
    package var triedAt: String?
    /// When it is tried next, while it is pending.
    package var nextAt: String?
    /// What the receiver answered to the newest attempt, or why it was not reached.
    package var answer: String?
    /// The receiver's id of what it made.
    package var externalID: String?

    package init(_ notification: OutboxNotification) {
        id = notification.id
        destination = notification.destination
        kind = notification.kind
        app = notification.app
        release = notification.number
        message = notification.message
        state = notification.state
        at = notification.at.iso8601
        attempts = notification.attempts
        triedAt = notification.triedAt?.iso8601
        nextAt = notification.state == .pending ? notification.nextAt.iso8601 : nil
        answer = notification.answer
        externalID = notification.externalID
    }
}

/// Newest first. `next` is the value of `before` for the next page; `nil` on the last one.
package struct NotificationList: Codable, Sendable {
    package var notifications: [NotificationView]
    package var next: Int?
}
