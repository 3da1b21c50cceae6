import Controller
import Integrations
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

/// Runs releases with the engine in this process.
struct LocalReleaseClient: ReleaseClient {
    let installation: Installation

    func apps() async throws -> [String] { installation.configuration.apps.map(\.name.text) }

    func cluster(of app: String) -> String? { (try? installation.configuration.app(app))?.cluster }

    func view(of app: String) async throws -> AppView {
        let releases = try installation.releases(app)
        let latest = try await releases.latest()
        let holds = try await releases.currentHolds()
        let queued = try await installation.journal.queued(app: app).map {
            AppView.QueuedView(version: $0.version.version, since: $0.since, waits: $0.waitsFor)
        }
        // The nodes can be read even if the cluster cannot.
        var readings: [NodeReading] = []
        do {
            let seen = try await releases.observeParts()
            readings = seen.readings
            let observation = await releases.comparing(
                AppObservation(at: seen.at, survey: try seen.survey.get(), readings: readings))
            return AppView(
                app: releases.app, observation: observation, latest: latest, holds: holds, queued: queued)
        } catch let error as CancellationError {
            throw error
        } catch {
            return AppView(
                app: releases.app, observation: nil, latest: latest, holds: holds, queued: queued, readings: readings,
                problem: String(describing: error))
        }
    }

    func image(of app: String, _ version: Version) async throws -> ImageReference? {
        let releases = try installation.releases(app)
        let digest = await withRegistries { await $0.digest(version, of: releases.app) }
        return try await releases.image(for: version, digest: digest)
    }

    /// Where tags point at the apps' registries, for as long as `body` runs.
    private func withRegistries<Value>(_ body: (TagDigest) async throws -> Value) async rethrows -> Value {
        let configuration = installation.configuration
        let registries = RegistryClients(configuration.registries)
        let tags = TagDigest(
            journal: installation.journal, registries: registries, settings: HookSettings(configuration))
        do {
            let value = try await body(tags)
            await registries.shutdown()
            return value
        } catch {
            await registries.shutdown()
            throw error
        }
    }

    func nodes(of app: String) async throws -> NodeList {
        // The nodes can be read even if the cluster cannot.
        let seen = try await installation.releases(app).observeParts()
        let cluster = cluster(of: app)
        let survey = try? seen.survey.get()
        let rows = seen.readings.map {
            NodeRoute(app: app, cluster: cluster, reading: $0, live: survey?.recorded?.color)
        }
        guard case .failure(let error) = seen.survey else { return NodeList(nodes: rows) }
        if error is CancellationError { throw error }
        return NodeList(nodes: rows, unread: [.init(app: app, cluster: cluster, problem: "\(error)")])
    }

    func history(of app: String, limit: Int) async throws -> [ReleaseView] {
        try await installation.releases(app).history(limit: limit).map { ReleaseView($0) }
    }

    func release(_ app: String, _ number: Int) async throws -> Release {
        try await installation.releases(app).release(number)
    }

    func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let releases = try installation.releases(app)
        var request = request
        if request.image == nil {
            request.digest = try await withRegistries { try await $0.noted(request.version, of: releases.app) }
        }
        return try await releases.deploy(request, until: stop, observe: observe)
    }

    func promote(
        _ app: String, by: String, forcedReason: String?, observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await installation.releases(app).promote(by: by, forcedReason: forcedReason, observe: observe)
    }

    func abort(_ app: String, by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release {
        try await installation.releases(app).abort(by: by, reason: reason, observe: observe)
    }

    func rollback(
        _ app: String,
        to version: VersionReference?,
        by: String,
        reason: String?,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await installation.releases(app)
            .rollback(to: version, by: by, reason: reason, until: .whenEnded, observe: observe)
    }

    func repair(_ app: String, isDryRun: Bool, by: String) async throws -> RepairView {
        let report = try await installation.releases(app).repair(isDryRun: isDryRun)
        if !isDryRun {
            try await installation.journal.note(
                AuditEntry(
                    at: SystemClock().now, who: by, action: "repair", app: app,
                    origin: RequestOrigin.commandLine.origin,
                    detail: report.summary))
        }
        return RepairView(app, report, isDryRun: isDryRun)
    }

    func follow(
        _ app: String,
        _ number: Int,
        shouldGoOn: @escaping @Sendable () async -> Bool,
        observe: @escaping Engine.Observer
    ) async throws {
        let releases = try installation.releases(app)
        _ = try await releases.release(number)
        // Events are never added to a copy.
        let isCopy = installation.journalProblem != nil
        _ = try await releases.follow(
            number, shouldGoOn: { isCopy ? false : await shouldGoOn() }, observe: observe)
    }

    func audit(of app: String?, limit: Int, before: Int?) async throws -> [AuditView] {
        let apps = try app.map { [try installation.configuration.app($0).name.text] }
        return try await installation.journal.audit(limit: limit, before: before, apps: apps).map { AuditView($0) }
    }

    func notifications(_ query: NotificationQuery, limit: Int) async throws -> [NotificationView] {
        for app in query.apps ?? [] { _ = try installation.configuration.app(app) }
        return try await installation.journal.notifications(query, limit: limit).map { NotificationView($0) }
    }

    func testDestination(_ name: String, by: String) async throws -> DestinationTest {
        let destinations = try installation.destinations()
        let test: Result<DestinationTest, any Error>
        do {
            test = .success(try await DestinationTest.of(name, in: destinations))
        } catch {
            test = .failure(error)
        }
        for destination in destinations { await destination.close() }
        let tested = try test.get()
        try await installation.journal.note(
            .test(tested, by: by, origin: RequestOrigin.commandLine.origin, at: SystemClock().now))
        return tested
    }

    func resendNotification(_ id: Int, by: String) async throws -> NotificationView {
        let now = SystemClock().now
        guard let notification = try await installation.journal.resend(id, at: now) else {
            throw Refusal("there is no notification \(id): viridian notify list shows them")
        }
        try await installation.journal.note(
            .resend(notification, by: by, origin: RequestOrigin.commandLine.origin, at: now))
        return NotificationView(notification)
    }

    func tokens() async throws -> [TokenView] {
        let now = SystemClock().now
        return try await installation.journal.tokens().map { TokenView($0, at: now) }
    }

    func createToken(_ token: NewToken, by: String) async throws -> TokenView {
        for app in token.apps ?? [] { _ = try installation.configuration.app(app) }
        let now = SystemClock().now
        let (record, made) = try await TokenIssuer(journal: installation.journal).create(
            name: token.name, role: token.role, apps: token.apps, expiresAt: token.life.map { now + $0 }, by: by,
            origin: RequestOrigin.commandLine.origin, at: now)
        var view = TokenView(record, at: now)
        view.token = made.text
        return view
    }

    func revokeToken(_ id: String, by: String) async throws {
        let isRevoked = try await TokenIssuer(journal: installation.journal).revoke(
            id, by: by, origin: RequestOrigin.commandLine.origin, at: SystemClock().now)
        guard isRevoked else {
            throw Refusal("there is no valid token \(id): viridian token list shows all tokens")
        }
    }
}
