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
            try await cluster.createCandidate(order, survey)
            emit(.candidateCreated)
        case .awaitPods:
            try await awaitPods(order, survey, emit)
        case .prepare(let node):
            do {
                try await nodes.prepare(node, order, survey)
            } catch let trouble as NodeTrouble {
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
                try await nodes.route(node, to: survey.candidate, fence: Fence(release: order.number, isBack: false))
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
            emit(.readBack(await nodes.read(try await nodes.list(), claiming: fence)))
        case .removeOld:
            if let old = survey.live?.color {
                try await cluster.remove(old, madeBy: order.number - 1, orOlder: true)
            }
            emit(.oldRemoved)
        case .retainOld:
            emit(.oldRetained(until: clock.now + order.rules.retain))
        case .removeCandidate:
            try await cluster.remove(survey.candidate, madeBy: order.number, orOlder: false)
            emit(.candidateRemoved)
        }
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
            emit(.nodeFailed(step, trouble))
        }
    }

    // MARK: Survey

    private func survey(_ order: Order, _ emit: Emit) async throws -> Survey {
        async let seen = cluster.survey()
        let addresses = try await nodes.list()
        let fence = Fence(release: order.number, isBack: false)
        let readings = await nodes.read(addresses, claiming: fence)
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
        return try await drain(old, on: addresses, bounds) { emit(.said($0)) }
    }

    /// Waits as a release would until nothing holds a colour on nodes that have just been moved away from it.
    func waitForDrain(of color: Color, on addresses: [String], rules: Rules) async throws {
        guard !addresses.isEmpty else { return }
        let now = clock.now
        _ = try await drain(
            color, on: addresses, (now + rules.drainLeast)...(now + max(rules.drainLeast, rules.drainMost))
        ) { _ in }
    }

    private func drain(
        _ old: Color,
        on addresses: [String],
        _ bounds: ClosedRange<Timestamp>,
        say: (Line) -> Void
    ) async throws -> DrainEvidence {
        while clock.now < bounds.lowerBound {
            try await clock.sleep(for: min(bounds.lowerBound - clock.now, .seconds(1)))
        }
        var progress = DrainProgress(color: old)
        while true {
            let open = await stillOpen(addresses, old)
            for line in progress.news(open, at: clock.now) { say(line) }
            if open.isEmpty || clock.now >= bounds.upperBound { return DrainEvidence(open: open) }
            try Task.checkCancellation()
            try await clock.sleep(for: pace.drainPoll)
        }
    }

    /// Nodes that hold the old colour still, and those that cannot be asked.
    private func stillOpen(_ addresses: [String], _ color: Color) async -> [DrainEvidence.Open] {
        await withTaskGroup(of: DrainEvidence.Open?.self) { group in
            for address in addresses {
                group.addTask { [nodes] in
                    let seen = try? await nodes.open(address, to: color)
                    let open = seen ?? DrainEvidence.Open(node: address, connections: -1, oldWorkers: -1)
                    return open.connections == 0 && open.oldWorkers == 0 ? nil : open
                }
            }
            return await group.reduce(into: []) { if let open = $1 { $0.append(open) } }.sorted { $0.node < $1.node }
        }
    }
}
