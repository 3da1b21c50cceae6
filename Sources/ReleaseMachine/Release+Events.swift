extension Release {
    /// Takes in what happened. Events that no longer mean anything (an effect finished just as it was stopped) change nothing.
    package mutating func apply(_ recorded: RecordedEvent) {
        sequence = recorded.sequence
        updatedAt = max(updatedAt, recorded.at)
        if case .replaced(let number, let rolledBack) = recorded.event {
            replacedBy = number
            if state == .live { state = rolledBack ? .rolledBack : .superseded }
            return
        }
        guard !state.hasEnded else { return }
        if isBackingOut {
            applyBack(recorded.event, at: recorded.at)
        } else {
            applyForward(recorded.event, at: recorded.at)
        }
    }

    private mutating func applyForward(_ event: Event, at now: Timestamp) {
        switch event {
        case .promoted:
            guard phase == .verifying, state == .paused else { return }
            isApproved = true
            enter(.switching, at: now)
        case .abortRequested(let by, let reason):
            guard !isPastReturn else { return }
            turnBack(.aborted(by: by, reason: reason), at: now)

        case .discovered(let survey):
            guard phase == .discovering else { return }
            takeIn(survey, at: now)
        case .candidateCreated:
            guard phase == .creating else { return }
            enter(.starting, at: now)
        case .podsObserved(let report):
            pods = report
        case .podsReady:
            guard phase == .starting else { return }
            enter(.staging, at: now)
            settleStaging(at: now)

        case .nodePrepared(let address):
            guard phase == .starting else { return }
            update(address) { $0.isPrepared = true }
        case .nodeStaged(let address):
            guard phase == .staging else { return }
            update(address) { node in
                node.state = .staged
                node.staging = .staged
                node.trouble = nil
            }
            settleStaging(at: now)
        case .nodeFailed(.stage, let trouble):
            guard phase == .staging else { return }
            update(trouble.node) { node in
                guard node.state == .pending else { return }
                node.state = trouble.isUnreachable ? .unreachable : .failed
                node.staging = node.state
                node.trouble = trouble.message
            }
            settleStaging(at: now)

        case .candidateConfirmed:
            guard phase == .switching, !isConfirmed else { return }
            confirmedAt = now
            settleSwitching(at: now)
        case .nodeSwitched(let address):
            guard phase == .switching, isConfirmed else { return }
            update(address) { [candidate] node in
                node.state = .switched
                node.color = candidate
                node.trouble = nil
            }
            lastChange = now
            settleSwitching(at: now)
        case .nodeFailed(.change, let trouble):
            guard phase == .switching else { return }
            update(trouble.node) { node in
                guard node.state == .staged else { return }
                node.state = trouble.isUnreachable ? .unreachable : .failed
                node.color = nil
                node.trouble = trouble.message
            }
            settleSwitching(at: now)

        case .liveRecorded(let color):
            guard phase == .draining else { return }
            recorded = color
            trouble = nil
        case .drained(let evidence):
            guard phase == .draining, recorded == candidate else { return }
            drain = evidence
            enter(.retiring, at: now)
        case .readBack(let readings):
            guard phase == .retiring else { return }
            takeIn(readings, at: now)
        case .oldRemoved:
            guard phase == .retiring, isReadBack else { return }
            end(.live, at: now)
        case .oldRetained(let until):
            guard phase == .retiring, isReadBack else { return }
            retainedUntil = until
            end(.live, at: now)

        case .refused(let effect, let message, let details):
            guard effects.contains(effect) else { return }
            guard phase < .draining else {
                trouble = message
                return
            }
            turnBack(.failure(Failure(phase: phase, message: message, details: details)), at: now)
        case .troubled(let effect, let message):
            if effects.contains(effect) { trouble = message }
        case .deadlinePassed(let passed):
            guard passed == phase, isDue(at: now) else { return }
            runOutOfTime(at: now)
        case .nodeReverted, .nodeFailed(.revert, _), .candidateRemoved, .requested, .replaced, .takenUp, .said:
            return
        }
    }

    private mutating func applyBack(_ event: Event, at now: Timestamp) {
        switch event {
        case .nodeReverted(let address):
            update(address) { [previous] node in
                node.state = .reverted
                node.color = previous?.color
                node.trouble = nil
            }
        case .nodeFailed(.revert, let trouble):
            update(trouble.node) { node in
                node.reverts += 1
                node.state = trouble.isUnreachable ? .unreachable : .failed
                node.color = nil
                node.trouble = trouble.message
            }
        case .nodeSwitched(let address):
            // It finished as the release turned back: the node is one more to bring back.
            update(address) { [candidate] node in
                guard node.state != .reverted else { return }
                node.state = .switched
                node.color = candidate
            }
            lastChange = now
        case .liveRecorded(let color):
            recorded = color
        case .readBack(let readings):
            guard effects == [.readBack] else { return }
            isReadBack = true
            takeInBack(readings, at: now)
        case .candidateRemoved:
            guard effects.contains(.removeCandidate) else { return }
            end(outcomeBack, at: now)
        case .candidateCreated, .podsReady, .nodePrepared, .nodeStaged, .discovered, .candidateConfirmed, .drained,
            .oldRemoved, .oldRetained, .nodeFailed, .promoted, .abortRequested, .requested, .replaced, .takenUp, .said:
            return
        case .podsObserved(let report):
            pods = report
        case .troubled(let effect, let message), .refused(let effect, let message, _):
            if effects.contains(effect) { trouble = message }
        case .deadlinePassed:
            // One that was meant for the way forward may come just behind the word that turned the release back.
            guard isDue(at: now) else { return }
            // What could not be undone in time stays, and is named.
            needRepair = nodesToRevert.filter { $0.state != .reverted }.map {
                NodeReading(node: $0.address, color: nil, message: $0.trouble)
            }
            end(outcomeBack, at: now)
        }
    }
}

// MARK: - Steps

extension Release {
    mutating func enter(_ next: Phase, at now: Timestamp) {
        guard next != phase else { return }
        spans[spans.count - 1].endedAt = now
        spans.append(PhaseSpan(phase: next, startedAt: now))
        phase = next
        trouble = nil
        state = next == .verifying ? .paused : .running
    }

    private mutating func end(_ outcome: State, at now: Timestamp) {
        enter(.done, at: now)
        state = outcome
    }

    mutating func turnBack(_ cause: Cause, at now: Timestamp) {
        course = .back(cause, since: now)
        state = .running
        trouble = nil
    }

    private mutating func update(_ address: String, _ change: (inout Node) -> Void) {
        guard let index = nodes.firstIndex(where: { $0.address == address }) else { return }
        change(&nodes[index])
    }

    private mutating func takeIn(_ survey: Survey, at now: Timestamp) {
        self.survey = survey
        nodes =
            survey.nodes.map { Node(address: $0, state: .pending, color: survey.live?.color) }
            + survey.unreachable.map {
                Node(address: $0.node, state: .unreachable, trouble: $0.message, staging: .unreachable)
            }
        if survey.unreachable.count > order.rules.tolerate {
            turnBack(.failure(nodesFailure("cannot be reached")), at: now)
        } else {
            enter(.creating, at: now)
        }
    }

    /// Staging is over when every node has answered: a failure names all nodes that failed, not the first.
    private mutating func settleStaging(at now: Timestamp) {
        guard phase == .staging, !nodes.contains(where: { $0.state == .pending }) else { return }
        guard isTolerable else {
            turnBack(.failure(nodesFailure("could not be staged")), at: now)
            return
        }
        enter(order.verify && !isApproved ? .verifying : .switching, at: now)
    }

    /// All nodes switch, or those that did go back.
    private mutating func settleSwitching(at now: Timestamp) {
        guard phase == .switching, isConfirmed, !participants.contains(where: { $0.state == .staged }) else { return }
        guard isTolerable else {
            turnBack(.failure(nodesFailure("could not be switched")), at: now)
            return
        }
        if lastChange == nil { lastChange = now }
        enter(.draining, at: now)
    }

    private var isTolerable: Bool {
        !nodes.contains { $0.state == .failed }
            && nodes.filter { $0.state == .unreachable }.count <= order.rules.tolerate
    }

    private func nodesFailure(_ what: String) -> Failure {
        let bad = nodes.filter { $0.state == .failed || $0.state == .unreachable }
        return Failure(
            phase: phase,
            message: "\(bad.count) of \(nodes.count) nodes \(what)",
            details: bad.map { "\($0.address): \($0.trouble ?? "no answer")" }
        )
    }

    /// The old colour goes only when every node of the inventory is known to route to the new one.
    private mutating func takeIn(_ readings: [NodeReading], at now: Timestamp) {
        needRepair = readings.filter { $0.color != candidate }
        record(readings)
        if needRepair.isEmpty {
            isReadBack = true
            if previous == nil && order.rules.retain > .zero { end(.live, at: now) }
        } else {
            end(.live, at: now)
        }
    }

    private mutating func record(_ readings: [NodeReading]) {
        for reading in readings {
            if nodes.contains(where: { $0.address == reading.node }) {
                update(reading.node) { node in
                    node.color = reading.color
                    if let message = reading.message { node.trouble = message }
                }
            } else {
                nodes.append(
                    Node(address: reading.node, state: .pending, color: reading.color, trouble: reading.message))
            }
        }
    }

    private func isDue(at now: Timestamp) -> Bool { timer.map { now >= $0.at } ?? false }

    private mutating func runOutOfTime(at now: Timestamp) {
        switch phase {
        case .verifying where order.rules.afterVerifyTimeout == .promote:
            isApproved = true
            enter(.switching, at: now)
        case .verifying:
            turnBack(.verificationExpired, at: now)
        case .starting:
            turnBack(.failure(podsFailure { "time ran out: \($0)" }), at: now)
        case .staging:
            turnBack(.failure(nodesFailure("could not be staged in time", waitingFor: .pending)), at: now)
        case .switching where isConfirmed:
            turnBack(.failure(nodesFailure("could not be switched in time", waitingFor: .staged)), at: now)
        case .switching where pods.map { $0.ready < $0.desired } ?? false:
            turnBack(.failure(podsFailure { "\($0) just before the switch" }), at: now)
        case .discovering, .creating, .switching:
            let message = trouble.map { "time ran out: \($0)" } ?? "time ran out"
            turnBack(.failure(Failure(phase: phase, message: message)), at: now)
        case .draining, .retiring, .done:
            return
        }
    }

    private func podsFailure(_ sentence: (String) -> String) -> Failure {
        let count = pods.map { "\($0.ready) of \($0.desired) pods are ready" } ?? "no pod was seen"
        let unready = (pods?.pods ?? []).filter { !$0.isReady }.map { "\($0.name): \($0.reason ?? "not ready")" }
        return Failure(phase: phase, message: sentence(count), details: (pods?.warnings ?? []) + unready)
    }

    private func nodesFailure(_ what: String, waitingFor state: Node.State) -> Failure {
        var copy = self
        for index in copy.nodes.indices where copy.nodes[index].state == state {
            copy.nodes[index].state = .unreachable
        }
        return copy.nodesFailure(what)
    }

    /// The candidate stays while a node may route to it: one that does, one that could not be brought back, one that nobody knows.
    private mutating func takeInBack(_ readings: [NodeReading], at now: Timestamp) {
        let unknown = Set(nodesToRevert.filter { $0.state != .reverted }.map(\.address))
            .union(readings.map(\.node).filter { node in !nodes.contains { $0.address == node } })
        needRepair = readings.filter { reading in
            reading.color == candidate || (reading.color == nil && unknown.contains(reading.node))
        }
        record(readings)
        if !needRepair.isEmpty { end(outcomeBack, at: now) }
    }

    private var outcomeBack: State {
        switch cause {
        case .failure, nil: .failed
        case .aborted, .verificationExpired: lastChange == nil ? .aborted : .rolledBack
        }
    }
}
