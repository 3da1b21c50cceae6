import ReleaseMachine

/// The app's objects in the cluster. One value serves one app.
package protocol Cluster: Sendable {
    /// Acquires the app's lease for this process, or throws `LeaseHeld`. A lease whose holder is known to be dead is acquired at once.
    func acquireLease() async throws -> LeaseTerm
    /// Throws `LeaseLost` when another process holds the lease now.
    func renewLease() async throws
    func releaseLease() async

    /// Records the highest release number of the app in the cluster, so that no number is used twice if the journal is lost.
    func note(release number: Int) async throws
    /// The journal has acknowledged this event, the newest one. It gets into the lease with its next write, whatever that is for.
    func journalHas(_ end: JournalEnd) async
    /// Returns when what `journalHas` was last told stands in the lease: at once when it does already.
    func recordJournal() async throws

    /// Which colours exist, with which versions, and which one the cluster has recorded as live.
    func survey() async throws -> ClusterSurvey
    /// Creates the candidate's services and workload, when no other pod answers at its port any more. Calls
    /// `report` with each progress message. Idempotent.
    func createCandidate(_ order: Order, _ survey: Survey, report: @escaping @Sendable (CreationProgress) -> Void)
        async throws
    /// The candidate's pods, with every change, until the caller stops iterating.
    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error>
    /// Scales the candidate to what the live colour has grown to since the survey, and copies the live colour's autoscalers.
    /// Idempotent.
    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize
    /// Records in the cluster which colour is live, and by which release.
    func recordLive(_ live: LiveVersion, by order: Order) async throws
    /// Deletes the colour's workload. Only a workload of release `number` is deleted; with `orOlder` also one of an earlier release or
    /// of another program.
    /// - Returns: how many of its pods are still terminating.
    @discardableResult
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int
}

/// The app's colours as read from the cluster.
package struct ClusterSurvey: Sendable, Hashable {
    package struct Workload: Sendable, Hashable {
        package var version: String
        package var image: String
        package var replicas: Int
        package var ready: Int
        /// The release that created it; `nil` when another program did.
        package var release: Int?

        package init(version: String, image: String, replicas: Int, ready: Int, release: Int?) {
            self.version = version
            self.image = image
            self.replicas = replicas
            self.ready = ready
            self.release = release
        }
    }

    /// What the cluster has recorded as live, and by which release.
    package var recorded: LiveVersion?
    package var recordedBy: Int?
    package var workloads: [Color: Workload]
    /// The newest event that the journal had acknowledged, by the app's lease; `nil`: it says nothing of it.
    package var journal: JournalEnd?

    package init(
        recorded: LiveVersion?, recordedBy: Int?, workloads: [Color: Workload], journal: JournalEnd? = nil
    ) {
        self.recorded = recorded
        self.recordedBy = recordedBy
        self.workloads = workloads
        self.journal = journal
    }
}

/// Progress while a candidate is being created.
package enum CreationProgress: Sendable, Hashable {
    /// For the release's log.
    case note(String)
    /// The same, with the longest time that it may take: pods of an earlier release have their grace period to end.
    case waiting(String, atMost: Duration)
}

/// The size of a candidate when traffic moves to it.
package struct CandidateSize: Sendable, Hashable {
    package var replicas: Int
    /// What was done to scale it, or could not be, for the release's log.
    package var notes: [String]

    package init(replicas: Int, notes: [String] = []) {
        self.replicas = replicas
        self.notes = notes
    }
}

/// The candidate's pods at one moment, with a verdict.
package struct PodsObservation: Sendable, Hashable {
    package enum Verdict: Sendable, Hashable {
        case waiting
        case ready
        /// The pods will not become ready: the reason, and the evidence.
        case failed(String, details: [String])
    }

    package var report: PodsReport
    package var verdict: Verdict

    package init(report: PodsReport, verdict: Verdict) {
        self.report = report
        self.verdict = verdict
    }
}
