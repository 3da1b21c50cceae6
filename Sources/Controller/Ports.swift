import ReleaseMachine

/// The app's objects in the cluster, as a release needs them. One value serves one app.
package protocol Cluster: Sendable {
    /// Takes the app's lease for this process, or throws `LeaseHeld`. A lease whose holder is known to be dead is taken at once.
    func acquireLease() async throws -> LeaseTerm
    /// Throws `LeaseLost` when somebody else holds it now.
    func renewLease() async throws
    func releaseLease() async

    /// Notes the highest release number that the app has had, so that none is given twice should the journal be lost.
    func note(release number: Int) async throws

    /// Which colours exist, with which versions, and which one the cluster remembers as live.
    func survey() async throws -> ClusterSurvey
    /// Makes services and workload of the candidate exist, when nothing else answers at its port any more. Doing it twice is doing it
    /// once.
    func createCandidate(_ order: Order, _ survey: Survey, tell: @escaping @Sendable (CreationNews) -> Void)
        async throws
    /// The candidate's pods, anew with every change, until the caller has seen enough.
    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error>
    /// Makes the candidate as large as the live colour has become since the survey, and gives it autoscalers as the live colour
    /// has them. Doing it twice is doing it once.
    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize
    /// Writes down in the cluster which colour is live, by which release.
    func recordLive(_ live: LiveVersion, by order: Order) async throws
    /// Deletes the colour's workload, and returns when its pods have been told to end: how many of them have not yet. Only what
    /// release `number` made is deleted, or, where `orOlder` is set, what an earlier release or somebody else made.
    @discardableResult
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int
}

/// The nodes that run nginx. One value serves one app.
package protocol Nodes: Sendable {
    /// The inventory as it is now.
    func list() async throws -> [String]
    /// What every one of `addresses` routes to. With a fence, orders with an older one are refused by the node from here on.
    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading]
    /// The highest release number that a node has seen for the app; 0 when none has.
    func lastRelease() async throws -> Int
    /// What staging will find done: all of it that needs no pod and that a request cannot notice.
    func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws
    func stage(_ node: String, _ order: Order, _ survey: Survey, say: @escaping @Sendable (Line) async -> Void)
        async throws
    /// Returns only when the node was read back as routing to `color`; throws `NodeTrouble` otherwise.
    func route(_ node: String, to color: Color, fence: Fence) async throws
    /// Moves visitors to the candidate: as `route`, and nginx on the node has then been seen to serve them from there. A node that does
    /// not serve them is put back, and named in `NodeTrouble`.
    /// - Returns: what shows it, where the backend can tell.
    func moveVisitors(_ node: String, _ order: Order, _ survey: Survey) async throws -> VisitorEvidence?
    /// Brings over a node that missed releases: what staging would have done there, and then `route`.
    func bring(_ node: String, to live: LiveVersion, fence: Fence) async throws
    /// What still holds the colour on a node: open connections and nginx workers of the old configuration.
    func open(_ node: String, to color: Color) async throws -> DrainEvidence.Open
}

extension Nodes {
    package func lastRelease() async throws -> Int { 0 }

    package func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws {}

    package func moveVisitors(_ node: String, _ order: Order, _ survey: Survey) async throws -> VisitorEvidence? {
        try await route(node, to: survey.candidate, fence: Fence(release: order.number, isBack: false))
        return nil
    }

    package func bring(_ node: String, to live: LiveVersion, fence: Fence) async throws {
        try await route(node, to: live.color, fence: fence)
    }
}

/// Orders nodes by age: a node obeys none that is lower than one it has seen.
package struct Fence: Sendable, Hashable {
    package var release: Int
    /// The way back of a release outranks its way forward.
    package var isBack: Bool

    package init(release: Int, isBack: Bool) {
        self.release = release
        self.isBack = isBack
    }
}

/// What was seen of a node's visitors after its switch.
package struct VisitorEvidence: Sendable, Hashable {
    package var text: String
    /// A request was answered through nginx; otherwise nothing speaks against it.
    package var isProof: Bool

    package init(_ text: String, isProof: Bool) {
        self.text = text
        self.isProof = isProof
    }
}

extension NodeTrouble: Error {}

/// Where events are kept before anything acts on them.
package protocol ReleaseJournal: Sendable {
    /// Appends the event as number `sequence` of the release, or throws `JournalConflict` when somebody else has.
    func append(_ event: RecordedEvent, app: String, number: Int) throws
    func events(app: String, number: Int, after sequence: Int) throws -> [RecordedEvent]
    /// The newest releases of an app, newest first, at most `limit`, older than release `before`.
    func releases(app: String, limit: Int, before: Int?) throws -> [Release]
    func lastNumber(app: String) throws -> Int
}

package struct JournalConflict: Error, CustomStringConvertible {
    package init() {}

    package var description: String { "another process wrote to the journal in the same moment: try again" }
}

/// Wall-clock time. The simulator and tests bring their own.
package protocol ReleaseClock: Sendable {
    var now: Timestamp { get }
    func sleep(for length: Duration) async throws
}

// MARK: - Values that cross the ports

package struct LeaseTerm: Sendable, Hashable {
    /// The highest release number that the cluster has seen for the app; 0 when none.
    package var lastRelease: Int
    /// How long the lease lasts without renewal.
    package var duration: Duration
    /// Why it cannot be told which numbers were given: no release is begun then, while one that runs can be ended.
    package var unreadable: Refusal?

    package init(lastRelease: Int, duration: Duration, unreadable: Refusal? = nil) {
        self.lastRelease = lastRelease
        self.duration = duration
        self.unreadable = unreadable
    }
}

package struct LeaseHeld: Error, Hashable, Sendable, CustomStringConvertible {
    package var app: String
    package var holder: String
    package var release: Int?
    package var version: String?
    /// It waits for somebody to promote it.
    package var isPaused = false

    package init(app: String, holder: String, release: Int?) {
        self.app = app
        self.holder = holder
        self.release = release
    }

    /// Names the release that runs.
    package func naming(_ open: Release?) -> LeaseHeld {
        guard let open, !open.state.hasEnded else { return self }
        var held = self
        (held.release, held.version, held.isPaused) = (open.order.number, open.order.version, open.state == .paused)
        return held
    }

    package var description: String {
        guard let release else { return "a release of \(app) is running: \(holder) holds its lease" }
        let name = "\(app)/\(release)" + (version.map { " (\($0))" } ?? "")
        return isPaused
            ? "\(name) is paused for verification, and \(holder) holds its lease: viridian promote \(app), "
                + "or viridian abort \(app)"
            : "\(name) is running: \(holder) holds its lease. Follow it: viridian logs \(app)/\(release) --follow; "
                + "give it up: viridian abort \(app)"
    }
}

package struct LeaseLost: Error, Hashable, Sendable, CustomStringConvertible {
    package var holder: String
    /// Nobody is known to have taken it: it ran out because the API did not answer.
    package var isOutage: Bool

    package init(holder: String) {
        self.holder = holder
        isOutage = false
    }

    package init(outage words: String) {
        holder = "nobody that answers (\(words))"
        isOutage = true
    }

    package var description: String { "the lease was taken over by \(holder): this process has stopped" }
}

package struct ClusterSurvey: Sendable, Hashable {
    package struct Workload: Sendable, Hashable {
        package var version: String
        package var image: String
        package var replicas: Int
        package var ready: Int
        /// The release that made it; `nil` when somebody else did.
        package var release: Int?

        package init(version: String, image: String, replicas: Int, ready: Int, release: Int?) {
            self.version = version
            self.image = image
            self.replicas = replicas
            self.ready = ready
            self.release = release
        }
    }

    /// What the cluster remembers as live, and by which release.
    package var recorded: LiveVersion?
    package var recordedBy: Int?
    package var workloads: [Color: Workload]

    package init(recorded: LiveVersion?, recordedBy: Int?, workloads: [Color: Workload]) {
        self.recorded = recorded
        self.recordedBy = recordedBy
        self.workloads = workloads
    }
}

/// What there is to tell while a candidate is being created.
package enum CreationNews: Sendable, Hashable {
    /// For the release's log.
    case note(String)
    /// The same, and how long it may take at most: pods of an earlier release have their grace period to end.
    case waiting(String, atMost: Duration)
}

/// How large a candidate is to be when traffic moves to it.
package struct CandidateSize: Sendable, Hashable {
    package var replicas: Int
    /// What was done to get it there, or could not be, for the release's log.
    package var notes: [String]

    package init(replicas: Int, notes: [String] = []) {
        self.replicas = replicas
        self.notes = notes
    }
}

package struct PodsObservation: Sendable, Hashable {
    package enum Verdict: Sendable, Hashable {
        case waiting
        case ready
        /// Waiting longer will not help: why, and what was seen.
        case hopeless(String, details: [String])
    }

    package var report: PodsReport
    package var verdict: Verdict

    package init(report: PodsReport, verdict: Verdict) {
        self.report = report
        self.verdict = verdict
    }
}

/// An error that trying again will not mend: the release is refused with it.
package struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String
    package var details: [String]

    package init(_ message: String, details: [String] = []) {
        self.message = message
        self.details = details
    }

    package var description: String { ([message] + details).joined(separator: "\n") }
}
