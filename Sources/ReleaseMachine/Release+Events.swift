extension Release {
    /// Applies an event. Events that no longer apply (an effect finished just as it was stopped) change nothing.
    package mutating func apply(_ recorded: RecordedEvent) {
        sequence = recorded.sequence
        updatedAt = max(updatedAt, recorded.at)
        let now = Moment(time: updatedAt, written: recorded.at)
        if case .replaced(let number, let rolledBack) = recorded.event {
            replacedBy = number
            if state == .live { state = rolledBack ? .rolledBack : .superseded }
            return
        }
        guard !state.hasEnded else { return }
        switch recorded.event {
        case .takenUp, .resumed: clockStart = now.time
        case .nodesLeft(let addresses): removeNodes(addresses, at: now)
        case .lossAccepted(let by, let reason, let isLive, let readings):
            endAfterLoss("the journal had lost its end; \(by) accepted that: \(reason)", isLive, readings, at: now)
        case _ where isBackingOut: applyBack(recorded.event, at: now)
        default: applyForward(recorded.event, at: now)
        }
    }

    private mutating func applyForward(_ event: Event, at now: Moment) {
        switch event {
        case .promoted(let by):
            guard phase == .verifying, state == .paused else { return }
            approve(by, at: now)
            promote(by, at: now)
        case .approved(let by):
            guard phase == .verifying, state == .paused else { return }
            approve(by, at: now)
        case .promotionForced(let by, let reason):
            guard phase == .verifying, state == .paused else { return }
            forcedReason = reason
            promote(by, at: now)
        case .abortRequested(let by, let reason):
            guard !isPastReturn else { return }
            backOut(.aborted(by: by, reason: reason), at: now)
        case .supersedeRequested(let version, _):
            guard canBeSuperseded else { return }
            backOut(.superseded(by: version), at: now)

        case .discovered(let survey):
            guard phase == .discovering else { return }
            applySurvey(survey, at: now)
        case .candidateCreated:
            guard phase == .creating else { return }
            enter(.starting, at: now)
        case .candidateDelayed(let until):
            guard phase == .creating else { return }
            delayedUntil = until
        case .podsObserved(let report):
            pods = report
        case .podsChanged(let change):
            applyPods(change)
        case .podsReady:
            guard phase == .starting else { return }
            enter(.staging, at: now)
            endStagingIfComplete(at: now)

        case .nodePrepared(let address):
            guard phase == .starting else { return }
            update(address) { $0.isPrepared = true }
        case .nodeStaged(let address):
            guard phase == .staging else { return }
            update(address) { node in
                node.state = .staged
                node.staging = .staged
                node.problem = nil
            }
            endStagingIfComplete(at: now)
        case .nodeFailed(.stage, let problem):
            guard phase == .staging else { return }
            update(problem.node) { node in
                guard node.state == .pending else { return }
                node.state = problem.isUnreachable ? .unreachable : .failed
                node.staging = node.state
                node.problem = problem.message
            }
            endStagingIfComplete(at: now)

        case .candidateConfirmed:
            guard phase == .switching, !isConfirmed else { return }
            isConfirmed = true
            startClock(at: now)
            endSwitchingIfComplete(at: now)
        case .nodeSwitched(let address):
            guard phase == .switching, isConfirmed else { return }
            // The canary used its own time; the others get theirs.
            if !nodes.contains(where: { $0.state == .switched }) { clockStart = now.time }
            update(address) { [candidate] node in
                node.state = .switched
                node.mayHaveSwitched = true
                node.color = candidate
                node.problem = nil
            }
            lastChange = now.written
            endSwitchingIfComplete(at: now)
        case .nodeFailed(.change, let problem):
            guard phase == .switching else { return }
            update(problem.node) { node in
                guard node.state == .staged else { return }
                node.state = problem.isUnreachable ? .unreachable : .failed
                node.mayHaveSwitched = true
                node.color = nil
                node.problem = problem.message
            }
            endSwitchingIfComplete(at: now)

        case .liveRecorded(let color):
            guard phase == .draining else { return }
            recorded = color
            problem = nil
        case .drained(let evidence):
            guard phase == .draining, recorded == candidate else { return }
            drain = evidence
            enter(.retiring, at: now)
        case .readBack(let readings):
            guard phase == .retiring else { return }
            applyReadBack(readings, at: now)
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
                problem = message
                return
            }
            backOut(.failure(Failure(phase: phase, message: message, details: details)), at: now)
        case .troubled(let effect, let message):
            if effects.contains(effect) { problem = message }
        case .deadlinePassed(let passed):
            guard passed == phase, isDue(at: now) else { return }
            timeOut(at: now)
        case .nodeReverted, .nodeFailed(.revert, _), .candidateRemoved, .requested, .replaced, .takenUp,
            .resumed, .nodesLeft, .said, .lossAccepted:
            return
        }
    }

    private mutating func applyBack(_ event: Event, at now: Moment) {
        switch event {
        case .nodeReverted(let address):
            update(address) { [previous] node in
                node.state = .reverted
                node.color = previous?.color
                node.problem = nil
            }
        case .nodeFailed(.revert, let problem):
            update(problem.node) { node in
                node.reverts += 1
                node.state = problem.isUnreachable ? .unreachable : .failed
                node.color = nil
                node.problem = problem.message
            }
        case .nodeSwitched(let address):
            // The switch finished as the release backed out: this node has to be reverted too.
            update(address) { [candidate] node in
                guard node.state != .reverted else { return }
                node.state = .switched
                node.mayHaveSwitched = true
                node.color = candidate
            }
            lastChange = now.written
        case .liveRecorded(let color):
            recorded = color
            problem = nil
        case .readBack(let readings):
            guard effects == [.readBack] else { return }
            isReadBack = true
            applyReadBackOnWayBack(readings, at: now)
        case .candidateRemoved:
            guard effects.contains(.removeCandidate) else { return }
            end(outcomeBack, at: now)
        case .candidateCreated, .candidateDelayed, .podsReady, .nodePrepared, .nodeStaged, .discovered,
            .candidateConfirmed, .drained,
            .oldRemoved, .oldRetained, .nodeFailed, .promoted, .approved, .promotionForced, .abortRequested,
            .supersedeRequested, .requested,
            .replaced,
            .takenUp, .resumed, .nodesLeft, .said, .lossAccepted:
            return
        case .podsObserved(let report):
            pods = report
        case .podsChanged(let change):
            applyPods(change)
        case .troubled(let effect, let message), .refused(let effect, let message, _):
            if effects.contains(effect) { problem = message }
        case .deadlinePassed:
            // A deadline of the way forward may arrive right after the event that made the release back out.
            guard isDue(at: now) else { return }
            // What could not be reverted in time stays, and is named.
            needRepair = nodesToRevert.filter { $0.state != .reverted }.map {
                NodeReading(node: $0.address, color: nil, message: $0.problem)
            }
            endBack(at: now)
        }
    }
}
