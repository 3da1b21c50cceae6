import Controller
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Which version of an app an event of a hook means.
struct DeliveryMeaning: Sendable {
    enum Meaning: Sendable {
        /// `triggers`: the app's configuration has it released.
        case known(PushedVersion, triggers: Bool)
        /// There is no such version: its name as far as it is known, and why.
        case unknown(String, why: String)
    }

    let apps: any ServedApps
    let journal: Journal
    let lookup: any VersionLookup
    let now: Timestamp

    func version(_ event: HookEvent, for app: AppConfiguration, sender: String) async throws -> Meaning {
        switch event {
        case .pushed(let image): try await version(image, for: app, sender: sender)
        case .built(let pipeline):
            try await version(
                commit: pipeline.commit, tag: pipeline.isTag ? pipeline.ref : nil, pipeline.project,
                for: app, sender: sender
            ) { version in
                version.commitTime = version.commitTime ?? pipeline.commitTime
                version.source = version.source ?? pipeline.projectURL
                version.ref = version.ref ?? pipeline.ref
                version.url = version.url ?? pipeline.url
            }
        case .deploymentRequested(let deployment):
            try await version(
                commit: deployment.commit, tag: deployment.version, deployment.project, for: app, sender: sender
            ) { version in
                version.source = version.source ?? deployment.projectURL
                version.ref = version.ref ?? deployment.ref
                version.url = version.url ?? deployment.url
            }
        }
    }

    /// Why a release begins, for people.
    func reason(_ event: HookEvent) -> String? {
        switch event {
        case .pushed: nil
        case .built(let pipeline): "pipeline of \(pipeline.ref) in \(pipeline.project)".safe.cut(200)
        case .deploymentRequested(let deployment): "deployment to \(deployment.environment)".safe.cut(200)
        }
    }

    // MARK: - A pushed image

    private func version(_ image: PushedImage, for app: AppConfiguration, sender: String) async throws -> Meaning {
        var version = PushedVersion(
            app: app.name.text, version: image.tag, digest: image.digest, commit: image.commit, source: image.source,
            pushedAt: image.at.map { min($0, now) } ?? now, sender: sender)
        let triggers = app.releaseOn?.matches(tag: image.tag) ?? false
        if image.digest != nil, app.image.isInRegistry(image.host) {
            await complete(&version, of: app)
            return .known(version, triggers: triggers)
        }
        // The registry is known by another name, or the digest is not told: only the app's own registry can say what is there.
        guard let found = try await lookup.image(app, image.digest ?? image.tag) else {
            return .unknown(
                image.tag,
                why: "\(app.image.name) has no \(image.digest ?? image.tag): another registry of the same name?")
        }
        version.add(found)
        return .known(version, triggers: triggers)
    }

    /// Adds what the registry tells, where it answers: what is known already is enough for a release.
    func complete(_ version: inout PushedVersion, of app: AppConfiguration) async {
        guard let found = try? await lookup.image(app, version.digest ?? version.version) else { return }
        version.add(found)
    }

    // MARK: - A commit

    private func version(
        commit: String, tag: String?, _ project: String, for app: AppConfiguration, sender: String,
        adding facts: (inout PushedVersion) -> Void
    ) async throws -> Meaning {
        let (name, short) = (app.name.text, String(commit.prefix(12)))
        guard var version = try await pushed(commit: commit, tag: tag, for: app) else {
            return .unknown(
                tag ?? short,
                why: "no image of \(name) is known to be built from \(short) of \(project): its label "
                    + "org.opencontainers.image.revision tells, or a tag that is the commit".safe)
        }
        facts(&version)
        version.sender = sender
        return .known(version, triggers: true)
    }

    private func pushed(commit: String, tag: String?, for app: AppConfiguration) async throws -> PushedVersion? {
        let name = app.name.text
        if let known = try journal.versions(app: name, commit: commit).first { return known }
        // Its push may have been lost, or not told yet.
        let tags = [tag, commit, String(commit.prefix(7)), String(commit.prefix(8)), String(commit.prefix(12))]
        for case let tag? in tags where (try? Version(tag)) != nil {
            guard let found = try await lookup.image(app, tag) else { continue }
            var version = PushedVersion(app: name, version: tag, pushedAt: now, sender: "poll")
            version.add(found)
            if let revision = version.commit, !revision.hasPrefix(commit), tag == tags[0] { continue }
            return version
        }
        return nil
    }
}

extension PushedVersion {
    /// Adds what a registry tells of the image.
    mutating func add(_ image: RegistryImage) {
        digest = digest ?? image.digest
        commit = commit ?? image.commit
        source = source ?? image.source
    }
}
