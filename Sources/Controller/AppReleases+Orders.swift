import ReleaseMachine
import ViridianConfiguration

extension AppReleases {
    func order(_ number: Int, _ kind: Order.Kind, _ version: String, _ image: String, _ request: Request)
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
            commitTime: request.commitTime,
            commit: request.commit,
            source: request.source,
            ref: request.ref,
            isAutomatic: request.requester.isPerson ? nil : true,
            removeStrays: request.removeStrays,
            rules: Rules(app)
        )
    }

    /// The live version and its commit, as far as the journal knows them.
    func liveCommit() throws -> Order.LiveCommit? {
        var before: Int?
        for _ in 0..<50 {
            guard let release = try engine.journal.releases(app: name, limit: 1, before: before).first else {
                return nil
            }
            guard release.state != .live else {
                return release.order.commit.map { Order.LiveCommit(version: release.order.version, commit: $0) }
            }
            before = release.order.number
        }
        return nil
    }

    func existing() throws -> Release {
        guard let release = try latest() else {
            throw Refusal("\(name) has no release yet: `viridian deploy \(name) --version V` starts the first")
        }
        return release
    }

    func target(
        _ version: Version?,
        live: Release?,
        history: [Release]
    ) throws -> (version: Version, image: String) {
        let wentLive = history.filter(\.hasBeenLive)
        let text = version?.text ?? live.flatMap { RollbackTarget.version(before: $0, in: history) }
        guard let text else {
            guard let live else {
                throw Refusal(
                    "\(name) has no live release to roll back: `viridian releases \(name)` lists its history")
            }
            throw Refusal(
                "\(name) has no version before \(live.order.version): name one with --to",
                details: liveVersions(wentLive.filter { $0.order.version != live.order.version }))
        }
        if let known = wentLive.first(where: { $0.order.version == text }) {
            return (try Version(text), known.order.image)
        }
        guard version == nil else {
            throw Refusal("version \(text) of \(name) was never live", details: liveVersions(wentLive))
        }
        // It may have been live before this journal existed.
        let wanted = try Version(text)
        return (wanted, "\(app.image(for: wanted))")
    }
}

/// The versions that a rollback may name.
private func liveVersions(_ releases: [Release]) -> [String] {
    let versions = releases.map(\.order.version).reduce(into: [String]()) {
        if !$0.contains($1) { $0.append($1) }
    }
    return versions.isEmpty ? [] : ["versions that were live: \(versions.prefix(10).joined(separator: ", "))"]
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
        tolerate = app.tolerate
        previewURL = app.preview.map { "http://\($0)/" }
    }
}
