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
            return Set(participants.filter { $0.state == .staged }.map { .switchNode(node: $0.address) })
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

    /// A first release has nothing to go back to: its nodes stay as they are.
    var nodesToRevert: [Node] {
        hasMovedTraffic && previous != nil ? participants : []
    }

    func isGivenUp(_ node: Node) -> Bool { node.reverts >= Release.revertsBeforeGivingUp }

    /// Each try is a whole round trip with a deadline of its own; after these the release ends and says which node needs repair.
    static var revertsBeforeGivingUp: Int { 3 }

    /// When time alone changes something, and what it changes.
    package var timer: (at: Timestamp, event: Event)? {
        guard !state.hasEnded else { return nil }
        if case .back(_, let since) = course {
            return (since + order.rules.patience * 2, .deadlinePassed(phase))
        }
        let length: Duration
        switch phase {
        case .discovering, .creating: length = order.rules.patience
        case .starting: length = order.rules.readyTimeout
        case .staging: length = order.rules.stageTimeout
        case .verifying: length = order.rules.verifyTimeout
        case .switching:
            if let confirmedAt { return (confirmedAt + order.rules.patience, .deadlinePassed(phase)) }
            // Pods that the candidate got because the live colour has grown come up as its first ones did.
            length = isGrowing ? max(order.rules.patience, order.rules.readyTimeout) : order.rules.patience
        // Traffic has moved: these are tried for as long as somebody runs the release.
        case .draining, .retiring, .done: return nil
        }
        return (phaseStart + length, .deadlinePassed(phase))
    }
}
