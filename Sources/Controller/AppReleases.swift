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
        package var by: String

        package init(
            version: Version,
            image: ImageReference? = nil,
            replicas: Int? = nil,
            verify: Bool? = nil,
            reason: String? = nil,
            by: String
        ) {
            self.version = version
            self.image = image
            self.replicas = replicas
            self.verify = verify
            self.reason = reason
            self.by = by
        }
    }

    private var name: String { app.name.text }

    // MARK: - What people ask for

    /// Starts a release of a version and runs it. When the newest release has not ended, is of the same version, and nobody runs it,
    /// this goes on with it instead.
    package func deploy(
        _ request: Request,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        try await withLease { lease in
            if let open = try latest(), !open.state.hasEnded {
                guard open.order.version == request.version.text else { throw Interrupted(release: open) }
                return try await takeUp(open.order.number, lease, by: request.by, until: stop, observe: observe)
            }
            let image = request.image ?? app.image(for: request.version)
            return try await begin(lease: lease, until: stop, observe: observe) { number in
                order(number, .deploy, request.version.text, "\(image)", request)
            }
        }
    }

    /// Says that the traffic may move. Runs the release here when nobody else does.
    package func promote(by: String, observe: @escaping Engine.Observer) async throws -> Release {
        let release = try existing()
        try release.checkPromotable()
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
            if let open = try latest(), !open.state.hasEnded { throw Interrupted(release: open) }
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

    // MARK: - Running

    private func begin(
        lease: LeaseTerm,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer,
        order: (Int) -> Order
    ) async throws -> Release {
        try settleHistory()
        let number = max(try engine.journal.lastNumber(app: name), lease.lastRelease) + 1
        let first = RecordedEvent(sequence: 1, at: engine.clock.now, event: .requested(order(number)))
        try engine.journal.append(first, app: name, number: number)
        try await engine.cluster.note(release: number)
        if let release = Release(first) { await observe(first, release) }
        let ended = try await engine.run(app: name, number: number, until: stop, lease: lease, observe: observe)
        try settleHistory()
        return ended
    }

    private func takeUp(
        _ number: Int,
        _ lease: LeaseTerm,
        by: String,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        // The process that began it may have died before it could.
        try await engine.cluster.note(release: number)
        let (event, told) = try takeUp(number, by: by)
        await observe(event, told)
        let ended = try await engine.run(app: name, number: number, until: stop, lease: lease, observe: observe)
        try settleHistory()
        return ended
    }

    private func takeUp(_ number: Int, by: String) throws -> (RecordedEvent, Release) {
        while true {
            var release = try release(number)
            let event = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: .takenUp(by: by))
            do {
                try engine.journal.append(event, app: name, number: number)
            } catch is JournalConflict {
                continue  // A word was said in the same moment: it comes first.
            }
            release.apply(event)
            return (event, release)
        }
    }

    /// Puts a word into the journal, and runs the release here when the process that ran it has gone.
    private func say(
        _ event: Event,
        to release: Release,
        by: String,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        let number = release.order.number
        let word = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
        do {
            try engine.journal.append(word, app: name, number: number)
        } catch is JournalConflict {
            // Something happened in the same moment: whether the word still applies is looked at again.
            switch event {
            case .promoted: return try await promote(by: by, observe: observe)
            case .abortRequested(_, let reason): return try await abort(by: by, reason: reason, observe: observe)
            default: throw JournalConflict()
            }
        }
        var release = release
        release.apply(word)
        await observe(word, release)
        let patience = Patience(every: .seconds(2), clock: engine.clock)
        let told = Told(from: word.sequence)
        while true {
            do {
                return try await withLease { lease in
                    let now = try self.release(number)
                    if now.state.hasEnded {
                        return try await follow(number, after: await told.last, observe: observe) ?? now
                    }
                    return try await takeUp(number, lease, by: by, until: .whenEnded, observe: observe)
                }
            } catch is LeaseHeld {
                // Its engine sees the word. Should that engine die, the next look takes the release over.
                let ended = try await follow(
                    number,
                    after: await told.last,
                    shouldGoOn: { await patience.isLeft },
                    observe: { recorded, release in
                        await told.tell(recorded.sequence)
                        await observe(recorded, release)
                    }
                )
                if let ended { return ended }
            }
        }
    }

    func withLease<T>(_ body: (LeaseTerm) async throws -> T) async throws -> T {
        let lease: LeaseTerm
        do {
            lease = try await engine.cluster.acquireLease()
        } catch var held as LeaseHeld {
            if let open = try latest(), !open.state.hasEnded { held.release = open.order.number }
            throw held
        }
        do {
            let value = try await body(lease)
            await giveLeaseBack()
            return value
        } catch {
            await giveLeaseBack()
            throw error
        }
    }

    /// Also when this task was cancelled: otherwise other machines would wait for the lease to run out.
    private func giveLeaseBack() async {
        await Task { [cluster = engine.cluster] in await cluster.releaseLease() }.value
    }

    /// Tells releases that were live that a newer one is.
    private func settleHistory() throws {
        let live = try engine.journal.releases(app: name, limit: 50, before: nil).filter { $0.state == .live }
        guard let newest = live.first else { return }
        let wentBack = if case .rollback = newest.order.kind { true } else { false }
        for older in live.dropFirst() {
            let event = Event.replaced(by: newest.order.number, rolledBack: wentBack)
            let recorded = RecordedEvent(sequence: older.sequence + 1, at: engine.clock.now, event: event)
            try engine.journal.append(recorded, app: name, number: older.order.number)
        }
    }

    // MARK: - Orders

    private func order(_ number: Int, _ kind: Order.Kind, _ version: String, _ image: String, _ request: Request)
        -> Order
    {
        Order(
            app: name,
            number: number,
            kind: kind,
            version: version,
            image: image,
            replicas: request.replicas,
            verify: request.verify ?? app.verify.required,
            requestedBy: request.by,
            reason: request.reason,
            rules: Rules(app)
        )
    }

    private func existing() throws -> Release {
        guard let release = try latest() else {
            throw Refusal("\(name) has no release yet: `viridian deploy \(name) --version V` starts the first")
        }
        return release
    }

    private func target(
        _ version: Version?,
        live: Release?,
        history: [Release]
    ) throws -> (version: Version, image: String) {
        let text = version?.text ?? live?.previous?.version
        guard let text else {
            throw Refusal(
                live == nil
                    ? "\(name) has no live release to go back from: `viridian releases \(name)` lists its history"
                    : "\(name) has no version before \(live?.order.version ?? "this one"): name one with --to"
            )
        }
        let wentLive = history.filter(\.hasBeenLive)
        if let known = wentLive.first(where: { $0.order.version == text }) {
            return (try Version(text), known.order.image)
        }
        guard version == nil else {
            let versions = wentLive.map(\.order.version).reduce(into: [String]()) {
                if !$0.contains($1) { $0.append($1) }
            }
            throw Refusal(
                "\(name) never had version \(text) live",
                details: versions.isEmpty ? [] : ["it had \(versions.prefix(10).joined(separator: ", "))"]
            )
        }
        // It was live before this journal knew of it.
        let wanted = try Version(text)
        return (wanted, "\(app.image(for: wanted))")
    }
}

/// How long to go on with something before looking elsewhere.
private actor Patience {
    private let every: Duration
    private let clock: any ReleaseClock
    private var until: Timestamp

    init(every: Duration, clock: any ReleaseClock) {
        self.every = every
        self.clock = clock
        until = clock.now + every
    }

    var isLeft: Bool {
        guard clock.now >= until else { return true }
        until = clock.now + every
        return false
    }
}

/// How far a release has been told to whoever watches it.
private actor Told {
    private(set) var last: Int

    init(from sequence: Int) {
        last = sequence
    }

    func tell(_ sequence: Int) { last = max(last, sequence) }
}

/// The newest release has not ended, nobody runs it, and what was asked for is something else.
package struct Interrupted: Error, Sendable, CustomStringConvertible {
    package var release: Release

    package var description: String {
        let order = release.order
        return "\(order.name) (\(order.version)) has not ended: it is \(release.state) in phase \(release.phase). "
            + "Finish it with `viridian deploy \(order.app) --version \(order.version)`, "
            + "or give it up with `viridian abort \(order.app)`"
    }
}

extension Rules {
    /// An app's configuration as it is at the start of a release.
    init(_ app: AppConfiguration) {
        self.init()
        replicas = app.replicas
        readyTimeout = app.ready.timeout
        verifyTimeout = app.verify.timeout
        afterVerifyTimeout = app.verify.then == .promote ? .promote : .abort
        stageTimeout = (app.postDeploy?.timeout ?? .zero) + .seconds(60)
        drainLeast = app.drain.least
        drainMost = app.drain.most
        retain = app.retain
        tolerate = app.tolerate
        previewURL = app.preview.map { "http://\($0)/" }
    }
}
