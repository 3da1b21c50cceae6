/// Decides whether a version of an app may be released now. The command line, the API, hooks and pages all ask here, and show the same
/// sentence. Nothing here is asked by promote, abort, rollback and repair: the way back is always open.
///
/// Pure: the facts come from the journal and the configuration.
package struct Admission: Sendable {
    /// Who wants the version released.
    package enum Requester: Sendable, Hashable {
        /// A person: may release an older version, and is told; is refused by a lock or a freeze unless they override it.
        case person(overridesHolds: Bool)
        /// A script that called for this version: may try a version again that failed.
        case script
        /// A hook, or the list of the registry's tags.
        case hook

        package var isPerson: Bool { if case .person = self { true } else { false } }
    }

    /// What happens to a version that a hook or a script names while a release runs.
    package enum BusyPolicy: String, Sendable, Hashable, CaseIterable {
        case refuse
        /// It waits for the release's end; a newer version takes its place.
        case queue
        /// The running release is given up for it, if no node has switched.
        case supersede
    }

    /// A lock or a freeze that holds now.
    package struct Hold: Sendable, Hashable {
        /// One sentence: who holds what, why, and until when.
        package var sentence: String
        /// When it ends by itself.
        package var until: Timestamp?
        /// It holds only what a hook or a script starts.
        package var isAutomatic: Bool

        package init(_ sentence: String, until: Timestamp? = nil, isAutomatic: Bool = false) {
            self.sentence = sentence
            self.until = until
            self.isAutomatic = isAutomatic
        }
    }

    package enum Decision: Sendable, Hashable {
        /// It may start; `note` is what the requester should know.
        case start(note: String?)
        /// It waits, and starts by itself later.
        case wait(String)
        /// The running release is given up for it; it waits until that has ended.
        case supersede(release: Int, String)
        /// A lock or a freeze refuses it, until when if that is known.
        case refuseHeld(String, until: Timestamp?)
        /// A release is running, and nothing waits for it.
        case refuseBusy(String, release: Int)
        /// Nothing starts, now or later.
        case ignore(String, release: Int?)
    }

    package var app: String
    /// The app's releases, newest first.
    package var releases: [Release]
    /// The known versions of the running and the live release: with their commits and arrivals.
    package var versions: [PushedVersion]
    /// What the cluster says is live, where the journal has no live release: it was lost, or begins with this one.
    package var observedLive: PushedVersion?
    /// The version that waits, if it is not the one to decide about.
    package var queued: PushedVersion?
    package var holds: [Hold]
    package var whenBusy: BusyPolicy

    package init(
        app: String,
        releases: [Release],
        versions: [PushedVersion] = [],
        queued: PushedVersion? = nil,
        holds: [Hold] = [],
        whenBusy: BusyPolicy = .refuse
    ) {
        self.app = app
        self.releases = releases
        self.versions = versions
        self.queued = queued
        self.holds = holds
        self.whenBusy = whenBusy
    }

    package func decide(_ version: PushedVersion, for requester: Requester) -> Decision {
        if case .person(let overridesHolds) = requester {
            if !overridesHolds, let hold = hold(for: requester) {
                return .refuseHeld(hold.sentence, until: hold.until)
            }
            // What waits is not live, and may never be.
            var served = self
            served.queued = nil
            return .start(note: served.newer(than: version))
        }
        if let known = alreadyReleased(version, by: requester) { return known }
        if live == nil, let observedLive, observedLive.isSame(as: version) {
            return .ignore("\(version.version) of \(app) is live already", release: nil)
        }
        if let queued, queued.isSame(as: version) { return .wait("\(version.version) of \(app) waits already") }
        if let newer = newer(than: version) { return .ignore(newer, release: nil) }
        if let hold = hold(for: requester) { return .wait(hold.sentence) }
        guard let running else { return .start(note: nil) }
        let sentence = "\(running.order.name) (\(running.order.version)) is \(running.shortStatus)"
        switch whenBusy {
        case .refuse:
            return .refuseBusy("\(sentence), and whenBusy of \(app) is refuse", release: running.order.number)
        case .supersede where running.canBeSuperseded:
            return .supersede(
                release: running.order.number,
                "\(running.order.name) (\(running.order.version)) is given up for \(version.version)")
        case .queue, .supersede:
            return .wait("waits for \(running.order.name) (\(running.order.version)), which is \(running.shortStatus)")
        }
    }

    // MARK: - Facts

    package var running: Release? { releases.first.flatMap { $0.state.hasEnded ? nil : $0 } }
    package var live: Release? { releases.first { $0.state == .live } }

    /// The hold that lasts longest; those without an end come first.
    package func hold(for requester: Requester) -> Hold? {
        holds.filter { !$0.isAutomatic || !requester.isPerson }.max { one, other in
            guard let end = one.until else { return false }
            return other.until.map { end < $0 } ?? true
        }
    }

    private func alreadyReleased(_ version: PushedVersion, by requester: Requester) -> Decision? {
        let same = releases.filter { isRelease($0, of: version) }
        guard let release = same.first(where: { $0.state == .live || !$0.state.hasEnded }) ?? same.first else {
            return nil
        }
        let (name, number) = ("\(version.version) of \(app)", release.order.number)
        let byHand = "a person can release it with `\(deployCommand(version))`"
        switch release.state {
        case .live: return .ignore("\(name) is live already (\(release.order.name))", release: number)
        case .running where !release.isBackingOut, .paused where !release.isBackingOut:
            return .ignore("\(name) is being released already (\(release.order.name))", release: number)
        case .superseded:
            guard requester == .hook else { return nil }
            return .ignore(
                "\(name) was live already, until a later release (\(release.order.name)); \(byHand)", release: number)
        case .rolledBack:
            return .ignore("\(name) was rolled back (\(release.order.name)); \(byHand)", release: number)
        case .running, .paused, .failed, .aborted:
            if case .superseded = release.cause { return nil }
            guard requester == .hook else { return nil }
            let what =
                switch release.state {
                case .failed: "failed"
                case .aborted: "was aborted"
                default: "is going back"
                }
            return .ignore("\(name) was tried already: \(release.order.name) \(what); \(byHand)", release: number)
        }
    }

    /// A release that was requested by its tag only is of what the tag pointed to by then.
    private func isRelease(_ release: Release, of version: PushedVersion) -> Bool {
        let released = PushedVersion(release)
        guard released.isSame(as: version) else { return false }
        return released.digest != nil || version.digest == nil || version.pushedAt <= release.createdAt
    }

    private func deployCommand(_ version: PushedVersion) -> String {
        "viridian deploy \(app) --version \(version.version)"
    }

    /// In one sentence, what is newer than this version: the live version, the running release's, or the one that waits.
    func newer(than version: PushedVersion) -> String? {
        let others = [
            running.flatMap { $0.isBackingOut ? nil : $0 }.map {
                (facts(of: $0), "which \($0.order.name) is releasing")
            },
            (live.map { facts(of: $0) } ?? observedLive).map { ($0, "which is live") },
            queued.map { ($0, "which waits") },
        ]
        for case let (other, place)? in others where !other.isSame(as: version) {
            guard let criterion = version.isOlder(than: other) else { continue }
            let why =
                switch criterion {
                case .commitTime: "its commit is older"
                case .number: "its number is lower"
                case .arrival: "it was pushed earlier"
                }
            return "\(version.version) of \(app) is older than \(other.version), \(place): \(why)"
        }
        return nil
    }

    /// A release's version with what is known of it besides.
    func facts(of release: Release) -> PushedVersion {
        var facts = PushedVersion(release)
        guard let known = versions.first(where: { $0.isSame(as: facts) && $0.version == facts.version }) else {
            return facts
        }
        facts.add(known)
        return facts
    }
}

extension Release {
    /// `paused for verification`, `going back`, or the phase.
    fileprivate var shortStatus: String {
        if state == .paused { return "paused for verification" }
        return isBackingOut ? "going back" : phase.rawValue
    }
}
