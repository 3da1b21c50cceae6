import ReleaseMachine
import ViridianConfiguration

extension AppReleases {
    func order(_ number: Int, _ kind: Order.Kind, _ version: String, _ image: String, _ request: Request)
        -> Order
    {
        Order(
            app: name,
            cluster: app.cluster,
            number: number,
            kind: kind,
            version: version,
            image: image,
            replicas: request.replicas,
            verify: request.verify ?? app.verify.pauses,
            requestedBy: request.by,
            reason: request.reason,
            commitTime: request.commitTime,
            commit: request.commit,
            source: request.source,
            ref: request.ref,
            isAutomatic: request.requester.isPerson ? nil : true,
            removeStrays: request.removeStrays,
            rules: Rules(app)
        )
    }

    /// Throws unless the release pauses for the approvals that the app's releases need.
    /// - Returns: the rule that an administrator does without, in one sentence.
    func checkApprovals(_ request: Request) throws(ApprovalsNeeded) -> String? {
        guard request.verify == false, app.verify.asksOthers else { return nil }
        let needed = ApprovalsNeeded(app: name, verify: app.verify)
        guard case .person(overridesHolds: true) = request.requester else { throw needed }
        return needed.rule
    }

    /// The live version and its commit, as far as the journal knows them.
    func liveCommit() async throws -> Order.LiveCommit? {
        var before: Int?
        for _ in 0..<50 {
            guard let release = try await engine.journal.releases(app: name, limit: 1, before: before).first else {
                return nil
            }
            guard release.state != .live else {
                return release.order.commit.map { Order.LiveCommit(version: release.order.version, commit: $0) }
            }
            before = release.order.number
        }
        return nil
    }

    func existing() async throws -> Release {
        guard let release = try await latest() else {
            throw Refusal("\(name) has no release yet: `viridian deploy \(name) --version V` starts the first")
        }
        return release
    }

    /// What a rollback brings back: the version that is named, or the one before the live one.
    /// - Throws: `Refusal` when there is none.
    func target(
        _ reference: VersionReference?,
        live: Release?,
        history: [Release]
    ) throws -> (version: Version, image: String) {
        let former = FormerlyLive(history)
        let now = live.map { RollbackTarget($0.order) }
        let target: RollbackTarget
        if let reference {
            guard let known = former.named(reference, live: now) else {
                throw Refusal("version \(reference) of \(name) was never live", details: former.list())
            }
            target = known
        } else {
            guard let live, let now else {
                throw Refusal(
                    "\(name) has no live release to roll back: `viridian releases \(name)` lists its history")
            }
            guard let before = RollbackTarget.before(live, in: history) else {
                throw Refusal(
                    "\(name) has no version before \(former.name(now)): name one with --to",
                    details: former.list(without: now))
            }
            target = before
        }
        let version = try Version(target.version)
        // It may have been live before this journal existed.
        return (version, target.image ?? "\(app.image(for: version))")
    }
}

extension FormerlyLive {
    /// The versions that a rollback may name.
    fileprivate func list(without live: RollbackTarget? = nil) -> [String] {
        let others = all.filter { target in !(live.map { target.isSame(as: $0) } ?? false) }.prefix(10)
        guard !others.isEmpty else { return [] }
        var lines = ["versions that were live: \(others.map { name($0) }.joined(separator: ", "))"]
        if let example = others.first(where: { reference($0) != $0.version }), let digest = example.digest {
            lines.append("--to takes the beginning of a digest, too: --to \(example.version)@\(digest.prefix(15))")
        }
        return lines
    }
}

extension Rules {
    /// The rules of a release that starts with this configuration.
    init(_ app: AppConfiguration) {
        self.init()
        replicas = app.replicas
        readyTimeout = app.ready.timeout
        verifyTimeout = app.verify.timeout
        afterVerifyTimeout = app.verify.then == .promote ? .promote : .abort
        stageTimeout = (app.postDeploy?.timeout ?? .zero) + (app.artifact?.timeout ?? .zero) + .seconds(60)
        drainLeast = app.drain.least
        drainMost = app.drain.most
        retain = app.retain
        if app.verify.approvals > 1 { approvals = app.verify.approvals }
        if app.verify.by == .others { approvers = .others }
        tolerate = app.tolerate
        previewURL = app.preview.map { "http://\($0)/" }
    }
}
