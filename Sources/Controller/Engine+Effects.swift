import ReleaseMachine

extension Engine {
    typealias Emit = @Sendable (Event) -> Void

    /// Does what the effect says and emits what came of it. Returning without having emitted anything means: try again.
    func perform(_ effect: Effect, for release: Release, emit: @escaping Emit) async throws {
        let order = release.order
        if case .survey = effect { return emit(.discovered(try await survey(order, emit))) }
        guard let survey = release.survey else { return try await performBeforeSurvey(effect, emit) }
        switch effect {
        case .survey: return
        case .createCandidate:
            try await cluster.createCandidate(order, survey) { [clock] news in
                switch news {
                case .note(let words): emit(.said(Line(words)))
                case .waiting(let words, let length):
                    emit(.said(Line(words)))
                    emit(.candidateDelayed(until: clock.now + length))
                }
            }
            emit(.candidateCreated)
        case .awaitPods:
            try await awaitPods(order, survey, emit)
        case .prepare(let node):
            do {
                try await nodes.prepare(node, order, survey)
            } catch let trouble as NodeTrouble {
                if await hasLeft(node, trouble) { return emit(.nodesLeft([node])) }
                emit(.said(Line(source: node, "cannot be staged yet: \(trouble.message)")))
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
                // All nodes are switched as the first was, so its proof stands for them; what another lacks is said.
                let isFirst = !release.nodes.contains { $0.state == .switched }
                if let evidence = try await nodes.moveVisitors(node, order, survey), isFirst || !evidence.isProof {
                    emit(.said(Line(source: node, evidence.text)))
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
                tell(try await cluster.remove(old, madeBy: order.number - 1, orOlder: true), of: old, order, emit)
            }
            emit(.oldRemoved)
        case .retainOld:
            emit(.oldRetained(until: clock.now + order.rules.retain))
        case .removeCandidate:
            let left = try await cluster.remove(survey.candidate, madeBy: order.number, orOlder: false)
            tell(left, of: survey.candidate, order, emit)
            emit(.candidateRemoved)
        }
    }

    /// Pods that serve nobody any more and take their time to end: the next release to their colour waits for them, this one does not.
    private func tell(_ left: Int, of color: Color, _ order: Order, _ emit: Emit) {
        guard left > 0 else { return }
        emit(
            .said(
                Line("\(counted(left, "pod")) of \(order.app)-\(color) \(left == 1 ? "is" : "are") still terminating")))
    }

    /// A release that was given up before it knew anything has nothing to undo.
    private func performBeforeSurvey(_ effect: Effect, _ emit: Emit) async throws {
        switch effect {
        case .removeCandidate: emit(.candidateRemoved)
        case .readBack: emit(.readBack([]))
        default: throw Refusal("the release has not looked at cluster and nodes yet")
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
        } catch let trouble as NodeTrouble {
            emit(await hasLeft(node, trouble) ? .nodesLeft([node]) : .nodeFailed(step, trouble))
        }
    }

    /// A node that does not answer may be a machine that was taken away: the inventory knows.
    private func hasLeft(_ node: String, _ trouble: NodeTrouble) async -> Bool {
        trouble.isUnreachable ? await !left(of: [node]).isEmpty : false
    }

    /// Those that the inventory no longer lists; none where it cannot be asked.
    private func left(of addresses: [String]) async -> [String] {
        guard let listed = try? await nodes.list(), !listed.isEmpty else { return [] }
        return addresses.filter { !listed.contains($0) }
    }

    // MARK: Survey

    private func survey(_ order: Order, _ emit: Emit) async throws -> Survey {
        guard order.number <= Order.highestNumber else {
            throw Refusal(
                "\(order.name) has a number that no node can be told: it was given before such numbers were refused",
                details: [
                    "to fix: name another journal in viridian.yaml, and correct the lease where the next release says so"
                ])
        }
        async let seen = cluster.survey()
        let addresses = try await nodes.list()
        let fence = Fence(release: order.number, isBack: false)
        let readings = await nodes.read(addresses, claiming: fence)
        try await refuseOldNumber(order, readings)
        let unreachable = readings.filter(\.isUnreachable).map {
            NodeTrouble(node: $0.node, isUnreachable: true, message: $0.message ?? "no answer")
        }
        // A file that was edited and not loaded: the node routes as it should, and the switch will put the file right.
        for reading in readings where reading.color != nil {
            if let message = reading.message { emit(.said(Line(source: reading.node, message))) }
        }
        let before = try journal.releases(app: order.app, limit: 50, before: order.number).first { $0.state == .live }
        let agreement = Agreement(
            app: order.app,
            cluster: try await seen,
            readings: readings.filter { !$0.isUnreachable },
            journal: before.flatMap { release in
                release.candidate.map { (LiveVersion(color: $0, version: release.order.version), release.order.number) }
            }
        )
        return try agreement.survey(for: order, unreachable: unreachable)
    }

    /// Nodes obey no release that is older than one that they have seen, and would say so in staging, when pods have been started.
    private func refuseOldNumber(_ order: Order, _ readings: [NodeReading]) async throws {
        let newest = readings.max { $0.newestRelease ?? 0 < $1.newestRelease ?? 0 }
        guard let newest, let number = newest.newestRelease, number > order.number else { return }
        let isUsable = number < Order.highestNumber
        // The next release is numbered above it.
        if isUsable { try await cluster.note(release: number) }
        throw Refusal(
            "node \(newest.node) has seen \(order.app)/\(number), which is newer than \(order.name)",
            details: [
                "the journal and the cluster's lease are older than the nodes, as restored copies are; nothing was touched",
                isUsable
                    ? "to go on: deploy again, and the release is numbered above \(number)"
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
            case .hopeless(let why, let details): throw Refusal(why, details: details)
            }
        }
    }

    /// The last look: as many pods as the live colour has now, and all of them ready at this moment. A pod that was lost since it was
    /// staged is waited for; the phase's clock bounds that.
    private func confirm(_ order: Order, _ survey: Survey, _ emit: Emit) async throws {
        var size = try await follow(order, survey, emit)
        while true {
            guard try await awaitReady(size.replicas, order, survey, emit) else { return emit(.candidateConfirmed) }
            // That took a while, in which the live colour may have grown again.
            let now = try await follow(order, survey, emit)
            if now.replicas <= size.replicas { return emit(.candidateConfirmed) }
            size = now
        }
    }

    private func follow(_ order: Order, _ survey: Survey, _ emit: Emit) async throws -> CandidateSize {
        let size = try await cluster.followLive(order, survey)
        for note in size.notes { emit(.said(Line(note))) }
        return size
    }

    /// Returns when that many pods of the candidate are ready, and whether they had to be waited for.
    private func awaitReady(_ count: Int, _ order: Order, _ survey: Survey, _ emit: Emit) async throws -> Bool {
        var last: PodsReport?
        for try await seen in cluster.pods(of: survey.candidate, for: order, desired: count) {
            if seen.report.ready >= count {
                if last != nil { emit(.podsObserved(seen.report)) }
                return last != nil
            }
            if seen.report != last { emit(.podsObserved(seen.report)) }
            last = seen.report
            if case .hopeless(let why, let details) = seen.verdict { throw Refusal(why, details: details) }
        }
        throw CancellationError()
    }

    // MARK: Drain

    private func drain(_ release: Release, _ survey: Survey, _ emit: Emit) async throws -> DrainEvidence {
        guard let old = survey.live?.color, let bounds = release.drainBounds else { return DrainEvidence() }
        let addresses = release.nodes.filter { $0.state == .switched }.map(\.address)
        return try await drain(old, on: addresses, bounds, emit)
    }

    /// Waits as a release would until nothing holds a colour on nodes that have just been moved away from it.
    func waitForDrain(of color: Color, on addresses: [String], rules: Rules) async throws {
        guard !addresses.isEmpty else { return }
        let now = clock.now
        _ = try await drain(
            color, on: addresses, (now + rules.drainLeast)...(now + max(rules.drainLeast, rules.drainMost))
        ) { _ in }
    }

    /// Whether nothing holds a colour that nodes were moved away from at the latest at `moved`, or its time is over.
    func isDrained(_ color: Color, on addresses: [String], since moved: Timestamp, _ rules: Rules) async -> Bool {
        let length = clock.now - moved
        guard length >= rules.drainLeast else { return false }
        // Who comes is told by two looks.
        _ = await ask(addresses, color)
        do { try await clock.sleep(for: min(rules.drainLeast, .seconds(10))) } catch { return false }
        let open = await ask(addresses, color)
        guard open.allSatisfy({ !$0.isStillArriving }) else { return false }
        return length >= rules.drainMost || open.allSatisfy { $0.connections == 0 && $0.oldWorkers == 0 }
    }

    private func drain(
        _ old: Color,
        on addresses: [String],
        _ bounds: ClosedRange<Timestamp>,
        _ emit: Emit
    ) async throws -> DrainEvidence {
        // Who comes is told by two looks, so the first is taken while the drain could not end yet anyway.
        var watch = DrainWatch(quiet: min(max(bounds.lowerBound - clock.now, .zero), .seconds(10)))
        try await sleep(until: Timestamp(milliseconds: bounds.lowerBound.milliseconds - watch.quiet.milliseconds))
        if watch.quiet > .zero { _ = await ask(addresses, old) }
        try await sleep(until: bounds.lowerBound)
        var progress = DrainProgress(color: old)
        var addresses = addresses
        var nextRollCall = clock.now
        while true {
            var open = watch.stillOpen(await ask(addresses, old), at: clock.now)
            let silent = open.filter { $0.connections < 0 }.map(\.node)
            if !silent.isEmpty, clock.now >= nextRollCall {
                nextRollCall = clock.now + pace.rollCall
                let left = await left(of: silent)
                if !left.isEmpty { emit(.nodesLeft(left)) }
                addresses.removeAll { left.contains($0) }
                open.removeAll { left.contains($0.node) }
            }
            for line in progress.news(open, at: clock.now) { emit(.said(line)) }
            if open.isEmpty || clock.now >= bounds.upperBound { return DrainEvidence(open: open) }
            try Task.checkCancellation()
            try await clock.sleep(for: pace.drainPoll)
        }
    }

    private func sleep(until end: Timestamp) async throws {
        while clock.now < end { try await clock.sleep(for: min(end - clock.now, .seconds(1))) }
    }

    /// What every node says that holds the old colour; connections below 0 where it cannot be asked.
    private func ask(_ addresses: [String], _ color: Color) async -> [DrainEvidence.Open] {
        await withTaskGroup(of: DrainEvidence.Open.self) { group in
            for address in addresses {
                group.addTask { [nodes] in
                    let seen = try? await nodes.open(address, to: color)
                    return seen ?? DrainEvidence.Open(node: address, connections: -1, oldWorkers: -1)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.node < $1.node }
        }
    }
}
