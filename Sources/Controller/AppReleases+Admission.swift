import ReleaseMachine
import ViridianConfiguration

/// A lock or a freeze refuses a person's release.
package struct ReleaseHeld: Error, Sendable, Hashable, CustomStringConvertible {
    package var app: String
    package var sentence: String
    /// When it ends by itself; `nil`: unknown.
    package var until: Timestamp?

    package init(app: String, sentence: String, until: Timestamp?) {
        self.app = app
        self.sentence = sentence
        self.until = until
    }

    package var description: String {
        "\(sentence). Promote, abort, rollback and repair work all the same; an administrator can release with --override and a --reason"
    }
}

/// A version that a hook or a script named was not released: what is to become of it instead.
package struct NotAdmitted: Error, Sendable, Hashable, CustomStringConvertible {
    package var decision: Admission.Decision

    package var description: String { decision.sentence ?? "\(decision)" }
}

extension Admission.Decision {
    /// Why it does not start now; `nil` where it does.
    package var sentence: String? {
        switch self {
        case .start: nil
        case .wait(let sentence), .supersede(_, let sentence), .refuseHeld(let sentence, _),
            .refuseBusy(let sentence, _), .ignore(let sentence, _):
            sentence
        }
    }
}

/// What holds an app's releases: the one place where locks and freezes become a sentence.
package struct Holds: Sendable {
    private let freezes: [FreezeWindow]

    package init(_ freezes: [FreezeWindow]) {
        self.freezes = freezes
    }

    /// `locks` are those of all apps.
    package func holding(_ app: String, locks: [ReleaseLock], at now: Timestamp) -> [Admission.Hold] {
        var holds = locks.filter { $0.holds(app, at: now) }.map { lock in
            Admission.Hold(sentence(lock, app), until: lock.until, isAutomatic: lock.isAutomatic)
        }
        if let closure = freezes.closed(at: now, app: app) {
            let zone = freezes.first { $0.name == closure.name }?.timeZone ?? .utc
            let why = closure.reason.map { ": \($0)" } ?? ""
            holds.append(
                Admission.Hold(
                    "\(app) is frozen until \(zone.text(of: closure.until)) (\(closure.name)\(why))",
                    until: closure.until))
        }
        return holds
    }

    private func sentence(_ lock: ReleaseLock, _ app: String) -> String {
        let sentence = ReleaseLock.sentence(
            app, isAutomatic: lock.isAutomatic, until: lock.until, by: lock.by, reason: lock.reason)
        return "\(sentence) (to unlock: \((["viridian unlock", lock.app]).compactMap(\.self).joined(separator: " ")))"
    }
}

extension AppReleases {
    /// The facts on which `Admission` decides. `releases` are the app's, newest first; by default they are read.
    package func admission(releases: [Release]? = nil) async throws -> Admission {
        var known = releases
        if known == nil { known = try await engine.journal.releases(app: name, limit: 100, before: nil) }
        let releases = known ?? []
        // Only their commits and arrivals are compared with.
        let compared = [releases.first, releases.first { $0.state == .live }].compactMap { $0?.order.version }
        var versions: [PushedVersion] = []
        for tag in Set(compared) { versions += try await engine.journal.versions(app: name, tag: tag) }
        return Admission(
            app: name,
            releases: releases,
            versions: versions,
            queued: try await engine.journal.queuedVersion(app: name),
            holds: try await currentHolds(),
            whenBusy: app.whenBusy
        )
    }

    /// The locks and freezes that hold the app's releases now.
    package func currentHolds() async throws -> [Admission.Hold] {
        let now = engine.clock.now
        return holds.holding(name, locks: try await engine.journal.locks(at: now), at: now)
    }

    /// Throws unless the requested version may be released now.
    /// - Returns: what the requester should know.
    func admit(_ request: Request, image: ImageReference) async throws -> (note: String?, overrode: String?) {
        var admission = try await admission()
        // A person is only told of what is newer, by the journal alone.
        if admission.live == nil, !request.requester.isPerson { admission.observedLive = try await observedLive() }
        // A running release that nobody runs any more is the caller's subject.
        admission.releases.removeAll { !$0.state.hasEnded }
        let version = await version(request, image)
        if admission.queued.map({ $0.isSame(as: version) }) ?? false { admission.queued = nil }
        switch admission.decide(version, for: request.requester) {
        case .start(let note):
            guard case .person(overridesHolds: true) = request.requester else { return (note, nil) }
            return (note, admission.hold(for: request.requester)?.sentence)
        case .refuseHeld(let sentence, let until): throw ReleaseHeld(app: name, sentence: sentence, until: until)
        case let decision: throw NotAdmitted(decision: decision)
        }
    }

    /// The image of a version: by its digest, where the registry was asked or the journal knows it.
    package func image(for version: Version, digest: String? = nil) async throws -> ImageReference {
        if let digest { return try app.image.tagged(version, digest: digest) }
        let known = try await engine.journal.versions(app: name, tag: version.text)
        return try app.image.tagged(version, digest: known.first { $0.digest != nil }?.digest)
    }

    /// The request with what is known of its version.
    func completed(_ request: Request, _ image: ImageReference) async -> Request {
        var request = request
        let version = await version(request, image)
        request.commit = version.commit
        request.commitTime = version.commitTime
        request.source = version.source
        request.ref = version.ref
        return request
    }

    /// What the cluster has recorded as live, with the image of its workload. When it was pushed is not known: its number is compared.
    private func observedLive() async throws -> PushedVersion? {
        let survey = try await engine.cluster.survey()
        guard let live = survey.recorded else { return nil }
        let image = survey.workloads[live.color].flatMap { try? ImageReference($0.image) }
        return PushedVersion(
            app: name, version: live.version, digest: image?.digest, pushedAt: Timestamp(milliseconds: 0),
            sender: "cluster")
    }

    /// The version that a request names, as `Admission` compares it.
    func version(_ request: Request, _ image: ImageReference) async -> PushedVersion {
        let isOwn = image.name == app.image.name && image.tag ?? request.version.text == request.version.text
        var version = PushedVersion(
            app: name, version: request.version.text, digest: image.digest, commit: request.commit,
            commitTime: request.commitTime, source: request.source, ref: request.ref, pushedAt: engine.clock.now,
            sender: "deploy")
        guard isOwn, let known = try? await engine.journal.versions(app: name, tag: request.version.text) else {
            return version
        }
        if let same = known.first(where: { image.digest == nil || $0.digest == image.digest }) { version.add(same) }
        return version
    }

    /// A rollback of a release that has not ended aborts it. Before that the app is locked for automatic releases: otherwise the version that
    /// waits would start in its place.
    package func lockBeforeRollback(of release: Release, by: String) async throws {
        try await engine.journal.addAutomatic(
            ReleaseLock(
                id: ReleaseLock.newID(), app: name,
                reason: "\(release.order.name) (\(release.order.version)) was rolled back", by: by,
                since: engine.clock.now, isAutomatic: true))
    }

    /// Gives the running release up for a newer version; nothing when a node has been switched meanwhile.
    package func supersede(_ number: Int, for version: String, by: String) async throws {
        while true {
            let release = try await release(number)
            guard release.canBeSuperseded else { return }
            let event = RecordedEvent(
                sequence: release.sequence + 1, at: engine.clock.now,
                event: .supersedeRequested(version: version, by: by))
            do {
                return try await engine.journal.append(event, app: name, number: number)
            } catch is JournalConflict {
                continue  // Another event came first: it may have been a switch.
            }
        }
    }
}
