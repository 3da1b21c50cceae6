/// How a release ends: by what the nodes are read back as, or by a timeout.
extension Release {
    /// The old colour is deleted only when every node of the inventory is known to route to the new one.
    mutating func applyReadBack(_ readings: [NodeReading], at now: Moment) {
        needRepair = readings.filter { $0.color != candidate }
        record(readings)
        problem = nil
        if needRepair.isEmpty {
            isReadBack = true
            if let oldColorUse {
                problem = oldColorUse
                endLive(at: now)
            } else if previous == nil && order.rules.retain > .zero {
                end(.live, at: now)
            }
        } else {
            endLive(at: now)
        }
    }

    /// It ended with the old colour in place because new connections still arrive there.
    package var isOldColorInUse: Bool { oldColorUse != nil && state.hasEnded && !leftovers.isEmpty }

    /// Where new connections to the old colour come from although no node routes to it; `nil` when there are none. The colour is kept
    /// for them.
    private var oldColorUse: String? {
        let arriving = drain?.open.filter(\.isStillArriving) ?? []
        guard !arriving.isEmpty, let previous else { return nil }
        let sources = Set(arriving.flatMap { $0.sources ?? [] }).sorted()
        return "new connections still arrive at \(previous.color) on \(arriving.map(\.node).joined(separator: ", "))"
            + (sources.isEmpty ? "" : ", from \(sources.joined(separator: ", "))")
            + ": find what uses its port there"
    }

    /// Ends with the old colour in place.
    mutating func endLive(at now: Moment) {
        let why = problem
        if phase == .draining, recorded != candidate, let candidate {
            leftovers.append(
                Leftover(.record, LiveVersion(color: candidate, version: order.version), message: why))
        }
        if let previous { leftovers.append(Leftover(.workload, previous, message: why)) }
        end(.live, at: now)
    }

    /// Ends with the candidate in place.
    mutating func endBack(at now: Moment) {
        let why = problem
        if phase >= .draining, let previous, recorded != previous.color {
            leftovers.append(Leftover(.record, previous, message: why))
        }
        if let candidate, phase >= .creating {
            let version = LiveVersion(color: candidate, version: order.version)
            leftovers.append(Leftover(.workload, version, pods: pods?.pods.map(\.name) ?? [], message: why))
        }
        end(outcomeBack, at: now)
    }

    /// Nothing was changed and nothing is known of what the lost events were: what the release may have left stays, and is named.
    mutating func endAfterLoss(_ why: String, _ isLive: Bool, _ readings: [NodeReading], at now: Moment) {
        record(readings)
        problem = nil
        if isLive {
            course = .forward
            recorded = candidate
            needRepair = readings.filter { $0.color != candidate }
            if let previous { leftovers.append(Leftover(.workload, previous, message: why)) }
            return end(.live, at: now)
        }
        if !isBackingOut {
            course = .back(.failure(Failure(phase: phase, message: why)))
            backingOutSince = now.time
        }
        if let previous { needRepair = readings.filter { $0.color != previous.color } }
        if let candidate {
            let version = LiveVersion(color: candidate, version: order.version)
            leftovers.append(Leftover(.workload, version, pods: pods?.pods.map(\.name) ?? [], message: why))
        }
        end(outcomeBack, at: now)
    }

    mutating func record(_ readings: [NodeReading]) {
        for reading in readings {
            if nodes.contains(where: { $0.address == reading.node }) {
                update(reading.node) { node in
                    node.color = reading.color
                    if let message = reading.message { node.problem = message }
                }
            } else {
                nodes.append(
                    Node(address: reading.node, state: .pending, color: reading.color, problem: reading.message))
            }
        }
    }

    mutating func timeOut(at now: Moment) {
        switch phase {
        case .verifying where order.rules.promotesByItself:
            isApproved = true
            enter(.switching, at: now)
        case .verifying:
            backOut(.verificationExpired, at: now)
        case .starting:
            backOut(.failure(podsFailure { "timed out: \($0)" }), at: now)
        case .staging:
            backOut(
                .failure(nodesFailure("could not be staged in time", without: nodes.filter { $0.state == .pending })),
                at: now)
        case .switching where isConfirmed:
            backOut(.failure(nodesFailure("could not be switched in time", without: nodesToSwitch)), at: now)
        case .switching where pods.map { $0.ready < $0.desired } ?? false:
            backOut(.failure(podsFailure { "\($0) just before the switch" }), at: now)
        case .discovering, .creating, .switching:
            let message = problem.map { "timed out: \($0)" } ?? "timed out"
            backOut(.failure(Failure(phase: phase, message: message)), at: now)
        case .draining where recorded == candidate:
            // Its bounds have long passed; the nodes' answers are overdue.
            enter(.retiring, at: now)
        case .draining, .retiring:
            // Nodes that the release went on without were not read back.
            if !isReadBack {
                needRepair = nodes.filter { $0.state != .switched }.map {
                    NodeReading(node: $0.address, color: nil, message: $0.problem)
                }
            }
            endLive(at: now)
        case .done:
            return
        }
    }

    func podsFailure(_ sentence: (String) -> String) -> Failure {
        let count = pods.map { "\($0.ready) of \($0.desired) pods are ready" } ?? "no pod was seen"
        let unready = (pods?.pods ?? []).filter { !$0.isReady }.map { "\($0.name): \($0.reason ?? "not ready")" }
        return Failure(phase: phase, message: sentence(count), details: (pods?.warnings ?? []) + unready)
    }

    /// `unanswered` are nodes that did not answer in time.
    func nodesFailure(_ what: String, without unanswered: [Node]) -> Failure {
        var copy = self
        for node in unanswered { copy.update(node.address) { $0.state = .unreachable } }
        return copy.nodesFailure(what)
    }

    /// The candidate stays while a node may route to it: one that does, one that could not be switched back, one that is unknown.
    mutating func applyReadBackOnWayBack(_ readings: [NodeReading], at now: Moment) {
        let unknown = Set(nodesToRevert.filter { $0.state != .reverted }.map(\.address))
            .union(readings.map(\.node).filter { node in !nodes.contains { $0.address == node } })
        needRepair = readings.filter { reading in
            reading.color == candidate || (reading.color == nil && unknown.contains(reading.node))
        }
        record(readings)
        problem = nil
        if !needRepair.isEmpty { endBack(at: now) }
    }

    var outcomeBack: State {
        switch cause {
        case .failure, nil: .failed
        case .aborted, .verificationExpired, .superseded: lastChange == nil ? .aborted : .rolledBack
        }
    }
}
