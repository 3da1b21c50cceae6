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
        var query = NotificationQuery(before: try request.integer("before", 1...Int.mostInJSON))
        query.apps = try appInQuery(request, context).map { [$0] } ?? identity.apps
        query.state = try request.uri.queryParameters["state"].map { text throws(APIError) in
            guard let state = OutboxNotification.State(rawValue: String(text)) else {
                let states = OutboxNotification.State.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalid("state", "state has to be one of \(states)")
            }
            return state
        }
        query.destination = request.uri.queryParameters["destination"].map { String($0) }
        let found = try await services.journal.notifications(query, limit: limit + 1)
        let page = found.prefix(limit)
        return .json(
            NotificationList(
                notifications: page.map { NotificationView($0) }, next: found.count > limit ? page.last?.id : nil))
    }

    @Sendable func resendNotification(_ request: Request, _ context: ServerContext) async throws -> Response {
        try context.require(.viewer)
        let text = try context.parameter("id")
        guard let id = Int(text), String(id) == text else {
            throw APIError.notFound("there is no notification \(text.safe)")
        }
        _ = try BodyFields(request, context, known: [])
        let notification = try await services.notificationService(context).resend(id)
        return .json(NotificationView(notification), status: .accepted)
    }

    @Sendable func testDestination(_ request: Request, _ context: ServerContext) async throws -> Response {
        try context.require(.deployer)
        let fields = try BodyFields(request, context, known: ["destination"])
        guard let destination = try fields.string("destination") else {
            throw APIError.invalid("destination", "destination is missing: the name of what is to be tested")
        }
        return .json(try await services.notificationService(context).test(destination))
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
