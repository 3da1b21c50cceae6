import Controller
import HTTPTypes
import Journal
import ReleaseMachine

/// Messages to other systems, as the user of a request: checks rights and writes the audit log. The API and the pages share it.
package struct NotificationService: Sendable {
    private let services: Services
    private let caller: Caller
    private var now: Timestamp { services.clock.now }

    init(_ services: Services, _ caller: Caller) {
        self.services = services
        self.caller = caller
    }

    private var names: [String] { services.outbox.destinations.map(\.name) }

    /// How it goes with each destination, as far as the user may see its messages.
    package func destinations() async throws -> [DestinationStatus] {
        let identity = try caller.require(.viewer)
        return try await DestinationStatus.all(names, services.journal, apps: identity.apps, at: now)
    }

    /// Sends a message again, or a pending one now, which takes a deployer of its app.
    /// - Throws: 404 for one that is not there or that the user may not see, 409 when its destination is not configured any more.
    package func resend(_ id: Int) async throws -> OutboxNotification {
        let identity = try caller.require(.viewer)
        guard let known = try await services.journal.notification(id), identity.sees(known.app) else {
            throw APIError.notFound("there is no notification \(id)")
        }
        let deployer = try caller.require(.deployer, for: known.app)
        guard names.contains(known.destination) else {
            throw APIError(
                .conflict, "not_applicable",
                "\(known.destination) is not configured any more: notification \(id) cannot be sent")
        }
        guard let notification = try await services.outbox.resend(id) else {
            throw APIError.notFound("there is no notification \(id)")
        }
        try await services.journal.note(
            .resend(
                notification, by: deployer.auditName, token: deployer.tokenID, origin: caller.origin, at: now))
        return notification
    }

    /// Sends a message that says that it is a test, which takes a deployer: it tells of no app.
    /// - Throws: 422 for a destination that is not configured.
    package func test(_ destination: String) async throws -> DestinationTest {
        let deployer = try caller.require(.deployer)
        let tested: DestinationTest
        do {
            tested = try await DestinationTest.of(destination, in: services.outbox.destinations)
        } catch let error as UnknownDestination {
            throw APIError.invalid("destination", error.description)
        }
        try await services.journal.note(
            .test(tested, by: deployer.auditName, token: deployer.tokenID, origin: caller.origin, at: now))
        return tested
    }
}

extension Services {
    package func notificationService(_ caller: Caller) -> NotificationService { NotificationService(self, caller) }
    package func notificationService(_ context: ServerContext) -> NotificationService {
        notificationService(context.caller)
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

    package static func test(_ test: DestinationTest, by: String, token: String? = nil, origin: String, at: Timestamp)
        -> AuditEntry
    {
        AuditEntry(
            at: at, who: by, token: token, action: "notification.test", origin: origin,
            detail: "\(test.destination): \(test.delivered ? "delivered" : "not delivered"): \(test.answer)")
    }
}
