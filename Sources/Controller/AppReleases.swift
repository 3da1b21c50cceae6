import ReleaseMachine
import ViridianConfiguration

/// The releases of one app: what people can ask for, from wherever they ask.
///
/// A word is an event in the journal. Whoever holds the app's lease acts on it: this process when nobody else does, otherwise the
/// one that runs the release, which sees the word in the journal that both share.
package struct AppReleases: Sendable {
    package let app: AppConfiguration
    let engine: Engine

    package init(app: AppConfiguration, engine: Engine) {
        self.app = app
        self.engine = engine
    }

    package struct Request: Sendable {
        package var version: Version
        package var image: ImageReference?
        package var replicas: Int?
        package var verify: Bool?
        package var reason: String?
        package var commitTime: Timestamp?
        package var removeStrays: Bool?
        package var by: String

        package init(
            version: Version,
            image: ImageReference? = nil,
            replicas: Int? = nil,
            verify: Bool? = nil,
            reason: String? = nil,
            commitTime: Timestamp? = nil,
            removeStrays: Bool? = nil,
            by: String
        ) {
            self.version = version
            self.image = image
            self.replicas = replicas
            self.verify = verify
            self.reason = reason
            self.commitTime = commitTime
            self.removeStrays = removeStrays
            self.by = by
        }
    }

    var name: String { app.name.text }

    // MARK: - What people ask for

    /// Starts a release of a version and runs it. When the newest release has not ended, nobody runs it, and it is what is asked for
    /// (version, image and replicas), this goes on with it instead.
    package func deploy(
        _ request: Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await withLease { lease in
            let image = request.image ?? app.image(for: request.version)
            if let open = try latest(), !open.state.hasEnded {
                guard open.order.version == request.version.text, open.order.image == "\(image)",
                    open.order.replicas == request.replicas
                else { throw Interrupted(release: open, app: app) }
                return try await takeUp(open.order.number, lease, by: request.by, until: stop, observe: observe)
            }
            return try await begin(lease: lease, until: stop, observe: observe) { number in
                order(number, .deploy, request.version.text, "\(image)", request)
            }
        }
    }

    /// Says that the traffic may move. Runs the release here when nobody else does.
    package func promote(by: String, observe: @escaping Engine.Observer) async throws -> Release {
        let release = try existing()
        try release.checkPromotable(at: engine.clock.now)
        return try await say(.promoted(by: by), to: release, by: by, observe: observe)
    }

    /// Gives a running release up: its candidate goes, and traffic that moved comes back.
    package func abort(by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release {
        let release = try existing()
        try release.checkAbortable()
        return try await say(.abortRequested(by: by, reason: reason), to: release, by: by, observe: observe)
    }

    /// Goes back to the version before, or to `version`: a release of its own. A release that is still running is aborted.
    package func rollback(
        to version: Version?,
        by: String,
        reason: String?,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        if version == nil, let open = try latest(), !open.state.hasEnded {
            return try await abort(by: by, reason: reason ?? "rolled back", observe: observe)
        }
        return try await withLease { lease in
            if let open = try latest(), !open.state.hasEnded { throw Interrupted(release: open, app: app) }
            let history = try engine.journal.releases(app: name, limit: 200, before: nil)
            let live = history.first { $0.state == .live }
            let target = try target(version, live: live, history: history)
            let request = Request(version: target.version, verify: false, reason: reason, by: by)
            return try await begin(lease: lease, until: stop, observe: observe) { number in
                order(number, .rollback(from: live?.order.number), target.version.text, target.image, request)
            }
        }
    }

    // MARK: - What people look at

    package func latest() throws -> Release? {
        try engine.journal.releases(app: name, limit: 1, before: nil).first
    }

    package func release(_ number: Int) throws -> Release {
        guard let release = Release(folding: try engine.journal.events(app: name, number: number, after: 0)) else {
            throw Refusal("there is no release \(name)/\(number): `viridian releases \(name)` lists those there are")
        }
        return release
    }

    package func history(limit: Int, before: Int? = nil) throws -> [Release] {
        try engine.journal.releases(app: name, limit: limit, before: before)
    }

    package func events(of number: Int, after sequence: Int = 0) throws -> [RecordedEvent] {
        try engine.journal.events(app: name, number: number, after: sequence)
    }

    /// Tells the release's events, those there are and those to come, until it has ended or `stop` says so. Returns `nil` when the
    /// caller's `shouldGoOn`, asked between two looks at the journal, says no.
    package func follow(
        _ number: Int,
        after sequence: Int = 0,
        until stop: Engine.Stop = .whenEnded,
        shouldGoOn: @Sendable () async -> Bool = { true },
        observe: Engine.Observer
    ) async throws -> Release? {
        let all = try engine.journal.events(app: name, number: number, after: 0)
        guard var release = Release(folding: all.prefix(1)) else { return try self.release(number) }
        if sequence < 1, let first = all.first { await observe(first, release) }
        var pending = Array(all.dropFirst())
        while true {
            for event in pending {
                release.apply(event)
                if event.sequence > sequence { await observe(event, release) }
            }
            if release.state.hasEnded || (stop == .whenPaused && release.state == .paused) { return release }
            guard await shouldGoOn() else { return nil }
            try await engine.clock.sleep(for: engine.pace.tick)
            pending = try engine.journal.events(app: name, number: number, after: release.sequence)
        }
    }
}

/// The newest release has not ended, nobody runs it, and what was asked for is something else.
package struct Interrupted: Error, Sendable, CustomStringConvertible {
    package var release: Release
    package var app: AppConfiguration

    package var description: String {
        let order = release.order
        return "\(order.name) (\(order.version)) has not ended: it is \(release.state) in phase \(release.phase). "
            + "Finish it with `\(order.deployCommand(for: app))`, or give it up with `viridian abort \(order.app)`"
    }
}

extension Order {
    /// The command that asks for the same release, and so goes on with it.
    package func deployCommand(for app: AppConfiguration) -> String {
        var words = ["viridian", "deploy", self.app, "--version", version]
        let usual = (try? Version(version)).map { "\(app.image(for: $0))" }
        if image != usual { words += ["--image", image] }
        if let replicas { words += ["--replicas", "\(replicas)"] }
        return words.joined(separator: " ")
    }
}
