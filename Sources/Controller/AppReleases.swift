import ReleaseMachine
import ViridianConfiguration

/// The releases of one app: every command on them, from the CLI, the API and the pages.
///
/// A request is an event in the journal. The process that holds the app's lease acts on it: this process when no other holds it,
/// otherwise the one that runs the release and reads the request from the shared journal.
package struct AppReleases: Sendable {
    package let app: AppConfiguration
    let engine: Engine
    let holds: Holds

    package init(app: AppConfiguration, engine: Engine, freezes: [FreezeWindow] = []) {
        self.app = app
        self.engine = engine
        holds = Holds(freezes)
    }

    /// What a deploy asks for.
    package struct Request: Sendable {
        package var version: Version
        /// A whole image, instead of the version's.
        package var image: ImageReference?
        /// The digest to which the version's tag points at the registry; `nil`: what the journal knows counts.
        package var digest: String?
        package var replicas: Int?
        package var verify: Bool?
        package var reason: String?
        package var commitTime: Timestamp?
        package var commit: String?
        /// The URL of the source's repository.
        package var source: String?
        /// The branch or tag that the version was built from.
        package var ref: String?
        package var removeStrays: Bool?
        package var requester: Admission.Requester
        package var by: String

        package init(
            version: Version,
            image: ImageReference? = nil,
            replicas: Int? = nil,
            verify: Bool? = nil,
            reason: String? = nil,
            commitTime: Timestamp? = nil,
            commit: String? = nil,
            source: String? = nil,
            ref: String? = nil,
            removeStrays: Bool? = nil,
            requester: Admission.Requester = .person(overridesHolds: false),
            by: String
        ) {
            self.version = version
            self.image = image
            self.replicas = replicas
            self.verify = verify
            self.reason = reason
            self.commitTime = commitTime
            self.commit = commit
            self.source = source
            self.ref = ref
            self.requester = requester
            self.removeStrays = removeStrays
            self.by = by
        }
    }

    var name: String { app.name.text }

    // MARK: - Commands

    /// Starts a release of a version and runs it. When the newest release has not ended, no process runs it, and it has the requested
    /// version, image and replicas, resumes that one instead: without a requested image, whatever digest its tag had then.
    /// - Throws: `LeaseHeld` while a release runs, `Interrupted` when another one has to be finished first, `ReleaseHeld` for a lock or a
    ///   freeze, `NotAdmitted` for a version that a hook or a script may not start, `ApprovalsNeeded` when it is not to pause for those that
    ///   the app's releases need, `Refusal`.
    package func deploy(
        _ request: Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await checkCluster()
        return try await withLease(isFirst: true) { lease in
            if let open = try await latest(), !open.state.hasEnded {
                guard open.order.isRequested(by: request, of: app) else {
                    throw Interrupted(release: open, app: app)
                }
                return try await takeUp(open.order.number, lease, by: request.by, until: stop, observe: observe)
            }
            let withoutApprovals = try checkApprovals(request)
            let image =
                if let image = request.image {
                    image
                } else {
                    try await self.image(for: request.version, digest: request.digest)
                }
            let (note, overrode) = try await admit(request, image: image)
            let request = await completed(request, image)
            return try await begin(lease: lease, until: stop, note: note, observe: observe) { number in
                var order = order(number, .deploy, request.version.text, "\(image)", request)
                order.isOlder = note == nil ? nil : true
                let rules = [overrode, withoutApprovals].compactMap(\.self)
                order.overrode = rules.isEmpty ? nil : rules.joined(separator: "; ")
                return order
            }
        }
    }

    /// Promotes the newest release, and runs it here when no other process does; or adds the person's approval when it needs more than one,
    /// and returns at once. With `forcedReason`, an administrator promotes it without the approvals that it needs.
    /// - Throws: `Inapplicable` when it is not awaiting promotion, or not by this person, `Refusal` when there is none.
    package func promote(by: String, forcedReason: String? = nil, observe: @escaping Engine.Observer) async throws
        -> Release
    {
        let (request, release) = try await record { release throws(Inapplicable) in
            try promotion(of: release, by: by, forcedReason: forcedReason)
        }
        // Nothing goes on until others have promoted it too.
        if case .approved = request.event { return release }
        return try await carryOut(request, release, by: by, observe: observe)
    }

    /// Aborts the newest release: deletes its candidate, and moves traffic that it moved back.
    /// - Throws: `Inapplicable` when it has ended or cannot be aborted any more, `Refusal` when there is none.
    package func abort(by: String, reason: String?, observe: @escaping Engine.Observer) async throws -> Release {
        let (request, release) = try await record { release throws(Inapplicable) in
            try release.checkAbortable()
            return .abortRequested(by: by, reason: reason)
        }
        return try await carryOut(request, release, by: by, observe: observe)
    }

    /// Brings back the version before the live one, or `version`, with a new release. Without `version`, a release that has not ended is
    /// aborted instead.
    /// - Throws: `LeaseHeld`, `Interrupted`, `Refusal` when there is no such version.
    package func rollback(
        to version: VersionReference?,
        by: String,
        reason: String?,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await checkCluster()
        if version == nil, let open = try await latest(), !open.state.hasEnded {
            try await lockBeforeRollback(of: open, by: by)
            return try await abort(by: by, reason: reason ?? "rolled back", observe: observe)
        }
        return try await withLease { lease in
            if let open = try await latest(), !open.state.hasEnded { throw Interrupted(release: open, app: app) }
            let history = try await engine.journal.releases(app: name, limit: 200, before: nil)
            let live = history.first { $0.state == .live }
            let target = try target(version, live: live, history: history)
            var request = Request(version: target.version, verify: false, reason: reason, by: by)
            if let known = history.first(where: { $0.hasBeenLive && $0.order.image == target.image })?.order {
                (request.commit, request.source, request.ref) = (known.commit, known.source, known.ref)
            }
            return try await begin(lease: lease, until: stop, observe: observe) { number in
                order(number, .rollback(from: live?.order.number), target.version.text, target.image, request)
            }
        }
    }

    // MARK: - Reading

    package func latest() async throws -> Release? {
        try await engine.journal.releases(app: name, limit: 1, before: nil).first
    }

    package func release(_ number: Int) async throws -> Release {
        guard let release = Release(folding: try await engine.journal.events(app: name, number: number, after: 0))
        else {
            if let deleted = try await engine.journal.deletedRelease(app: name, number: number) { throw deleted }
            throw Refusal("there is no release \(name)/\(number): `viridian releases \(name)` lists the existing ones")
        }
        return release
    }

    package func history(limit: Int, before: Int? = nil) async throws -> [Release] {
        try await engine.journal.releases(app: name, limit: limit, before: before)
    }

    package func events(of number: Int, after sequence: Int = 0) async throws -> [RecordedEvent] {
        try await engine.journal.events(app: name, number: number, after: sequence)
    }

    /// Reports the release's events to `observe`, present and future ones, until the release has ended or `stop` applies.
    /// Returns the release, or `nil` when `shouldGoOn`, called between two reads of the journal, returned false.
    /// Throws `Refusal` when there is no such release, `JournalWentBack` when an event that was read is not there any more.
    package func follow(
        _ number: Int,
        after sequence: Int = 0,
        until stop: Engine.Stop = .whenEnded,
        shouldGoOn: @Sendable () async -> Bool = { true },
        observe: Engine.Observer
    ) async throws -> Release? {
        let all = try await engine.journal.events(app: name, number: number, after: 0)
        guard var release = Release(folding: all.prefix(1)) else { return try await self.release(number) }
        if sequence < 1, let first = all.first { await observe(first, release) }
        return try await engine.withWakeups(for: name, every: engine.pace.look) { wakeups in
            var wakeups = wakeups.makeAsyncIterator()
            var pending = all.dropFirst()
            var end = all.first.map { JournalEnd(release: number, $0) }
            while true {
                for event in pending {
                    release.apply(event)
                    end = JournalEnd(release: number, event)
                    if event.sequence > sequence { await observe(event, release) }
                }
                if release.state.hasEnded || (stop == .whenPaused && release.state == .paused) { return release }
                guard await shouldGoOn() else { return nil }
                guard await wakeups.next() != nil, let end else { throw CancellationError() }
                pending = try await engine.events(app: name, after: end)
            }
        }
    }
}

/// The newest release has not ended, no process runs it, and the request does not match it.
package struct Interrupted: Error, Sendable, CustomStringConvertible {
    package var release: Release
    package var app: AppConfiguration

    package var description: String {
        let order = release.order
        return "\(order.name) (\(order.version)) has not ended: it is \(release.state) in phase \(release.phase). "
            + "Resume it with `\(order.deployCommand(for: app))`, or abort it with `viridian abort \(order.app)`"
    }
}

extension Order {
    /// The command that requests the same release, and so resumes it.
    package func deployCommand(for app: AppConfiguration) -> String {
        var words = ["viridian", "deploy", self.app, "--version", version]
        if !hasUsualImage(of: app) { words += ["--image", image] }
        if let replicas { words += ["--replicas", "\(replicas)"] }
        return words.joined(separator: " ")
    }

    /// Whether the image is the version's of the app, at whatever digest.
    fileprivate func hasUsualImage(of app: AppConfiguration) -> Bool {
        guard let version = try? Version(version) else { return false }
        return image.prefix { $0 != "@" } == "\(app.image(for: version))"
    }

    fileprivate func isRequested(by request: AppReleases.Request, of app: AppConfiguration) -> Bool {
        version == request.version.text && replicas == request.replicas
            && (request.image.map { image == "\($0)" } ?? hasUsualImage(of: app))
    }
}
