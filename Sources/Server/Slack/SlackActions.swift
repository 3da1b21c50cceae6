import Controller
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// What a known person in Slack may have done, with their rights: the same commands as on the pages and in the API.
struct SlackActions: Sendable {
    let services: Services
    let wording: SlackWording
    let person: SlackPerson
    let team: String
    let identity: Identity

    private var caller: Caller { Caller(identity: identity, origin: "Slack") }
    private var releases: ReleaseService { services.releaseService(caller) }
    private var locks: LockService { services.lockService(caller) }

    /// - Returns: what the person is told.
    /// - Throws: `SlackRefused`, or an error of what was to be done.
    func perform(_ command: SlackCommand) async throws -> SlackText {
        switch command {
        case .help(let problem): return wording.help(problem)
        case .status(let app): return try await status(app)
        case .promote(let app, let number):
            try require(app)
            return wording.promoted(try await releases.promote(app, number))
        case .abort(let app, let number, let reason, let isButton):
            try require(app)
            return wording.aborted(
                try await releases.abort(app, number, reason: reason, onlyPaused: isButton))
        case .rollback(let app, let version, let reason):
            try require(app)
            return wording.rolledBack(try await releases.rollback(app, to: version, reason: reason))
        case .lock(let app, let length, let reason):
            try require(app)
            return try await lock(app, length, reason)
        case .unlock(let app):
            try require(app)
            return try await unlock(app)
        case .disconnect: return try await disconnect()
        }
    }

    // MARK: - Rights

    /// Throws unless the person sees the app and may release it. An app that they may not see is not told apart from one that is not there.
    private func require(_ app: String, _ role: Role = .deployer) throws(SlackRefused) {
        let name = identity.name.safe
        guard identity.sees(app) else {
            throw SlackRefused(
                "\(name) has rights to \(identity.apps?.joined(separator: ", ") ?? "no app"), not to \(app.safeLine.cut(60))."
            )
        }
        guard identity.role >= role else {
            throw SlackRefused("\(name) has the role \(identity.role.rawValue) here, and this takes \(role.rawValue).")
        }
        guard services.knows(app) else {
            let seen = services.apps.configurations.map(\.name.text).filter { identity.sees($0) }
            let hint =
                Suggestion.nearest(to: app, among: seen).map { ": did you mean \($0)?" }
                ?? "; there are: \(seen.joined(separator: ", "))."
            throw SlackRefused("There is no app “\(app.safeLine.cut(60))”\(hint)", isAboutRights: false)
        }
    }

    // MARK: - Status

    private func status(_ app: String?) async throws -> SlackText {
        let states = services.appStates
        await states.refresh()
        if let app {
            try require(app, .viewer)
            guard let view = await states.app(app) else { return "Nothing is known of it yet." }
            return wording.status(view, latest: await states.latest(app))
        }
        let seen = services.apps.configurations.map(\.name.text).filter { identity.sees($0) }
        guard !seen.isEmpty else { return "No app is configured yet." }
        var lines: [SlackText] = []
        for name in seen.prefix(Self.mostApps) {
            guard let view = await states.app(name) else { continue }
            lines.append(wording.shortStatus(view, latest: await states.latest(name)))
        }
        if seen.count > Self.mostApps {
            lines.append(
                wording.sentence("and \(seen.count - Self.mostApps) more: `\(wording.command) status APP` shows one."))
        }
        return lines.joined(separator: "\n")
    }

    /// So many lines are read in Slack, and fit into one message.
    private static let mostApps = 40

    // MARK: - Locks

    private func lock(_ app: String, _ length: Duration?, _ reason: String) async throws -> SlackText {
        let lock = try await locks.lock(
            { now in try WantedLock(app: app, reason: reason, until: length.map { now + $0 }, at: now) }, app)
        let sentence = ReleaseLock.sentence(
            lock.app, isAutomatic: lock.isAutomatic, until: lock.until, by: lock.by, reason: lock.reason)
        return wording.sentence(
            "\(sentence.safeLine). Promote, abort and rollback work all the same. To unlock: `\(wording.command) unlock \(app)`"
        )
    }

    private func unlock(_ app: String) async throws -> SlackText {
        let all = try await locks.holding().locks
        let own = all.filter { $0.app == app }
        for lock in own { _ = try await locks.unlock(lock.id) }
        let others = all.filter { $0.app == nil }.map { "All apps are locked by \($0.by): \($0.reason.safeLine)" }
        let ended = own.map { "Unlocked: \(app) was locked by \($0.by): \($0.reason.safeLine)." }
        let none = "\(app) has no lock of its own: `\(wording.command) status \(app)` shows what holds its releases."
        var lines = (ended.isEmpty ? [none] : ended) + others
        lines += try await locks.queue(of: app).map { "\($0.version) waits: it starts when nothing holds it any more." }
        return lines.map { wording.sentence($0) }.joined(separator: "\n")
    }

    // MARK: - The connection to a token

    private func disconnect() async throws -> SlackText {
        let audit = AuditEntry(
            at: services.clock.now, who: identity.auditName, token: identity.tokenID, action: "slack.disconnect",
            origin: "Slack", detail: person.alias)
        guard try await services.journal.disconnectSlackUser(person.id, team: team, audit: audit) else {
            return .plain(
                "Your Slack account is not connected to an access token: \(identity.name.safe) is named in slack.users of the configuration."
            )
        }
        return "Your Slack account is no longer connected to an access token."
    }
}

/// What a person asked for was not done, for a reason that they are told.
struct SlackRefused: Error, Sendable, Hashable {
    var sentence: String
    /// It is written to the audit log, as on the API.
    var isAboutRights: Bool

    init(_ sentence: String, isAboutRights: Bool = true) {
        self.sentence = sentence
        self.isAboutRights = isAboutRights
    }
}
