import ReleaseMachine

/// What acquiring the app's lease returns.
package struct LeaseTerm: Sendable, Hashable {
    /// The highest release number that is recorded in the cluster for the app; 0 when none is.
    package var lastRelease: Int
    /// How long the lease lasts without renewal.
    package var duration: Duration
    /// When it expires without renewal, by this process's clock; `nil`: it was acquired just now.
    package var end: Timestamp?
    /// The newest event of the app that its journal had acknowledged, as far as it stands in the lease; `nil`: nothing does, as in leases of
    /// older versions.
    package var journal: JournalEnd?
    /// Set when what is recorded cannot be read: no new release can start then; a running one can be finished.
    package var unreadable: Refusal?

    package init(lastRelease: Int, duration: Duration, unreadable: Refusal? = nil) {
        self.lastRelease = lastRelease
        self.duration = duration
        self.unreadable = unreadable
    }
}

/// Another process holds the app's lease: a release of the app is running.
package struct LeaseHeld: Error, Hashable, Sendable, CustomStringConvertible {
    package var app: String
    package var holder: String
    package var release: Int?
    package var version: String?
    /// The release is awaiting promotion.
    package var isPaused = false
    /// After this time the lease ends unless its holder renews it; `nil`: unknown.
    package var expiresIn: Duration?

    package init(app: String, holder: String, release: Int?) {
        self.app = app
        self.holder = holder
        self.release = release
    }

    /// The same error, with the running release named.
    package func naming(_ open: Release?) -> LeaseHeld {
        guard let open, !open.state.hasEnded else { return self }
        var held = self
        (held.release, held.version, held.isPaused) = (open.order.number, open.order.version, open.state == .paused)
        return held
    }

    package var description: String {
        guard let release else { return "a release of \(app) is running: \(holder) holds the lease" }
        let name = "\(app)/\(release)" + (version.map { " (\($0))" } ?? "")
        return isPaused
            ? "\(name) is paused for verification: \(holder) holds the lease. To promote: viridian promote \(app); "
                + "to abort: viridian abort \(app)"
            : "\(name) is running: \(holder) holds the lease. To follow: viridian logs \(app)/\(release) --follow; "
                + "to abort: viridian abort \(app)"
    }
}

/// This process no longer holds the app's lease, and has to stop what it does for the release.
package struct LeaseLost: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who holds the lease now; `nil` when no process does, or it is unknown.
    package var holder: String?
    /// Why the lease could not be renewed before it expired; `nil` when it was lost otherwise.
    package var outage: String?

    package init(holder: String?) {
        self.holder = holder
    }

    /// The lease expired because the cluster's API did not answer.
    package init(outage error: String) {
        outage = error
    }

    package var isOutage: Bool { outage != nil }

    package var description: String {
        if let outage {
            return "the lease expired because the cluster did not answer (\(outage)): this process has stopped"
        }
        guard let holder else { return "this process no longer holds the lease and has stopped" }
        return "the lease was taken over by \(holder): this process has stopped"
    }
}
