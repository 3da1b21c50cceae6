/// One attempt to bring a version of an app live: the fold of its events.
///
/// A release has no clock and does no I/O. `apply` takes an event, `effects` names what is to be done next, and `timer` is the next
/// deadline. The engine that runs the effects records their results as events.
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
    /// The colour that this release last recorded in the cluster as live.
    package internal(set) var recorded: Color?
    package internal(set) var drain: DrainEvidence?
    /// Nodes that do not route to the right colour, or did not answer: those that `repair` fixes.
    package internal(set) var needRepair: [NodeReading] = []
    /// What else the release did not clean up; nodes are in `needRepair`.
    package internal(set) var leftovers: [Leftover] = []
    /// Until when the old colour's pods stay for an instant rollback.
    package internal(set) var retainedUntil: Timestamp?
    package internal(set) var replacedBy: Int?
    /// Who promoted the release after its pause; `nil` without a promotion.
    package internal(set) var promotedBy: String?
    /// Who approved it, in order; with the last one's it was promoted.
    package internal(set) var approvals: [Approval] = []
    /// Why an administrator promoted it without the approvals that it needed; `nil` where nobody did.
    package internal(set) var forcedReason: String?
    /// When it was given up; `nil` while it goes forward.
    package internal(set) var backingOutSince: Timestamp?
    /// The newest error of an effect that is being retried.
    package internal(set) var problem: String?

    var course = Course.forward
    var isApproved = false
    /// Until when creating the candidate waits for pods of an earlier release.
    var delayedUntil: Timestamp?
    /// The last check found the candidate's pods ready: from here on traffic moves.
    var isConfirmed = false
    /// Every node was read back, and none routes to the colour that is to be deleted.
    var isReadBack = false
    /// When the last node switched, by the clock of the process that switched it; the drain is counted by the same clock.
    var lastChange: Timestamp?
    /// From when the present step's timeout is counted: its beginning, or when the release was last resumed. Time in which no process
    /// ran the release does not count.
    var clockStart: Timestamp
    /// The beginning of the present step as it was written: from there older versions counted deadlines, and their journals are valid.
    var clockStartAsWritten: Timestamp

    /// The state of one node in this release.
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
        /// What it routes to, as last read back; `nil` when unknown.
        package var color: Color?
        /// The node's newest error message.
        package var problem: String?
        var isPrepared = false
        var staging = State.pending
        /// It was switched, or may have been when the release backed out.
        var mayHaveSwitched = false
        var reverts = 0
    }

    /// Whether the release goes forward or backs out.
    enum Course: Sendable, Hashable {
        case forward
        case back(Cause)
    }

    /// Why a release backs out.
    package enum Cause: Sendable, Hashable {
        case failure(Failure)
        case aborted(by: String, reason: String?)
        case verificationExpired
        /// A newer version is released instead.
        case superseded(by: String)
    }

    /// Starts a release with its first event; `nil` when that is not `requested`.
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

    /// Folds a release from its events; `nil` when there are none, or the first is not `requested`.
    package init?(folding events: some Sequence<RecordedEvent>) {
        var iterator = events.makeIterator()
        guard let first = iterator.next(), var release = Release(first) else { return nil }
        while let event = iterator.next() { release.apply(event) }
        self = release
    }
}

// MARK: - Derived values

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

    /// When the pause for verification ends without a person; `nil` unless paused.
    package var verifyDeadline: Timestamp? {
        state == .paused ? phaseStart + order.rules.verifyTimeout : nil
    }

    /// The drain's earliest and latest end, counted from the last node's verified switch; `nil` before that.
    package var drainBounds: ClosedRange<Timestamp>? {
        guard let lastChange else { return nil }
        return (lastChange + order.rules.drainLeast)...(lastChange + max(order.rules.drainLeast, order.rules.drainMost))
    }

    /// When the pods have to be ready.
    package var readyDeadline: Timestamp { clockStart + order.rules.readyTimeout }

    var phaseStart: Timestamp { spans.last?.startedAt ?? createdAt }

    /// Nodes that this release switches: those that were reachable and staged.
    var participants: [Node] { nodes.filter { $0.staging == .staged } }

    /// Traffic may have moved on some node: true from just before the first node is switched.
    package var hasMovedTraffic: Bool { isConfirmed }

    /// From here on the old colour may be deleted: the way back is a new release.
    package var isPastReturn: Bool { isReadBack || state.hasEnded }
}
