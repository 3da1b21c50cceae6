extension Release {
    /// What is to be done now. The engine keeps exactly these effects running: it stops those that are no longer here, starts those
    /// that are new, and restarts those that ended without an event.
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

    /// The way back: first the nodes, then the record of the live colour, then the candidate, which stays while a node may route to it.
    private var effectsBack: Set<Effect> {
        let pending = nodesToRevert.filter { $0.state != .reverted && !hasNoRevertsLeft($0) }
        if !pending.isEmpty { return Set(pending.map { .revertNode(node: $0.address) }) }
        // From the drain on, the new colour may have been recorded, even where the answer was lost.
        if phase >= .draining, let old = previous?.color, recorded != old { return [.recordLive(old)] }
        // A machine that joined, or an edit by hand, may route to the candidate although this release never switched it.
        if previous != nil, !isReadBack { return [.readBack] }
        return [.removeCandidate]
    }

    private var isGrowing: Bool {
        guard let pods, let survey else { return false }
        return pods.desired > survey.replicas
    }

    /// One node is the canary: the others follow, all at once, when its switch is verified. When it is unreachable and that is
    /// tolerated, the next node is the canary. When it fails, no other node switches.
    var nodesToSwitch: [Node] {
        let waiting = participants.filter { $0.state == .staged }
        if order.rules.edition == nil || nodes.contains(where: { $0.state == .switched }) { return waiting }
        return isTolerable ? Array(waiting.prefix(1)) : []
    }

    /// Nodes that may have switched; the others were not touched. A first release has no colour to go back to: its nodes stay as they
    /// are.
    var nodesToRevert: [Node] {
        previous == nil ? [] : nodes.filter(\.mayHaveSwitched)
    }

    func hasNoRevertsLeft(_ node: Node) -> Bool { node.reverts >= Release.maximumReverts }

    /// Each revert is a round trip with its own deadline; after these the release ends and names the node as one that needs repair.
    static var maximumReverts: Int { 3 }

    /// The next deadline, and the event that is due then; `nil` when no deadline applies.
    package var timer: (at: Timestamp, event: Event)? {
        clock.map { ($0.start + $0.length, .deadlinePassed(phase)) }
    }

    /// The present step's clock. The pause for verification counts from its beginning; all else from when the release was last resumed.
    private var clock: (start: Timestamp, length: Duration)? {
        guard !state.hasEnded else { return nil }
        let rules = order.rules
        if isBackingOut { return (clockStart, rules.stepTimeout * 2) }
        switch phase {
        case .discovering: return (clockStart, rules.stepTimeout)
        case .creating: return (max(clockStart, delayedUntil ?? clockStart), rules.stepTimeout)
        case .starting: return (clockStart, rules.readyTimeout)
        case .staging: return (clockStart, rules.stageTimeout)
        case .verifying: return (phaseStart, rules.verifyTimeout)
        case .switching:
            // Pods that were added because the live colour has grown have as long to become ready as the first ones.
            let growing = isGrowing && !isConfirmed
            return (clockStart, growing ? max(rules.stepTimeout, rules.readyTimeout) : rules.stepTimeout)
        // Traffic has moved: when these time out the release is live, and names what it leaves.
        case .draining: return (max(clockStart, drainBounds?.upperBound ?? clockStart), rules.stepTimeout * 2)
        case .retiring: return (clockStart, rules.stepTimeout * 2)
        case .done: return nil
        }
    }

    /// A deadline event is due only for the present step: one of another step, or of a clock that was restarted at the same moment, is
    /// not. Events of older versions are judged by the times that those versions used.
    func isDue(at now: Moment) -> Bool {
        guard let clock else { return false }
        if now.time >= clock.start + clock.length { return true }
        return order.rules.edition == nil && now.written >= clockStartAsWritten + clock.length
    }
}
