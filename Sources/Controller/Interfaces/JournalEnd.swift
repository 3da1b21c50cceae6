import ReleaseMachine

/// The newest event of an app of which its journal has said that it has it. It stands in the app's lease, so that a journal that has gone
/// back is noticed: after a failover to a standby that was behind, or when a backup was restored.
///
/// It gets there with every write of the lease, and before what cannot be taken back (`Engine.recordJournal(before:)`): a switch of a node, the
/// removal of a workload. What was acknowledged after the last of these writes, a third of the lease's duration at most, can be lost
/// without being noticed, if the process that runs the release dies with the journal; one that lives misses its own last event. Nothing that
/// cannot be taken back was done for those events. The release is then run again from where the journal ends, with effects that are
/// idempotent and fenced: nodes and pods are read before anything moves. A request of a person that nothing was done for yet can be
/// among what is lost; only a synchronous standby keeps that.
package struct JournalEnd: Sendable, Hashable {
    package var release: Int
    /// The event's number in the release.
    package var sequence: Int
    /// When the event was written: another event that gets its number after a failover is told from it.
    package var at: Timestamp

    package init(release: Int, sequence: Int, at: Timestamp) {
        self.release = release
        self.sequence = sequence
        self.at = at
    }

    package init(release: Int, _ event: RecordedEvent) {
        self.init(release: release, sequence: event.sequence, at: event.at)
    }
}

/// The journal does not have the newest event that it has acknowledged: it has gone back. Nothing is done for the app until somebody has
/// brought it back or accepted the loss.
package struct JournalWentBack: Error, Sendable, Hashable, CustomStringConvertible {
    package var app: String
    /// What it has acknowledged, by the lease or by what this process has read.
    package var seen: JournalEnd
    /// What it has of that release; `nil`: nothing.
    package var found: JournalEnd?
    /// The highest number of a release that it has.
    package var newest: Int
    /// What cluster and nodes say, a line each.
    package var serving: [String] = []

    package init(app: String, seen: JournalEnd, found: JournalEnd?, newest: Int) {
        self.app = app
        self.seen = seen
        self.found = found
        self.newest = newest
    }

    /// What happened, for the log of the release that stops.
    package var sentence: String {
        let name = "\(app)/\(seen.release)"
        let has =
            switch found {
            case let found? where found.sequence < seen.sequence: "has it up to event \(found.sequence)"
            case _?: "has another event there"
            case nil: "has nothing of it: its newest release is \(app)/\(newest)"
            }
        return
            "the journal has gone back: it had acknowledged event \(seen.sequence) of \(name) (\(seen.at.iso8601)), and "
            + "\(has). Nothing more is done for \(app)"
    }

    /// What to do about it, in one sentence.
    package var fix: String {
        "bring back the journal that has these events, if there is one (the former primary, a newer backup), or accept the loss: "
            + "viridian journal accept \(app) --reason R, then viridian repair \(app)"
    }

    package var description: String {
        let lines =
            [
                sentence,
                "a failover to a standby that was behind does that, or a backup that was restored",
            ] + serving + [
                "to fix: bring back the journal that has these events, if there is one (the former primary, a newer backup)",
                "or accept the loss: `viridian journal accept \(app) --reason R` ends a release that has not ended, as cluster and nodes "
                    + "are, and touches nothing; then `viridian repair \(app)` brings the nodes to the live colour",
            ]
        return lines.joined(separator: "\n")
    }
}
