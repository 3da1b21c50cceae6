import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

/// A server that runs the releases. Leaving it leaves them running.
struct RemoteDesk: Desk {
    let server: RemoteServer

    /// How long to look for a server that has gone: a restart takes moments.
    private static let patience: Duration = .seconds(120)

    private struct AppsAnswer: Decodable {
        var apps: [AppView]
    }

    private struct ReleasesAnswer: Decodable {
        var releases: [ReleaseView]
        var next: Int?
    }

    private struct NodesAnswer: Decodable {
        var nodes: [NodeRoute]
    }

    /// Events as the journal has them.
    private struct EventsAnswer: Decodable {
        var events: [RecordedEvent]
        var next: Int?
    }

    private struct DeployBody: Encodable {
        var version: String
        var image: String?
        var replicas: Int?
        var verify: Bool?
        var reason: String?
        var commitTime: String?
        var removeStrays: Bool?
    }

    private struct WordBody: Encodable {
        var to: String?
        var reason: String?
    }

    private struct AuditAnswer: Decodable {
        var entries: [AuditView]
        var next: Int?
    }

    private struct TokensAnswer: Decodable {
        var tokens: [TokenView]
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

    private func path(_ app: String, _ rest: String = "") -> String {
        "/api/v1/apps/\(PercentEncoding.encode(app))\(rest)"
    }

    // MARK: - Looking

    func apps() async throws -> [String] { try await server.get("/api/v1/apps", AppsAnswer.self).apps.map(\.app) }

    func view(of app: String) async throws -> AppView { try await server.get(path(app)) }

    func image(of app: String, _ version: Version) throws -> ImageReference? { nil }

    func nodes(of app: String) async throws -> [NodeRoute] {
        try await server.get("/api/v1/nodes?app=\(PercentEncoding.encode(app))", NodesAnswer.self).nodes
    }

    func history(of app: String, limit: Int) async throws -> [ReleaseView] {
        var releases: [ReleaseView] = []
        var before: Int?
        repeat {
            let page = min(200, limit - releases.count)
            let query = "?limit=\(page)" + (before.map { "&before=\($0)" } ?? "")
            let answer = try await server.get(path(app, "/releases\(query)"), ReleasesAnswer.self)
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

    /// All events that there are.
    private func events(_ app: String, _ number: Int, after sequence: Int) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        var after: Int? = sequence
        while let from = after {
            let answer = try await server.get(
                path(app, "/releases/\(number)/events?form=journal&after=\(from)&limit=5000"), EventsAnswer.self)
            events += answer.events
            after = answer.next
        }
        return events
    }

    // MARK: - Acting

    func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let begun = try await begin(app, request)
        return try await watch(app, begun.number, telling: 1, until: stop, observe: observe)
    }

    /// Starts a release and leaves it to the server.
    func begin(_ app: String, _ request: AppReleases.Request) async throws -> ReleaseView {
        let body = DeployBody(
            version: request.version.text,
            image: request.image.map { "\($0)" },
            replicas: request.replicas,
            verify: request.verify,
            reason: request.reason,
            commitTime: request.commitTime?.iso8601,
            removeStrays: request.removeStrays
        )
        return try await server.post(path(app, "/releases"), body)
    }

    func promote(_ app: String, by: String, observe: @escaping Engine.Observer) async throws -> Release {
        let number = try await newest(app)
        let said = try await server.post(
            path(app, "/releases/\(number)/promote"), WordBody(), ReleaseView.self)
        return try await watch(app, number, telling: said.sequence, observe: observe)
    }

    func abort(_ app: String, by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release {
        let number = try await newest(app)
        let said = try await server.post(
            path(app, "/releases/\(number)/abort"), WordBody(reason: reason), ReleaseView.self)
        return try await watch(app, number, telling: said.sequence, observe: observe)
    }

    func rollback(
        _ app: String,
        to version: Version?,
        by: String,
        reason: String?,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let begun = try await server.post(
            path(app, "/rollback"), WordBody(to: version?.text, reason: reason), ReleaseView.self)
        // A release that was running is aborted: what it did before is known.
        let first = begun.kind == .rollback ? 1 : begun.sequence
        return try await watch(app, begun.number, telling: first, observe: observe)
    }

    func repair(_ app: String, isDryRun: Bool, by: String) async throws -> RepairView {
        try await server.post(path(app, "/repair"), RepairBody(dryRun: isDryRun))
    }

    // MARK: - Who may, and who did

    func audit(of app: String?, limit: Int, before: Int?) async throws -> [AuditView] {
        var entries: [AuditView] = []
        var before = before
        repeat {
            var query = "?limit=\(min(500, limit - entries.count))"
            if let app { query += "&app=\(PercentEncoding.encode(app))" }
            if let before { query += "&before=\(before)" }
            let answer = try await server.get("/api/v1/audit" + query, AuditAnswer.self)
            entries += answer.entries
            before = answer.next
        } while before != nil && entries.count < limit
        return entries
    }

    func tokens() async throws -> [TokenView] { try await server.get("/api/v1/tokens", TokensAnswer.self).tokens }

    func createToken(_ token: NewToken, by: String) async throws -> TokenView {
        let days = try token.life.map { life in
            let seconds = life.components.seconds
            guard seconds % 86_400 == 0 else {
                throw Refusal("a server gives tokens for whole days: --expires takes a time such as 90d")
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
            app, number, release, telling: release.sequence + 1, shouldGoOn: shouldGoOn, observe: observe)
    }

    /// Watches a release to its end, through losses of the connection.
    private func watch(
        _ app: String,
        _ number: Int,
        _ known: Release? = nil,
        telling first: Int,
        until stop: Engine.Stop = .whenEnded,
        shouldGoOn: @escaping @Sendable () async -> Bool = { true },
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        var fold = Fold(release: known)
        var outage = Outage(release: "\(app)/\(number)", patience: RemoteDesk.patience)
        while true {
            do {
                // The stream tells that something has happened; what it was is asked for in the journal's form.
                let stream = try await server.events(path(app, "/releases/\(number)/events"), after: fold.last)
                var message = ServerSentEvent()
                for try await line in stream {
                    outage.end()
                    guard let complete = message.take(line.text) else { continue }
                    if complete.type == "end", let release = fold.release { return release }
                    if let sequence = Int(complete.id), sequence <= fold.last { continue }
                    for event in try await events(app, number, after: fold.last) {
                        guard let release = fold.take(event) else { continue }
                        if event.sequence >= first { await observe(event, release) }
                        if release.state.hasEnded || (stop == .whenPaused && release.state == .paused) {
                            return release
                        }
                        guard await shouldGoOn() else { return release }
                    }
                }
                try outage.lost()
            } catch let error as RemoteError where !error.isPassing {
                throw error
            } catch let error where error is TransportError || error is RemoteError {
                try outage.lost(error)
            }
            // Before asking a server again that has just ended the stream.
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// The release so far, from its events.
    private struct Fold {
        var release: Release?
        var last: Int { release?.sequence ?? 0 }

        /// - Returns: the release after the event; `nil` where that was known.
        mutating func take(_ event: RecordedEvent) -> Release? {
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
