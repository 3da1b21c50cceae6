extension Release {
    mutating func enter(_ next: Phase, at now: Moment) {
        guard next != phase else { return }
        spans[spans.count - 1].endedAt = now.time
        spans.append(PhaseSpan(phase: next, startedAt: now.time))
        phase = next
        startClock(at: now)
        trouble = nil
        state = next == .verifying ? .paused : .running
    }

    mutating func end(_ outcome: State, at now: Moment) {
        enter(.done, at: now)
        state = outcome
    }

    mutating func turnBack(_ cause: Cause, at now: Moment) {
        if phase == .switching, isConfirmed {
            // Their orders may be on their way.
            for node in nodesToSwitch { update(node.address) { $0.mayHaveSwitched = true } }
        }
        course = .back(cause)
        startClock(at: now)
        state = .running
        trouble = nil
    }

    mutating func startClock(at now: Moment) {
        clockStart = now.time
        clockStartAsWritten = now.written
    }

    /// The release goes on without them, as if they had never been listed. What they may still route to is not known and not asked.
    mutating func leave(_ addresses: [String], at now: Moment) {
        let count = nodes.count
        nodes.removeAll { addresses.contains($0.address) }
        guard nodes.count < count, !isBackingOut else { return }
        guard !nodes.isEmpty else {
            guard phase < .draining else { return }
            let message = "the inventory no longer lists any of the nodes"
            return turnBack(.failure(Failure(phase: phase, message: message, details: addresses)), at: now)
        }
        settleStaging(at: now)
        settleSwitching(at: now)
    }

    mutating func update(_ address: String, _ change: (inout Node) -> Void) {
        guard let index = nodes.firstIndex(where: { $0.address == address }) else { return }
        change(&nodes[index])
    }

    mutating func takeIn(_ survey: Survey, at now: Moment) {
        self.survey = survey
        nodes =
            survey.nodes.map { Node(address: $0, state: .pending, color: survey.live?.color) }
            + survey.unreachable.map {
                Node(address: $0.node, state: .unreachable, trouble: $0.message, staging: .unreachable)
            }
        if isTolerable {
            enter(.creating, at: now)
        } else {
            turnBack(.failure(nodesFailure("cannot be reached")), at: now)
        }
    }

    /// Staging is over when every node has answered: a failure names all nodes that failed, not the first.
    mutating func settleStaging(at now: Moment) {
        guard phase == .staging, !nodes.contains(where: { $0.state == .pending }) else { return }
        guard isTolerable else {
            turnBack(.failure(nodesFailure("could not be staged")), at: now)
            return
        }
        enter(order.verify && !isApproved ? .verifying : .switching, at: now)
    }

    /// All nodes switch, or those that did go back. Where the canary fails no other node is told to.
    mutating func settleSwitching(at now: Moment) {
        guard phase == .switching, isConfirmed, nodesToSwitch.isEmpty else { return }
        guard isTolerable else {
            turnBack(.failure(nodesFailure("could not be switched")), at: now)
            return
        }
        if lastChange == nil { lastChange = now.written }
        enter(.draining, at: now)
    }

    /// A release that no node takes part in has nothing to show for itself, however many may be missing.
    var isTolerable: Bool {
        let unreachable = nodes.count { $0.state == .unreachable }
        return !nodes.contains { $0.state == .failed } && unreachable <= order.rules.tolerate
            && (unreachable < nodes.count || nodes.isEmpty || order.rules.edition == nil)
    }

    func nodesFailure(_ what: String) -> Failure {
        let bad = nodes.filter { $0.state == .failed || $0.state == .unreachable }
        return Failure(
            phase: phase,
            message: "\(bad.count) of \(nodes.count) nodes \(what)",
            details: bad.map { "\($0.address): \($0.trouble ?? "no answer")" }
        )
    }
}
