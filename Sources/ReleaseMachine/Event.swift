/// Something that happened. A release is nothing but its events, folded in order.
///
/// The names and fields are the journal's format: add cases, never change one.
package enum Event: Sendable, Hashable, Codable {
    // The door: what people asked for.
    case requested(Order)
    case promoted(by: String)
    case abortRequested(by: String, reason: String?)

    // What effects brought about.
    case discovered(Survey)
    case candidateCreated
    /// Pods of an earlier release on the candidate's colour have until then to end; only then is it created.
    case candidateDelayed(until: Timestamp)
    case podsObserved(PodsReport)
    case podsReady
    /// Tried, that is: what came of it, staging tells.
    case nodePrepared(node: String)
    case nodeStaged(node: String)
    case candidateConfirmed
    case nodeSwitched(node: String)
    case nodeReverted(node: String)
    case nodeFailed(NodeStep, NodeTrouble)
    /// The inventory no longer lists them: they take no part in the release any more.
    case nodesLeft([String])
    case liveRecorded(Color)
    case drained(DrainEvidence)
    case readBack([NodeReading])
    case oldRemoved
    case oldRetained(until: Timestamp)
    case candidateRemoved

    // What went wrong.
    /// An effect was refused in a way that trying again will not change.
    case refused(Effect, message: String, details: [String])
    /// An effect did not work out and is tried again.
    case troubled(Effect, message: String)
    /// The phase's own clock ran out.
    case deadlinePassed(Phase)

    // What later readers want to know.
    /// Another process took the release up after the one that ran it had gone.
    case takenUp(by: String)
    /// The release is run again by whoever ran it, after so many milliseconds in which nobody did: its machine slept, or the cluster
    /// could not be asked whose the release is.
    case resumed(milliseconds: Int64)
    case said(Line)
    /// A later release took this one's place; `rolledBack` when that one went back to an older version.
    case replaced(by: Int, rolledBack: Bool)
}

/// Which of a node's tasks an event is about.
package enum NodeStep: String, Sendable, Hashable, Codable { case stage, change, revert }

/// A line for the release's log that changes nothing.
package struct Line: Sendable, Hashable, Codable {
    /// The node or pod that said it; `nil` is the release itself.
    package var source: String?
    package var text: String

    package init(source: String? = nil, _ text: String) {
        self.source = source
        self.text = text
    }
}

/// An event with its place in the release and its time.
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
