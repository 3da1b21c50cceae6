/// One attempt to bring a version of an app live: the fold of its events.
///
/// A release has no clock and does no I/O. `apply` takes what happened, `effects` says what is to be done next, and `timer` when
/// time alone will change something. Whoever interprets the effects records what came of them as events.
package struct Release: Sendable, Hashable {
    package let order: Order
    package let createdAt: Timestamp

    package internal(set) var state = State.running
    package internal(set) var phase = Phase.discovering
    package internal(set) var spans: [PhaseSpan]
    package internal(set) var sequence = 0
    package internal(set) var updatedAt: Timestamp

    package internal(set) var survey: Survey?
    package internal(set) var pods: PodsReport?
    package internal(set) var nodes: [Node] = []
    /// The colour that the cluster was last told is live, by this release.
    package internal(set) var recorded: Color?
    package internal(set) var drain: DrainEvidence?
    /// Nodes that do not route where they should, or cannot be asked: the work that `repair` ends.
    package internal(set) var needRepair: [NodeReading] = []
    /// What else the release leaves behind: see `needRepair` for nodes.
    package internal(set) var leftovers: [Leftover] = []
    /// Until when the old colour's pods stay for an instant rollback.
    package internal(set) var retainedUntil: Timestamp?
    package internal(set) var replacedBy: Int?
    /// Who said after the pause that the traffic may move; `nil` when nobody did, or nobody had to.
    package internal(set) var promotedBy: String?
    /// The newest trouble of an effect that is still being tried.
    package internal(set) var trouble: String?

    var course = Course.forward
    var isApproved = false
    /// Until when the candidate's creation waits for pods of an earlier release.
    var delayedUntil: Timestamp?
    /// The last look at the candidate found its pods ready: from here on traffic moves.
    var isConfirmed = false
    /// Every node was read back, and the colour that is given up is carried by none.
    var isReadBack = false
    /// When the last node switched, by the clock of whoever switched it: who waits for the drain goes by the same clock.
    var lastChange: Timestamp?
    /// From when the present step's time is counted: its beginning, or when the release was last taken up. What machines do has its
    /// time while somebody runs the release, and an absence costs none of it.
    var clockStart: Timestamp
    /// The beginning of the present step as it was written. Deadlines in journals of versions that counted from there hold.
    var clockStartAsWritten: Timestamp

    /// What the release knows of one node.
    package struct Node: Sendable, Hashable, Codable {
        package enum State: String, Sendable, Hashable, Codable {
            case pending
            case staged
            case switched
            case reverted
            case unreachable
            case failed
        }

        package var address: String
        package var state: State
        /// What it routes to, as last read back; `nil` when that is not known.
        package var color: Color?
        package var trouble: String?
        var isPrepared = false
        var staging = State.pending
        /// It was told to switch, or may have been when the release turned back.
        var mayHaveSwitched = false
        var reverts = 0
    }

    /// Where the release is heading.
    enum Course: Sendable, Hashable {
        case forward
        case back(Cause)
    }

    /// Why a release gives its candidate up.
    package enum Cause: Sendable, Hashable {
        case failure(Failure)
        case aborted(by: String, reason: String?)
        case verificationExpired
    }

    /// Begins a release with its first event; `nil` when that is not a request.
    package init?(_ first: RecordedEvent) {
        guard case .requested(let order) = first.event else { return nil }
        self.order = order
        createdAt = first.at
        updatedAt = first.at
        clockStart = first.at
        clockStartAsWritten = first.at
        sequence = first.sequence
        spans = [PhaseSpan(phase: .discovering, startedAt: first.at)]
    }

    /// The release that a journal tells of; `nil` when there are no events.
    package init?(folding events: some Sequence<RecordedEvent>) {
        var iterator = events.makeIterator()
        guard let first = iterator.next(), var release = Release(first) else { return nil }
        while let event = iterator.next() { release.apply(event) }
        self = release
    }
}

// MARK: - What others ask of it

extension Release {
    package var candidate: Color? { survey?.candidate }
    package var previous: LiveVersion? { survey?.live }

    package var cause: Cause? {
        if case .back(let cause) = course { cause } else { nil }
    }

    package var failure: Failure? {
        if case .failure(let failure) = cause { failure } else { nil }
    }

    package var isBackingOut: Bool { cause != nil }

    package var endedAt: Timestamp? { state.hasEnded ? spans.last?.startedAt : nil }

    /// Its version is live, or was until a later release.
    package var hasBeenLive: Bool { state == .live || state == .superseded || replacedBy != nil }

    /// From its beginning to its end, or to `now` while it has not ended.
    package func elapsed(at now: Timestamp) -> Duration { (endedAt ?? now) - createdAt }

    /// When the pause for verification ends by itself.
    package var verifyDeadline: Timestamp? {
        state == .paused ? phaseStart + order.rules.verifyTimeout : nil
    }

    /// The drain's bounds: counted from the last node's verified switch.
    package var drainBounds: ClosedRange<Timestamp>? {
        guard let lastChange else { return nil }
        return (lastChange + order.rules.drainLeast)...(lastChange + max(order.rules.drainLeast, order.rules.drainMost))
    }

    /// When the pods must be ready.
    package var readyDeadline: Timestamp { clockStart + order.rules.readyTimeout }

    var phaseStart: Timestamp { spans.last?.startedAt ?? createdAt }

    /// Nodes that this release switches: those that were reachable and staged.
    var participants: [Node] { nodes.filter { $0.staging == .staged } }

    /// Traffic may have moved on some node: from the first order to switch on, until each node is known to be back.
    package var hasMovedTraffic: Bool { isConfirmed }

    /// The old colour may be gone from here on: there is no way back but a new release.
    package var isPastReturn: Bool { isReadBack || state.hasEnded }
}
