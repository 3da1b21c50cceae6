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
        /// There is no such version yet: its push may come later, or be found in the registry's list.
        case awaited(AwaitedImage)
        /// The app has nothing to do with it, and why.
        case foreign(String)
    }

    let apps: any ServedApps
    let journal: Journal
    let lookup: any VersionLookup
    let poller: TagPoller
    let now: Timestamp

    /// `isRepeated`: this is not the first attempt.
    func version(
        _ event: HookEvent, for app: AppConfiguration, sender: String, isRepeated: Bool = false
    ) async throws -> Meaning {
        guard let commit = BuiltCommit(event) else {
            guard case .pushed(let image) = event else { return .foreign("it means no image") }
            return try await version(image, for: app, sender: sender)
        }
        return try await version(commit, for: app, sender: sender, isRepeated: isRepeated)
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
        guard found.isImage else {
            return .unknown(image.tag, why: "\(app.image.name):\(image.tag) is no image that can be run")
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
        _ commit: BuiltCommit, for app: AppConfiguration, sender: String, isRepeated: Bool
    ) async throws -> Meaning {
        let name = app.name.text
        func known(_ version: PushedVersion) async -> Meaning {
            var version = version
            if version.digest == nil { await complete(&version, of: app) }
            commit.complete(&version)
            version.sender = sender
            return .known(version, triggers: true)
        }
        if let version = try await noted(commit, for: name) { return await known(version) }
        let sources = try await journal.sources(app: name).filter { SourceRepository($0) != nil }
        let isOwn = sources.contains { commit.isBuilt(from: $0) }
        guard isOwn || sources.isEmpty else {
            return .foreign("\(name) is built from \(sources.sorted()[0]), not from \(commit.project)".safe.cut(500))
        }
        var problem: RegistryError?
        do {
            if let version = try await found(commit, for: app, isOwn: isOwn, isRepeated: isRepeated) {
                return await known(version)
            }
        } catch let error as RegistryError where error.kind != .cancelled {
            // Whether there is such an image nobody knows: somebody may correct what is wrong meanwhile.
            problem = error
        }
        return .awaited(AwaitedImage(app: name, commit: commit, isOwn: isOwn, problem: problem))
    }

    /// What is known already to be built from the commit.
    private func noted(_ commit: BuiltCommit, for app: String) async throws -> PushedVersion? {
        try await journal.versions(app: app, commit: commit.commit).first {
            $0.source.map { commit.isBuilt(from: $0) } ?? true
        }
    }

    /// The push of an image may have been lost, or not told yet: the registry is asked.
    private func found(
        _ commit: BuiltCommit, for app: AppConfiguration, isOwn: Bool, isRepeated: Bool
    ) async throws -> PushedVersion? {
        let name = app.name.text
        let isListed = await poller.refresh(app, within: .seconds(10))
        if let version = try await noted(commit, for: name) { return version }
        var tags = commit.tags
        if isListed {
            let known = Set(try await journal.tags(app: name))
            tags.removeAll { !known.contains($0) }
        } else if isRepeated, !isOwn {
            // A group's hook tells of every project: they do not cost a registry that cannot list its tags four requests each time.
            return nil
        }
        for tag in tags {
            guard let image = try await lookup.image(app, tag), image.isImage else { continue }
            var version = PushedVersion(app: name, version: tag, pushedAt: now, sender: "poll")
            version.add(image)
            if let source = version.source, !commit.isBuilt(from: source) { continue }
            guard commit.isNamed(by: version) ?? isOwn else { continue }
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
