import Controller
import ReleaseMachine
import Synchronization

/// What must hold with every event and every command, and when a release has ended.
extension EngineSimulation {
    /// Events are told once they are in the journal, each once, in order.
    func observer(_ process: SimulatedProcess, _ number: Int) -> Engine.Observer {
        let last = LastSequence()
        return { [journal, rules] recorded, release in
            guard release.order.number == number else { return }
            if !journal.contains(recorded, number) {
                rules.report("the journal: \(process.name) tells of \(recorded.event) before it is there")
            }
            let before = last.value.withLock { value in
                defer { value = recorded.sequence }
                return value
            }
            if recorded.sequence <= before {
                rules.report("the journal: \(process.name) tells of \(recorded.event) a second time")
            }
        }
    }

    /// A command succeeds, or ends with a sentence for a person.
    func attemptCommand(_ process: SimulatedProcess, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            trace("\(process.name): \(error)")
            switch error {
            case is JournalUnavailable: tally.value.withLock { $0.refused += 1 }
            case is JournalWentBack: tally.value.withLock { $0.isStopped = true }
            case is SimulatedProcess.Killed, is CancellationError, is LeaseHeld, is LeaseLost,
                is Interrupted,
                is Inapplicable, is Refusal, is JournalConflict, is TransientError, is ClusterUnreached:
                break
            default: rules.report("a command ends with \(error)")
            }
        }
    }

    func checkEnd() {
        guard let release = journal.releases.first, release.state.hasEnded, rules.first == nil else {
            return
        }
        let events = journal.events(release.order.number)
        if Release(folding: events) != release {
            rules.report("folding the journal gives another release")
        }
        let kinds = events.map(\.event.kind)
        if !kinds.contains("takenUp") {
            for kind in [
                "discovered", "candidateCreated", "podsReady", "candidateConfirmed", "drained",
                "oldRemoved",
            ]
            where kinds.count(where: { $0 == kind }) > 1 {
                rules.report("the journal: one process wrote \(kind) twice")
            }
        }
        // One whose end was lost is live where the cluster says so.
        if release.state == .live, kinds.contains("abortRequested"), !kinds.contains("lossAccepted") {
            rules.report("rule 6: aborted, but live")
        }
        let wanted = release.state == .live ? release.candidate : release.previous?.color
        guard release.needRepair.isEmpty, release.survey != nil else { return }
        for node in release.nodes {
            if let route = site.snapshot.routes[node.address], route != wanted, node.state != .unreachable {
                rules.report("\(node.address) routes to \(route) after a release that is \(release.state)")
            }
        }
    }
}

/// The number of the last event that a command has told of.
private final class LastSequence: Sendable {
    let value = Mutex(0)
}

extension Event {
    /// The case's name.
    var kind: String { String(String(describing: self).prefix { $0 != "(" }) }
}
