extension Release {
    /// What is to be done now. Whoever runs the effects keeps exactly these running: what is no longer here is stopped, what is new
    /// is begun, and what ended without an event is begun again.
    package var effects: Set<Effect> {
        guard !state.hasEnded else { return [] }
        return isBackingOut ? effectsBack : effectsForward
    }

    private var effectsForward: Set<Effect> {
        switch phase {
        case .discovering: return [.survey]
        case .creating: return [.createCandidate]
        case .starting:
            let unprepared = nodes.filter { $0.state == .pending && !$0.isPrepared }
            return Set(unprepared.map { .prepare(node: $0.address) } + [.awaitPods])
        case .staging: return Set(nodes.filter { $0.state == .pending }.map { .stage(node: $0.address) })
        case .verifying: return []
        case .switching:
            guard isConfirmed else { return [.confirmCandidate] }
            return Set(nodesToSwitch.map { .switchNode(node: $0.address) })
        case .draining:
            return recorded == candidate ? [.drain] : candidate.map { [.recordLive($0)] } ?? []
        case .retiring:
            guard isReadBack else { return [.readBack] }
            return order.rules.retain > .zero ? [.retainOld] : [.removeOld]
        case .done: return []
        }
    }

    /// The way back: nodes first, then the record, then the candidate, which stays as long as a node may route to it.
    private var effectsBack: Set<Effect> {
        let unsettled = nodesToRevert.filter { $0.state != .reverted && !isGivenUp($0) }
        if !unsettled.isEmpty { return Set(unsettled.map { .revertNode(node: $0.address) }) }
        // From the drain on the new colour may have been recorded, even where its answer was lost.
        if phase >= .draining, let old = previous?.color, recorded != old { return [.recordLive(old)] }
        // A machine that joined, or an edit by hand, may have brought the candidate a node that this release never switched.
        if previous != nil, !isReadBack { return [.readBack] }
        return [.removeCandidate]
    }

    private var isGrowing: Bool {
        guard let pods, let survey else { return false }
        return pods.desired > survey.replicas
    }

    /// One node is the canary: only when it has switched, and was proved to have, do the others follow, all at once. One that cannot
    /// be reached, where that is tolerated, proves nothing: the next is the canary then. Behind one that failed there is none.
    var nodesToSwitch: [Node] {
        let waiting = participants.filter { $0.state == .staged }
        if order.rules.edition == nil || nodes.contains(where: { $0.state == .switched }) { return waiting }
        return isTolerable ? Array(waiting.prefix(1)) : []
    }

    /// Nodes that were told to switch, whatever came of it; the others were not touched. A first release has nothing to go back to: its
    /// nodes stay as they are.
    var nodesToRevert: [Node] {
        previous == nil ? [] : nodes.filter(\.mayHaveSwitched)
    }

    func isGivenUp(_ node: Node) -> Bool { node.reverts >= Release.revertsBeforeGivingUp }

    /// Each try is a whole round trip with a deadline of its own; after these the release ends and says which node needs repair.
    static var revertsBeforeGivingUp: Int { 3 }

    /// When time alone changes something, and what it changes.
    package var timer: (at: Timestamp, event: Event)? {
        clock.map { ($0.start + $0.length, .deadlinePassed(phase)) }
    }

    /// The present step's time. What people were promised is counted from its point in time; all else from the last take-up.
    private var clock: (start: Timestamp, length: Duration)? {
        guard !state.hasEnded else { return nil }
        let rules = order.rules
        if isBackingOut { return (clockStart, rules.patience * 2) }
        switch phase {
        case .discovering: return (clockStart, rules.patience)
        case .creating: return (max(clockStart, delayedUntil ?? clockStart), rules.patience)
        case .starting: return (clockStart, rules.readyTimeout)
        case .staging: return (clockStart, rules.stageTimeout)
        case .verifying: return (phaseStart, rules.verifyTimeout)
        case .switching:
            // Pods that the candidate got because the live colour has grown come up as its first ones did.
            let growing = isGrowing && !isConfirmed
            return (clockStart, growing ? max(rules.patience, rules.readyTimeout) : rules.patience)
        // Traffic has moved: when these run out the release is live, and says what it leaves.
        case .draining: return (max(clockStart, drainBounds?.upperBound ?? clockStart), rules.patience * 2)
        case .retiring: return (clockStart, rules.patience * 2)
        case .done: return nil
        }
    }

    /// Whoever writes a deadline has looked that it is due. One of another step, or of a clock that was set anew in the same moment,
    /// is not; one that an earlier version wrote is, by the times that it went by.
    func isDue(at now: Moment) -> Bool {
        guard let clock else { return false }
        if now.time >= clock.start + clock.length { return true }
        return order.rules.edition == nil && now.written >= clockStartAsWritten + clock.length
    }
}
