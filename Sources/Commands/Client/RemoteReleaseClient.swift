import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

/// Runs releases through a server's API. Releases continue on the server when the client ends.
struct RemoteReleaseClient: ReleaseClient {
    let server: APIClient

    /// How long to retry while the server does not answer; a restart takes seconds.
    private static let retryLimit: Duration = .seconds(120)

    private struct DeployBody: Encodable {
        var version: String
        var image: String?
        var replicas: Int?
        var verify: Bool?
        var reason: String?
        var commitTime: String?
        var removeStrays: Bool?
        var override: Bool?
    }

    private struct PromoteBody: Encodable {
        var override: Bool?
        var reason: String?
    }

    private struct ReasonBody: Encodable {
        var to: String?
        var reason: String?
    }

    private struct TokenBody: Encodable {
        var name: String
        var role: String
        var apps: [String]?
        var expiresInDays: Int?
    }

    private struct RepairBody: Encodable {
        var dryRun: Bool
    }

    func path(_ app: String, _ rest: String = "") -> String {
        "/api/v1/apps/\(PercentEncoding.encode(app))\(rest)"
    }

    // MARK: - Reading

    func apps() async throws -> [String] { try await server.get("/api/v1/apps", AppList.self).apps.map(\.app) }

    func cluster(of app: String) -> String? { nil }

    func view(of app: String) async throws -> AppView { try await server.get(path(app)) }

    func image(of app: String, _ version: Version) throws -> ImageReference? { nil }

    func nodes(of app: String) async throws -> NodeList {
        try await server.get("/api/v1/nodes?app=\(PercentEncoding.encode(app))")
    }

    func history(of app: String, limit: Int) async throws -> [ReleaseView] {
        var releases: [ReleaseView] = []
        var before: Int?
        repeat {
            let page = min(200, limit - releases.count)
            let query = "?limit=\(page)" + (before.map { "&before=\($0)" } ?? "")
            let answer = try await server.get(path(app, "/releases\(query)"), ReleaseList.self)
            releases += answer.releases
            before = answer.next
        } while before != nil && releases.count < limit
        return releases
    }

    func release(_ app: String, _ number: Int) async throws -> Release {
        guard let release = Release(folding: try await events(app, number, after: 0)) else {
            throw Refusal("there is no release \(app)/\(number)")
        }
        return release
    }

    /// All events after `sequence`, page by page.
    private func events(_ app: String, _ number: Int, after sequence: Int) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        var after: Int? = sequence
        while let from = after {
            let answer = try await server.get(
                path(app, "/releases/\(number)/events?form=journal&after=\(from)&limit=5000"),
                EventList<RecordedEvent>.self)
            events += answer.events
            after = answer.next
        }
        return events
    }

    // MARK: - Commands

    func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let started = try await begin(app, request)
        return try await watch(app, started.number, reportingFrom: 1, until: stop, observe: observe)
    }

    /// Starts a release on the server without following it.
    func begin(_ app: String, _ request: AppReleases.Request) async throws -> ReleaseView {
        let body = DeployBody(
            version: request.version.text,
            image: request.image.map { "\($0)" },
            replicas: request.replicas,
            verify: request.verify,
            reason: request.reason,
            commitTime: request.commitTime?.iso8601,
            removeStrays: request.removeStrays,
            override: request.requester == .person(overridesHolds: true) ? true : nil
        )
        return try await server.post(path(app, "/releases"), body)
    }

    func promote(
        _ app: String, by: String, forcedReason: String?, observe: @escaping Engine.Observer
    ) async throws -> Release {
        let number = try await newest(app)
        let body = PromoteBody(override: forcedReason == nil ? nil : true, reason: forcedReason)
        let view = try await server.post(path(app, "/releases/\(number)/promote"), body, ReleaseView.self)
        if view.state == .paused {
            // More people have to promote it; what they did since is not what this command did.
            let events = try await events(app, number, after: 0).prefix { $0.sequence <= view.sequence }
            guard let approved = Release(folding: events) else { throw Refusal("there is no release \(app)/\(number)") }
            return approved
        }
        return try await watch(app, number, reportingFrom: view.sequence, observe: observe)
    }

    func abort(_ app: String, by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release {
        let number = try await newest(app)
        let view = try await server.post(
            path(app, "/releases/\(number)/abort"), ReasonBody(reason: reason), ReleaseView.self)
        return try await watch(app, number, reportingFrom: view.sequence, observe: observe)
    }

    func rollback(
        _ app: String,
        to version: VersionReference?,
        by: String,
        reason: String?,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let view = try await server.post(
            path(app, "/rollback"), ReasonBody(to: version?.description, reason: reason), ReleaseView.self)
        // If a running release was aborted, its earlier events are not reported again.
        let first = view.kind == .rollback ? 1 : view.sequence
        return try await watch(app, view.number, reportingFrom: first, observe: observe)
    }

    func repair(_ app: String, isDryRun: Bool, by: String) async throws -> RepairView {
        try await server.post(path(app, "/repair"), RepairBody(dryRun: isDryRun))
    }

    // MARK: - Audit log and tokens

    func audit(of app: String?, limit: Int, before: Int?) async throws -> [AuditView] {
        var entries: [AuditView] = []
        var before = before
        repeat {
            var query = "?limit=\(min(500, limit - entries.count))"
            if let app { query += "&app=\(PercentEncoding.encode(app))" }
            if let before { query += "&before=\(before)" }
            let answer = try await server.get("/api/v1/audit" + query, AuditList.self)
            entries += answer.entries
            before = answer.next
        } while before != nil && entries.count < limit
        return entries
    }

    func notifications(_ query: NotificationQuery, limit: Int) async throws -> [NotificationView] {
        var notifications: [NotificationView] = []
        var before = query.before
        repeat {
            var parameters = [("limit", "\(min(500, limit - notifications.count))")]
            if let app = query.apps?.first { parameters.append(("app", app)) }
            if let state = query.state { parameters.append(("state", state.rawValue)) }
            if let destination = query.destination { parameters.append(("destination", destination)) }
            if let before { parameters.append(("before", "\(before)")) }
            let answer = try await server.get(
                "/api/v1/notifications" + PercentEncoding.query(parameters), NotificationList.self)
            notifications += answer.notifications
            before = answer.next
        } while before != nil && notifications.count < limit
        return notifications
    }

    func testDestination(_ name: String, by: String) async throws -> DestinationTest {
        try await server.post("/api/v1/notifications/test", ["destination": name])
    }

    func resendNotification(_ id: Int, by: String) async throws -> NotificationView {
        try await server.post("/api/v1/notifications/\(id)/resend", ReasonBody())
    }

    func tokens() async throws -> [TokenView] { try await server.get("/api/v1/tokens", TokenList.self).tokens }

    func createToken(_ token: NewToken, by: String) async throws -> TokenView {
        let days = try token.life.map { life in
            let seconds = life.components.seconds
            guard seconds % 86_400 == 0 else {
                throw Refusal("a server creates tokens for whole days: --expires takes a number of days such as 90d")
            }
            return Int(seconds / 86_400)
        }
        return try await server.post(
            "/api/v1/tokens",
            TokenBody(name: token.name, role: token.role.rawValue, apps: token.apps, expiresInDays: days))
    }

    func revokeToken(_ id: String, by: String) async throws {
        try await server.delete("/api/v1/tokens/\(PercentEncoding.encode(id))")
    }

    private func newest(_ app: String) async throws -> Int {
        guard let newest = try await history(of: app, limit: 1).first else {
            throw Refusal("\(app) has no release yet: `viridian deploy \(app) --version V` starts the first")
        }
        return newest.number
    }

    // MARK: - Following

    func follow(
        _ app: String,
        _ number: Int,
        shouldGoOn: @escaping @Sendable () async -> Bool,
        observe: @escaping Engine.Observer
    ) async throws {
        let events = try await events(app, number, after: 0)
        guard let first = events.first, var release = Release(first) else {
            throw Refusal("there is no release \(app)/\(number)")
        }
        await observe(first, release)
        for event in events.dropFirst() {
            release.apply(event)
            await observe(event, release)
        }
        guard await shouldGoOn(), !release.state.hasEnded else { return }
        _ = try await watch(
            app, number, release, reportingFrom: release.sequence + 1, shouldGoOn: shouldGoOn, observe: observe)
    }

    /// Watches a release to its end; reconnects when the connection is lost.
    private func watch(
        _ app: String,
        _ number: Int,
        _ known: Release? = nil,
        reportingFrom first: Int,
        until stop: Engine.Stop = .whenEnded,
        shouldGoOn: @escaping @Sendable () async -> Bool = { true },
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        var fold = Fold(release: known)
        var outage = ServerOutage(release: "\(app)/\(number)", retryLimit: RemoteReleaseClient.retryLimit)
        while true {
            do {
                // The stream signals new events; they are then fetched in the journal's form.
                let stream = try await server.events(path(app, "/releases/\(number)/events"), after: fold.last)
                var message = ServerSentEvent()
                for try await line in stream {
                    outage.end()
                    guard let complete = message.append(line.text) else { continue }
                    if complete.type == "end", let release = fold.release { return release }
                    if let sequence = Int(complete.id), sequence <= fold.last { continue }
                    for event in try await events(app, number, after: fold.last) {
                        guard let release = fold.apply(event) else { continue }
                        if event.sequence >= first { await observe(event, release) }
                        if release.state.hasEnded || (stop == .whenPaused && release.state == .paused) {
                            return release
                        }
                        guard await shouldGoOn() else { return release }
                    }
                }
                try outage.lost()
            } catch let error as APIClientError where !error.isTransient {
                throw error
            } catch let error where error is TransportError || error is APIClientError {
                try outage.lost(error)
            }
            // A pause before the next request to a server that has just ended the stream.
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// The release so far, from its events.
    private struct Fold {
        var release: Release?
        var last: Int { release?.sequence ?? 0 }

        /// - Returns: the release after the event; `nil` if the event was already applied.
        mutating func apply(_ event: RecordedEvent) -> Release? {
            guard event.sequence > last else { return nil }
            if var known = release {
                known.apply(event)
                release = known
            } else {
                release = Release(event)
            }
            return release
        }
    }
}
