import ReleaseMachine

extension Engine {
    typealias Emit = @Sendable (Event) -> Void

    /// Runs the effect and emits its results as events. Returning without an event makes the engine retry it.
    func perform(_ effect: Effect, for release: Release, emit: @escaping Emit) async throws {
        let order = release.order
        if case .survey = effect { return emit(.discovered(try await survey(order, emit))) }
        guard let survey = release.survey else { return try await performBeforeSurvey(effect, emit) }
        switch effect {
        case .survey: return
        case .createCandidate:
            try await cluster.createCandidate(order, survey) { [clock] progress in
                switch progress {
                case .note(let text): emit(.said(LogMessage(text)))
                case .waiting(let text, let length):
                    emit(.said(LogMessage(text)))
                    emit(.candidateDelayed(until: clock.now + length))
                }
            }
            emit(.candidateCreated)
        case .awaitPods:
            try await awaitPods(order, survey, emit)
        case .prepare(let node):
            do {
                try await nodes.prepare(node, order, survey)
            } catch let problem as NodeProblem {
                if await isRemoved(node, problem) { return emit(.nodesLeft([node])) }
                emit(.said(LogMessage(source: node, "cannot be staged yet: \(problem.message)")))
            }
            emit(.nodePrepared(node: node))
        case .stage(let node):
            try await attempt(.stage, on: node, emit) {
                try await nodes.stage(node, order, survey) { emit(.said($0)) }
                emit(.nodeStaged(node: node))
            }
        case .confirmCandidate:
            try await confirm(order, survey, emit)
        case .switchNode(let node):
            try await attempt(.change, on: node, emit) {
                // All nodes are switched alike, so the first one's proof holds for the others; missing proof is logged for each.
                let isFirst = !release.nodes.contains { $0.state == .switched }
                if let evidence = try await nodes.moveVisitors(node, order, survey), isFirst || !evidence.isProof {
                    emit(.said(LogMessage(source: node, evidence.text)))
                }
                emit(.nodeSwitched(node: node))
            }
        case .revertNode(let node):
            guard let old = survey.live?.color else { return emit(.nodeReverted(node: node)) }
            try await attempt(.revert, on: node, emit) {
                try await nodes.route(node, to: old, fence: Fence(release: order.number, isBack: true))
                emit(.nodeReverted(node: node))
            }
        case .recordLive(let color):
            let version = color == survey.candidate ? order.version : survey.live?.version ?? order.version
            try await cluster.recordLive(LiveVersion(color: color, version: version), by: order)
            emit(.liveRecorded(color))
        case .drain:
            emit(.drained(try await drain(release, survey, emit)))
        case .readBack:
            let fence = Fence(release: order.number, isBack: release.isBackingOut)
            let listed = try await nodes.list()
            let left = release.nodes.map(\.address).filter { !listed.contains($0) }
            if !left.isEmpty { emit(.nodesLeft(left)) }
            var readings = await nodes.read(listed, claiming: fence)
            for index in readings.indices { readings[index].newestRelease = nil }
            emit(.readBack(readings))
        case .removeOld:
            if let old = survey.live?.color {
                logTerminating(
                    try await cluster.remove(old, madeBy: order.number - 1, orOlder: true), of: old, order, emit)
            }
            emit(.oldRemoved)
        case .retainOld:
            emit(.oldRetained(until: clock.now + order.rules.retain))
        case .removeCandidate:
            let left = try await cluster.remove(survey.candidate, madeBy: order.number, orOlder: false)
            logTerminating(left, of: survey.candidate, order, emit)
            emit(.candidateRemoved)
        }
    }

    /// Logs pods that do not serve any more and have not ended: the next release to their colour waits for them, this one does not.
    private func logTerminating(_ left: Int, of color: Color, _ order: Order, _ emit: Emit) {
        guard left > 0 else { return }
        let verb = left == 1 ? "is" : "are"
        emit(.said(LogMessage("\(counted(left, "pod")) of \(order.app)-\(color) \(verb) still terminating")))
    }

    /// A release that was aborted before its survey has nothing to undo.
    private func performBeforeSurvey(_ effect: Effect, _ emit: Emit) async throws {
        switch effect {
        case .removeCandidate: emit(.candidateRemoved)
        case .readBack: emit(.readBack([]))
        default: throw Refusal("the release has not read the cluster and the nodes yet")
        }
    }

    private func attempt(
        _ step: NodeStep,
        on node: String,
        _ emit: Emit,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let problem as NodeProblem {
            emit(await isRemoved(node, problem) ? .nodesLeft([node]) : .nodeFailed(step, problem))
        }
    }

    /// Whether a node that does not answer is no longer in the inventory.
    private func isRemoved(_ node: String, _ problem: NodeProblem) async -> Bool {
        problem.isUnreachable ? await !removedFromInventory(of: [node]).isEmpty : false
    }

    /// Those that the inventory no longer lists; none when the inventory does not answer.
    private func removedFromInventory(of addresses: [String]) async -> [String] {
        guard let listed = try? await nodes.list(), !listed.isEmpty else { return [] }
        return addresses.filter { !listed.contains($0) }
    }

    // MARK: Survey

    private func survey(_ order: Order, _ emit: Emit) async throws -> Survey {
        guard order.number <= Order.highestNumber else {
            throw Refusal(
                "\(order.name) has a number above the highest that nodes accept: it is from a version that did not refuse it",
                details: [
                    "to fix: name another journal in viridian.yaml, and correct the lease if the next release reports it"
                ])
        }
        async let observed = cluster.survey()
        let addresses = try await nodes.list()
        let fence = Fence(release: order.number, isBack: false)
        let readings = await nodes.read(addresses, claiming: fence)
        try await refuseOldNumber(order, readings)
        let unreachable = readings.filter(\.isUnreachable).map {
            NodeProblem(node: $0.node, isUnreachable: true, message: $0.message ?? "no answer")
        }
        // A file that was edited and not loaded: the node routes to the right colour, and the switch corrects the file.
        for reading in readings where reading.color != nil {
            if let message = reading.message { emit(.said(LogMessage(source: reading.node, message))) }
        }
        let before = try await journal.releases(app: order.app, limit: 50, before: order.number).first {
            $0.state == .live
        }
        let resolver = LiveColorResolver(
            app: order.app,
            cluster: try await observed,
            readings: readings.filter { !$0.isUnreachable },
            journal: before.flatMap { release in
                release.candidate.map { (LiveVersion(color: $0, version: release.order.version), release.order.number) }
            }
        )
        return try resolver.survey(for: order, unreachable: unreachable)
    }

    /// Nodes refuse a release that is older than one that they have seen. Without this check they would do so in staging, with pods
    /// already started.
    private func refuseOldNumber(_ order: Order, _ readings: [NodeReading]) async throws {
        let newest = readings.max { $0.newestRelease ?? 0 < $1.newestRelease ?? 0 }
        guard let newest, let number = newest.newestRelease, number > order.number else { return }
        let isUsable = number < Order.highestNumber
        // The next release is numbered above it.
        if isUsable { try await cluster.note(release: number) }
        throw Refusal(
            "node \(newest.node) has seen \(order.app)/\(number), which is newer than \(order.name)",
            details: [
                "the journal and the cluster's lease are older than the nodes' state (restored from a backup?); nothing was touched",
                isUsable
                    ? "to fix: deploy again; the release gets a number above \(number)"
                    : "to fix: remove .viridian/\(order.app).token beside the upstream file on that node, and deploy again",
            ])
    }

    // MARK: Pods

    private func awaitPods(_ order: Order, _ survey: Survey, _ emit: Emit) async throws {
        var last: PodsReport?
        for try await seen in cluster.pods(of: survey.candidate, for: order, desired: survey.replicas) {
            if seen.report != last {
                last = seen.report
                emit(.podsObserved(seen.report))
            }
            switch seen.verdict {
            case .waiting: continue
            case .ready: return emit(.podsReady)
            case .failed(let why, let details): throw Refusal(why, details: details)
            }
        }
    }

    /// The last check before the switch: as many pods as the live colour has now, all ready at this moment. Waits for a pod that was
    /// lost since staging, until the phase times out.
    private func confirm(_ order: Order, _ survey: Survey, _ emit: Emit) async throws {
        var size = try await follow(order, survey, emit)
        while true {
            guard try await awaitReady(size.replicas, order, survey, emit) else { return emit(.candidateConfirmed) }
            // The live colour may have grown again in the meantime.
            let now = try await follow(order, survey, emit)
            if now.replicas <= size.replicas { return emit(.candidateConfirmed) }
            size = now
        }
    }

    private func follow(_ order: Order, _ survey: Survey, _ emit: Emit) async throws -> CandidateSize {
        let size = try await cluster.followLive(order, survey)
        for note in size.notes { emit(.said(LogMessage(note))) }
        return size
    }

    /// Returns when that many pods of the candidate are ready: whether it had to wait for them.
    private func awaitReady(_ count: Int, _ order: Order, _ survey: Survey, _ emit: Emit) async throws -> Bool {
        var last: PodsReport?
        for try await seen in cluster.pods(of: survey.candidate, for: order, desired: count) {
            if seen.report.ready >= count {
                if last != nil { emit(.podsObserved(seen.report)) }
                return last != nil
            }
            if seen.report != last { emit(.podsObserved(seen.report)) }
            last = seen.report
            if case .failed(let why, let details) = seen.verdict { throw Refusal(why, details: details) }
        }
        throw CancellationError()
    }

    // MARK: Drain

    private func drain(_ release: Release, _ survey: Survey, _ emit: Emit) async throws -> DrainEvidence {
        guard let old = survey.live?.color, let bounds = release.drainBounds else { return DrainEvidence() }
        let addresses = release.nodes.filter { $0.state == .switched }.map(\.address)
        return try await drain(old, on: addresses, bounds, emit)
    }

    /// Waits, as a release does, until a colour is drained on nodes that have just been switched away from it.
    func waitForDrain(of color: Color, on addresses: [String], rules: Rules) async throws {
        guard !addresses.isEmpty else { return }
        let now = clock.now
        _ = try await drain(
            color, on: addresses, (now + rules.drainLeast)...(now + max(rules.drainLeast, rules.drainMost))
        ) { _ in }
    }

    /// Whether a colour is drained, or its drain time is over; its nodes were switched away from it at `moved` at the latest.
    func isDrained(_ color: Color, on addresses: [String], since moved: Timestamp, _ rules: Rules) async -> Bool {
        let length = clock.now - moved
        guard length >= rules.drainLeast else { return false }
        // New connections show only between two reads.
        _ = await readOpen(addresses, color)
        do { try await clock.sleep(for: min(rules.drainLeast, .seconds(10))) } catch { return false }
        let open = await readOpen(addresses, color)
        guard open.allSatisfy({ !$0.isStillArriving }) else { return false }
        return length >= rules.drainMost || open.allSatisfy { $0.connections == 0 && $0.oldWorkers == 0 }
    }

    private func drain(
        _ old: Color,
        on addresses: [String],
        _ bounds: ClosedRange<Timestamp>,
        _ emit: Emit
    ) async throws -> DrainEvidence {
        // New connections show only between two reads: the first one is made before the drain's earliest end.
        var watch = DrainWatch(arrivalWindow: min(max(bounds.lowerBound - clock.now, .zero), .seconds(10)))
        try await sleep(
            until: Timestamp(milliseconds: bounds.lowerBound.milliseconds - watch.arrivalWindow.milliseconds))
        if watch.arrivalWindow > .zero { _ = await readOpen(addresses, old) }
        try await sleep(until: bounds.lowerBound)
        var progress = DrainLog(color: old)
        var addresses = addresses
        var nextInventoryCheck = clock.now
        while true {
            var open = watch.stillOpen(await readOpen(addresses, old), at: clock.now)
            let unanswered = open.filter { $0.connections < 0 }.map(\.node)
            if !unanswered.isEmpty, clock.now >= nextInventoryCheck {
                nextInventoryCheck = clock.now + pace.inventoryCheck
                let removed = await removedFromInventory(of: unanswered)
                if !removed.isEmpty { emit(.nodesLeft(removed)) }
                addresses.removeAll { removed.contains($0) }
                open.removeAll { removed.contains($0.node) }
            }
            for line in progress.lines(open, at: clock.now) { emit(.said(line)) }
            if open.isEmpty || clock.now >= bounds.upperBound { return DrainEvidence(open: open) }
            try Task.checkCancellation()
            try await clock.sleep(for: pace.drainPoll)
        }
    }

    private func sleep(until end: Timestamp) async throws {
        while clock.now < end { try await clock.sleep(for: min(end - clock.now, .seconds(1))) }
    }

    /// What is open to the colour on every node; `connections` is -1 for a node that did not answer.
    private func readOpen(_ addresses: [String], _ color: Color) async -> [DrainEvidence.Open] {
        await withTaskGroup(of: DrainEvidence.Open.self) { group in
            for address in addresses {
                group.addTask { [nodes] in
                    let seen = try? await nodes.openConnections(address, to: color)
                    return seen ?? DrainEvidence.Open(node: address, connections: -1, oldWorkers: -1)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.node < $1.node }
        }
    }
}
