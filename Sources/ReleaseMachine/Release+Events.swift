extension Release {
    /// Takes in what happened. Events that no longer mean anything (an effect finished just as it was stopped) change nothing.
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
        case .nodesLeft(let addresses): leave(addresses, at: now)
        case _ where isBackingOut: applyBack(recorded.event, at: now)
        default: applyForward(recorded.event, at: now)
        }
    }

    private mutating func applyForward(_ event: Event, at now: Moment) {
        switch event {
        case .promoted(let by):
            guard phase == .verifying, state == .paused else { return }
            isApproved = true
            promotedBy = by
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
        case .candidateDelayed(let until):
            guard phase == .creating else { return }
            delayedUntil = until
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
            isConfirmed = true
            startClock(at: now)
            settleSwitching(at: now)
        case .nodeSwitched(let address):
            guard phase == .switching, isConfirmed else { return }
            // The canary has had its time; the others have theirs.
            if !nodes.contains(where: { $0.state == .switched }) { clockStart = now.time }
            update(address) { [candidate] node in
                node.state = .switched
                node.mayHaveSwitched = true
                node.color = candidate
                node.trouble = nil
            }
            lastChange = now.written
            settleSwitching(at: now)
        case .nodeFailed(.change, let trouble):
            guard phase == .switching else { return }
            update(trouble.node) { node in
                guard node.state == .staged else { return }
                node.state = trouble.isUnreachable ? .unreachable : .failed
                node.mayHaveSwitched = true
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
        case .nodeReverted, .nodeFailed(.revert, _), .candidateRemoved, .requested, .replaced, .takenUp,
            .resumed, .nodesLeft, .said:
            return
        }
    }

    private mutating func applyBack(_ event: Event, at now: Moment) {
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
                node.mayHaveSwitched = true
                node.color = candidate
            }
            lastChange = now.written
        case .liveRecorded(let color):
            recorded = color
            trouble = nil
        case .readBack(let readings):
            guard effects == [.readBack] else { return }
            isReadBack = true
            takeInBack(readings, at: now)
        case .candidateRemoved:
            guard effects.contains(.removeCandidate) else { return }
            end(outcomeBack, at: now)
        case .candidateCreated, .candidateDelayed, .podsReady, .nodePrepared, .nodeStaged, .discovered,
            .candidateConfirmed, .drained,
            .oldRemoved, .oldRetained, .nodeFailed, .promoted, .abortRequested, .requested, .replaced,
            .takenUp, .resumed, .nodesLeft, .said:
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
            endBack(at: now)
        }
    }
}
