/// Something that happened to a release. A release's state is the fold of its events, in order.
///
/// Cases and fields are the journal's file format: add cases, never change one.
package enum Event: Sendable, Hashable, Codable {
    // Requests from people.
    case requested(Order)
    case promoted(by: String)
    /// A person promoted it, and more people have to.
    case approved(by: String)
    /// An administrator promoted it without the approvals of others that it needed.
    case promotionForced(by: String, reason: String)
    case abortRequested(by: String, reason: String?)
    /// A newer version arrived, which is to be released instead of this one. It applies as long as no node has been switched.
    case supersedeRequested(version: String, by: String)
    /// The journal had lost the release's newest events, and a person accepted that: the release ends as cluster and nodes were read.
    /// `isLive`: the cluster has recorded that this release is live.
    case lossAccepted(by: String, reason: String, isLive: Bool, readings: [NodeReading])

    // Results of effects.
    case discovered(Survey)
    case candidateCreated
    /// The candidate is created when the pods of an earlier release on its colour have ended, at the latest at `until`.
    case candidateDelayed(until: Timestamp)
    /// All pods of the candidate: the first report of a release, and every report in journals of older versions.
    case podsObserved(PodsReport)
    /// What has changed since the report before.
    case podsChanged(PodsChange)
    case podsReady
    /// Preparation was tried; whether it succeeded shows in staging.
    case nodePrepared(node: String)
    case nodeStaged(node: String)
    case candidateConfirmed
    case nodeSwitched(node: String)
    case nodeReverted(node: String)
    case nodeFailed(NodeStep, NodeProblem)
    /// The inventory no longer lists these nodes: the release goes on without them.
    case nodesLeft([String])
    case liveRecorded(Color)
    case drained(DrainEvidence)
    case readBack([NodeReading])
    case oldRemoved
    case oldRetained(until: Timestamp)
    case candidateRemoved

    // Errors.
    /// An effect failed in a way that retrying cannot fix.
    case refused(Effect, message: String, details: [String])
    /// An effect failed and is retried.
    case troubled(Effect, message: String)
    /// The phase timed out.
    case deadlinePassed(Phase)

    // For the record.
    /// Another process resumed the release after the one that ran it had ended.
    case takenUp(by: String)
    /// The same process runs the release again after an interruption of so many milliseconds: its machine slept, or the lease could
    /// not be renewed because the cluster did not answer.
    case resumed(milliseconds: Int64)
    case said(LogMessage)
    /// A later release replaced this one; `rolledBack` when it brought an older version back.
    case replaced(by: Int, rolledBack: Bool)
}

/// Which step on a node an event is about; `change` is the switch.
package enum NodeStep: String, Sendable, Hashable, Codable { case stage, change, revert }

/// A line of the release's log. It has no effect on the release.
package struct LogMessage: Sendable, Hashable, Codable {
    /// The node or pod that the line comes from; `nil` for the release itself.
    package var source: String?
    package var text: String

    package init(source: String? = nil, _ text: String) {
        self.source = source
        self.text = text
    }
}

/// An event with its sequence number and its time.
package struct RecordedEvent: Sendable, Hashable, Codable {
    /// 1, 2, 3 … within the release.
    package var sequence: Int
    package var at: Timestamp
    package var event: Event

    package init(sequence: Int, at: Timestamp, event: Event) {
        self.sequence = sequence
        self.at = at
        self.event = event
    }
}
