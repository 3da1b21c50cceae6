/// What has become of a known version.
package enum VersionState: String, Sendable, Hashable, Codable, CaseIterable {
    case live
    /// A release is bringing it live.
    case releasing
    /// It waits for a running release, or is about to start.
    case queued
    /// It waits for the end of a lock or a freeze.
    case held
    /// It was live until it was rolled back.
    case rolledBack
    /// Its newest release failed or was aborted.
    case failed
    /// A newer version is live, is being released, or waits; or it was live before.
    case older
    /// Nothing has been done with it yet.
    case available
}

/// The states of an app's versions.
package struct VersionStates: Sendable {
    private let admission: Admission
    /// The app's releases, newest first, with what is known of their versions.
    private let released: [(release: Release, version: PushedVersion)]
    private let newest: PushedVersion?

    /// `admission` has the app's queue.
    package init(_ admission: Admission) {
        self.admission = admission
        released = admission.releases.map { ($0, admission.facts(of: $0)) }
        let current = released.filter { $0.release.state == .live || $0.release.isBringingItsVersion }.map(\.version)
        newest = (current + [admission.queued].compactMap(\.self)).reduce(nil) { newest, version in
            guard let newest else { return version }
            return newest.isOlder(than: version) == nil ? newest : version
        }
    }

    /// - Returns: the state, and the number of the release that it is because of.
    package func state(of version: PushedVersion) -> (state: VersionState, release: Int?) {
        let own = released.lazy.filter { $0.version.isSame(as: version) }.map(\.release)
        // For a moment after a release has gone live, the one before it is not marked as replaced yet.
        if let live = admission.live, own.contains(where: { $0.order.number == live.order.number }) {
            return (.live, live.order.number)
        }
        if let running = own.first(where: \.isBringingItsVersion) {
            return (.releasing, running.order.number)
        }
        if let queued = admission.queued, queued.isSame(as: version) {
            return (admission.hold(for: .hook) == nil ? .queued : .held, nil)
        }
        guard let last = own.first else { return (isOlder(version) ? .older : .available, nil) }
        let number = last.order.number
        switch last.state {
        case .rolledBack: return (.rolledBack, number)
        // Not marked as replaced yet: see above.
        case .live: return (admission.live?.order.isRollback == true ? .rolledBack : .older, number)
        case .superseded: return (.older, number)
        case .running, .paused, .failed, .aborted:
            // Given up for a newer version: nothing is wrong with it.
            if case .superseded = last.cause { return (isOlder(version) ? .older : .available, number) }
            return (.failed, number)
        }
    }

    private func isOlder(_ version: PushedVersion) -> Bool {
        newest.map { version.isOlder(than: $0) != nil } ?? false
    }
}

extension Release {
    fileprivate var isBringingItsVersion: Bool { !state.hasEnded && !isBackingOut }
}
