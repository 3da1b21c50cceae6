extension Release {
    mutating func enter(_ next: Phase, at now: Moment) {
        guard next != phase else { return }
        spans[spans.count - 1].endedAt = now.time
        spans.append(PhaseSpan(phase: next, startedAt: now.time))
        phase = next
        startClock(at: now)
        problem = nil
        state = next == .verifying ? .paused : .running
    }

    mutating func end(_ outcome: State, at now: Moment) {
        enter(.done, at: now)
        state = outcome
    }

    mutating func backOut(_ cause: Cause, at now: Moment) {
        if phase == .switching, isConfirmed {
            // Their switch may already be under way.
            for node in nodesToSwitch { update(node.address) { $0.mayHaveSwitched = true } }
        }
        course = .back(cause)
        backingOutSince = now.time
        startClock(at: now)
        state = .running
        problem = nil
    }

    mutating func startClock(at now: Moment) {
        clockStart = now.time
        clockStartAsWritten = now.written
    }

    /// The release goes on without these nodes, as if they had never been listed. What they route to is not read any more.
    mutating func removeNodes(_ addresses: [String], at now: Moment) {
        let count = nodes.count
        nodes.removeAll { addresses.contains($0.address) }
        guard nodes.count < count, !isBackingOut else { return }
        guard !nodes.isEmpty else {
            guard phase < .draining else { return }
            let message = "the inventory no longer lists any of the nodes"
            return backOut(.failure(Failure(phase: phase, message: message, details: addresses)), at: now)
        }
        endStagingIfComplete(at: now)
        endSwitchingIfComplete(at: now)
    }

    mutating func update(_ address: String, _ change: (inout Node) -> Void) {
        guard let index = nodes.firstIndex(where: { $0.address == address }) else { return }
        change(&nodes[index])
    }

    mutating func applySurvey(_ survey: Survey, at now: Moment) {
        self.survey = survey
        nodes =
            survey.nodes.map { Node(address: $0, state: .pending, color: survey.live?.color) }
            + survey.unreachable.map {
                Node(address: $0.node, state: .unreachable, problem: $0.message, staging: .unreachable)
            }
        if isTolerable {
            enter(.creating, at: now)
        } else {
            backOut(.failure(nodesFailure("cannot be reached")), at: now)
        }
    }

    /// Staging ends when every node has answered, so that a failure names all failed nodes, not only the first.
    mutating func endStagingIfComplete(at now: Moment) {
        guard phase == .staging, !nodes.contains(where: { $0.state == .pending }) else { return }
        guard isTolerable else {
            backOut(.failure(nodesFailure("could not be staged")), at: now)
            return
        }
        enter(order.verify && !isApproved ? .verifying : .switching, at: now)
    }

    /// All nodes switch, or those that did are reverted. When the canary fails no other node switches.
    mutating func endSwitchingIfComplete(at now: Moment) {
        guard phase == .switching, isConfirmed, nodesToSwitch.isEmpty else { return }
        guard isTolerable else {
            backOut(.failure(nodesFailure("could not be switched")), at: now)
            return
        }
        if lastChange == nil { lastChange = now.written }
        enter(.draining, at: now)
    }

    /// Whether the release may go on with its failed and unreachable nodes. At least one node has to take part, whatever `tolerate` is.
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
            details: bad.map { "\($0.address): \($0.problem ?? "no answer")" }
        )
    }
}
