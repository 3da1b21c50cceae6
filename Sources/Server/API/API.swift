import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Integrations
import Journal
import NIOCore
import ReleaseMachine
import ViridianConfiguration

/// The JSON API: its routes, and what the endpoints share. `openapi.yaml` describes it; a file `API+…` holds the endpoints of one subject.
struct API: Sendable {
    let services: Services
    let idempotency: Idempotency
    /// Part of every ETag: another process counts versions from 1 again.
    let life = String(UInt32.random(in: .min ... .max), radix: 36)

    init(_ services: Services) {
        self.services = services
        idempotency = Idempotency(journal: services.journal, clock: services.clock)
    }

    func add(to routes: Routes) {
        routes.get("healthz", use: health)
        routes.get("readyz", use: readiness)
        routes.get("metrics", use: metrics)
        routes.get("openapi.json", use: description)
        routes.get("api/v1/apps", use: listApps)
        routes.get("api/v1/apps/{app}", use: showApp)
        routes.get("api/v1/apps/{app}/releases", use: listReleases)
        routes.post("api/v1/apps/{app}/releases", use: deploy)
        routes.get("api/v1/apps/{app}/releases/{number}", use: showRelease)
        routes.get("api/v1/apps/{app}/releases/{number}/events", use: listEvents)
        routes.post("api/v1/apps/{app}/releases/{number}/promote", use: promote)
        routes.post("api/v1/apps/{app}/releases/{number}/abort", use: abort)
        routes.post("api/v1/apps/{app}/rollback", use: rollback)
        routes.post("api/v1/apps/{app}/repair", use: repair)
        routes.get("api/v1/apps/{app}/versions", use: listVersions)
        routes.delete("api/v1/apps/{app}/queue", use: dropQueued)
        routes.get("api/v1/queue", use: listQueue)
        routes.get("api/v1/locks", use: listLocks)
        routes.post("api/v1/locks", use: createLock)
        routes.delete("api/v1/locks/{id}", use: deleteLock)
        for sender in HookSender.allCases { routes.post("hooks/\(sender.rawValue)", use: receive(sender)) }
        routes.post("hooks/deploy", use: call)
        for address in SlackAddress.allCases { routes.post("slack/\(address.rawValue)", use: receive(address)) }
        routes.get("api/v1/deliveries", use: listDeliveries)
        routes.get("api/v1/deliveries/{id}", use: showDelivery)
        routes.get("api/v1/nodes", use: listNodes)
        routes.get("api/v1/events", use: changes)
        routes.get("api/v1/audit", use: listAudit)
        routes.get("api/v1/notifications", use: listNotifications)
        routes.post("api/v1/notifications/{id}/resend", use: resendNotification)
        routes.post("api/v1/notifications/test", use: testDestination)
        routes.get("api/v1/stats", use: statistics)
        routes.get("api/v1/servers", use: listServers)
        routes.get("api/v1/tokens", use: listTokens)
        routes.post("api/v1/tokens", use: createToken)
        routes.delete("api/v1/tokens/{id}", use: revokeToken)
    }

    /// The app in the path; throws unless it exists and the caller may see it.
    func app(_ context: ServerContext) throws -> String {
        let name = try context.parameter("app")
        try context.require(.viewer, for: name)
        return try services.apps.configuration(name).name.text
    }

    /// The app that the query limits the answer to, with the same conditions; `nil` when there is none in the query.
    func appInQuery(_ request: Request, _ context: ServerContext) throws -> String? {
        guard let name = request.uri.queryParameters["app"].map(String.init) else { return nil }
        try context.require(.viewer, for: name)
        return try services.apps.configuration(name).name.text
    }

    /// The names of the apps that the caller may see, in the configuration's order.
    func appsSeen(by identity: Identity) -> [String] {
        services.apps.configurations.map(\.name.text).filter { identity.sees($0) }
    }

    /// The release in the path.
    func release(_ context: ServerContext) async throws -> Release {
        let app = try app(context)
        let number = try context.number("number")
        guard let release = try await services.appStates.release(app, number) else {
            throw try await services.noRelease(app, number)
        }
        return release
    }
}
