import Controller
import Foundation
import HTTPTransport
import ReleaseMachine
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

    private struct EventsAnswer: Decodable {
        var events: [EventView]
        var next: Int?
    }

    private struct DeployBody: Encodable {
        var version: String
        var image: String?
        var replicas: Int?
        var verify: Bool?
        var reason: String?
        var commitTime: String?
    }

    private struct WordBody: Encodable {
        var to: String?
        var reason: String?
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
                path(app, "/releases/\(number)/events?after=\(from)&limit=5000"), EventsAnswer.self)
            events += answer.events.compactMap(\.recorded)
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
            commitTime: request.commitTime?.iso8601
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
        var lostAt: ContinuousClock.Instant?
        while true {
            let before = fold.last
            do {
                let stream = try await server.events(path(app, "/releases/\(number)/events"), after: fold.last)
                var message = ServerSentEvent()
                for try await line in stream {
                    guard let complete = message.take(line.text) else { continue }
                    if complete.type == "end", let release = fold.release { return release }
                    guard let (event, release) = try fold.take(complete) else { continue }
                    if event.sequence >= first { await observe(event, release) }
                    if release.state.hasEnded || (stop == .whenPaused && release.state == .paused) { return release }
                    guard await shouldGoOn() else { return release }
                }
                lostAt = lostAt ?? .now
            } catch let error as RemoteError where !error.isPassing {
                throw error
            } catch let error where error is TransportError || error is RemoteError {
                lostAt = fold.last > before ? .now : lostAt ?? .now
                if let lostAt, .now - lostAt > RemoteDesk.patience { throw error }
            }
            if fold.last > before { lostAt = nil }
            // Before asking a server again that has just ended the stream.
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// The release so far, from the messages of its event stream.
    private struct Fold {
        var release: Release?
        var last: Int { release?.sequence ?? 0 }

        mutating func take(_ message: ServerSentEvent.Message) throws -> (RecordedEvent, Release)? {
            guard message.type == "message" else { return nil }
            guard
                let event = try JSONDecoder().decode(EventView.self, from: Data(message.data.utf8)).recorded,
                event.sequence > last
            else { return nil }
            if var known = release {
                known.apply(event)
                release = known
            } else {
                release = Release(event)
            }
            return release.map { (event, $0) }
        }
    }
}

/// The messages of an event stream, put together from its lines (the HTML standard, section 9.2.6).
struct ServerSentEvent {
    struct Message: Equatable {
        var type: String
        var data: String
        var id: String
    }

    private var type = ""
    private var data: [String] = []
    private var id = ""

    /// - Returns: the message that the line ends; `nil` within one.
    mutating func take(_ line: String) -> Message? {
        if line.isEmpty {
            defer { (type, data) = ("", []) }
            guard !data.isEmpty else { return nil }
            return Message(type: type.isEmpty ? "message" : type, data: data.joined(separator: "\n"), id: id)
        }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count > 1 ? String(parts[1]) : ""
        if value.hasPrefix(" ") { value.removeFirst() }
        switch parts[0] {
        case "event": type = value
        case "data": data.append(value)
        case "id": id = value
        default: break  // A comment, or a field that nobody needs.
        }
        return nil
    }
}
