import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    func addNotifications(to routes: Routes) {
        routes.get("notifications") { request, context in
            respond(try await notificationsPage(NotificationFilter(request), context).page, request, context)
        }
        routes.post("notifications/test", use: testDestination)
        routes.post("notifications/{id}/resend", use: resendNotification)
    }

    private func notificationsPage(_ filter: NotificationFilter, _ context: ServerContext) async throws
        -> NotificationsPage
    {
        let identity = try context.require(.viewer)
        if let app = filter.app { try context.require(.viewer, for: app) }
        let found = try await services.journal.notifications(
            filter.query(apps: identity.apps), limit: NotificationsPage.length + 1)
        return await NotificationsPage(
            destinations: try services.notificationService(context).destinations(), notifications: found,
            filter: filter, user: identity, now: services.clock.now)
    }

    @Sendable private func resendNotification(_ request: Request, _ context: ServerContext) async throws -> Response {
        let text = try context.parameter("id")
        guard let id = Int(text), String(id) == text else {
            throw APIError.notFound("there is no notification \(text.safe)")
        }
        _ = try await services.notificationService(context).resend(id)
        return redirect(NotificationFilter(context.form).address, .resent)
    }

    /// Shows what came of the test. There is no redirect, because that is not kept: a browser asks before it reloads the page.
    @Sendable private func testDestination(_ request: Request, _ context: ServerContext) async throws -> Response {
        let test = try await services.notificationService(context).test(context.form["destination"] ?? "")
        var page = try await notificationsPage(NotificationFilter(context.form), context)
        page.test = test
        return respond(page.page, request, context)
    }
}

/// What was sent to other systems, and what became of each message.
struct NotificationsPage {
    static let length = 100

    var destinations: [DestinationStatus]
    /// The notifications to show, and one more when there is another page.
    var notifications: [OutboxNotification]
    var filter = NotificationFilter()
    var user: Identity?
    /// The test that was just made.
    var test: DestinationTest?
    var now: Timestamp

    var page: Pages.Page {
        let shown = notifications.prefix(Self.length)
        var model = PageValues()
        model["destinations"] = destinations.map(line)
        model["hasDestinations"] = !destinations.isEmpty
        model["test"] = test.map { test in
            PageValues {
                $0["name"] = test.destination
                $0["answer"] = test.answer
                $0["badge"] =
                    test.delivered
                    ? DisplayText.badge("live", "test accepted", "check")
                    : DisplayText.badge("failed", "test failed", "cross")
            }
        }
        model["appFilter"] = filter.app
        model["releaseFilter"] = filter.release
        let states: [OutboxNotification.State?] = [nil, .pending, .failed, .delivered, .obsolete]
        model["states"] = states.map { state in
            PageValues {
                $0["state"] = state?.rawValue ?? ""
                $0["label"] = state?.rawValue ?? "any state"
                $0["isChosen"] = state == filter.state
            }
        }
        model["to"] = filter.destination
        model["fields"] = filter.fields.map { field in
            PageValues {
                $0["name"] = field.name
                $0["value"] = field.value
            }
        }
        model["hasRows"] = !shown.isEmpty
        model["rows"] = shown.map(row)
        model["emptyText"] = emptyText
        model["newest"] = filter.before == nil ? nil : address { $0.before = nil }
        model["older"] =
            notifications.count > shown.count ? shown.last.map { last in address { $0.before = last.id } } : nil
        return Pages.Page(
            template: "notifications", title: "Notifications", section: .notifications, model: model,
            refresh: filter.before == nil && test == nil ? 30 : nil)
    }

    private func address(_ change: (inout NotificationFilter) -> Void) -> String {
        var filter = filter
        change(&filter)
        return filter.address
    }

    private var emptyText: String {
        if !filter.isEmpty { return "No notification matches." }
        return destinations.isEmpty
            ? "Nothing is told to other systems: slack, notify and report in the configuration name whom to tell."
            : "Nothing was sent yet: the next release is told."
    }

    // MARK: - Destinations

    private func line(_ status: DestinationStatus) -> PageValues {
        var own = NotificationFilter()
        own.destination = status.name
        func address(_ state: OutboxNotification.State?) -> String {
            own.state = state
            return own.address
        }
        return PageValues {
            $0["name"] = status.name
            $0["href"] = address(nil)
            $0["badge"] = badge(status)
            // The badge says it already.
            $0["summary"] = status.state == .delivered && status.failed == 0 ? nil : status.summary(at: now)
            $0["pending"] = status.waiting == 0 ? nil : "\(status.waiting)"
            $0["pendingHref"] = address(.pending)
            $0["failed"] = status.failed == 0 ? nil : "\(status.failed)"
            $0["failedHref"] = address(.failed)
            $0["lag"] = status.oldest.map { DisplayText.ago($0, now: now) }
            $0["answer"] = status.answer
            $0["answeredAt"] = status.answeredAt.map { DisplayText.when($0, now: now) }
            $0["iso"] = status.answeredAt?.iso8601
            $0["mayTest"] = user.map { $0.role >= .deployer } == true && status.state != .removed
        }
    }

    private func badge(_ status: DestinationStatus) -> PageValues {
        switch status.state {
        case .unused: DisplayText.badge("superseded", "unused", "past")
        case .delivered where status.failed == 0: DisplayText.badge("live", "all delivered", "check")
        case .delivered: DisplayText.badge("failed", "some failed", "cross")
        case .sending: DisplayText.badge("running", "sending", "run")
        case .retrying: DisplayText.badge("failed", "not delivered", "alert")
        case .removed: DisplayText.badge("superseded", "removed", "past")
        }
    }

    // MARK: - Rows

    private func row(_ notification: OutboxNotification) -> PageValues {
        let isConfigured = destinations.contains { $0.name == notification.destination && $0.state != .removed }
        let app = notification.app
        return PageValues {
            $0["id"] = notification.id
            $0["iso"] = notification.at.iso8601
            $0["when"] = DisplayText.when(notification.at, now: now, seconds: true)
            $0["destination"] = notification.destination
            $0["release"] = "\(app)/\(notification.number)"
            $0["releaseHref"] = "/apps/\(app)/releases/\(notification.number)"
            $0["message"] = notification.message
            $0["badge"] = badge(notification)
            $0["tried"] = tried(notification)
            $0["answer"] = notification.answer
            $0["mayResend"] = isConfigured && user?.mayRelease(app) == true
            $0["button"] = notification.state == .pending ? "Send now" : "Send again"
        }
    }

    private func tried(_ notification: OutboxNotification) -> String {
        let attempts =
            switch notification.attempts {
            case 0: "not tried yet"
            case 1: "once"
            case let count: "\(count) times"
            }
        guard notification.state == .pending, notification.nextAt > now else { return attempts }
        return
            "\(attempts), \(notification.attempts == 0 ? "due" : "next") \(DisplayText.when(notification.nextAt, now: now))"
    }

    private func badge(_ notification: OutboxNotification) -> PageValues {
        switch notification.state {
        case .pending where notification.attempts > 0 && notification.answer != nil:
            DisplayText.badge("running", "retrying", "wait")
        case .pending: DisplayText.badge("paused", "pending", "wait")
        case .delivered: DisplayText.badge("live", "delivered", "check")
        case .failed: DisplayText.badge("failed", "failed", "cross")
        case .obsolete: DisplayText.badge("superseded", "not needed", "past")
        }
    }
}
