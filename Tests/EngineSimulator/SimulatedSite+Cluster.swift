import Controller
import ReleaseMachine
import Synchronization

// MARK: - The lease

extension SimulatedSite {
    func acquireLease(_ process: SimulatedProcess) async throws -> LeaseTerm {
        try await read(process) { [clock] state in
            if let holder = state.lease.holder, clock.now < state.lease.end {
                throw LeaseHeld(app: "blog", holder: holder.name, release: nil)
            }
            state.lease.holder = process
            state.lease.end = clock.now + Self.leaseDuration
            state.lease.acknowledged = nil
            var term = LeaseTerm(lastRelease: state.lease.lastRelease, duration: Self.leaseDuration)
            term.journal = state.lease.journal
            return term
        }
    }

    func journalHas(_ end: JournalEnd, _ process: SimulatedProcess) {
        guard !process.isKilled else { return }
        state.withLock { if $0.lease.holder === process { $0.lease.acknowledged = end } }
    }

    /// As in the backend: no call when it stands there already, and it goes with every write.
    func recordJournal(_ process: SimulatedProcess) async throws {
        guard let end = state.withLock({ $0.lease.acknowledged }), end != state.withLock({ $0.lease.journal }) else {
            return
        }
        try await read(process) { state in
            guard state.lease.holder === process else {
                throw LeaseLost(holder: state.lease.holder?.name)
            }
            state.lease.writeJournal()
        }
    }

    func renewLease(_ process: SimulatedProcess) async throws {
        try await read(process) { [clock] state in
            guard state.lease.holder === process else {
                throw LeaseLost(holder: state.lease.holder?.name)
            }
            state.lease.end = clock.now + Self.leaseDuration
            state.lease.writeJournal()
        }
    }

    func releaseLease(_ process: SimulatedProcess) {
        guard !process.isKilled else { return }
        state.withLock { state in
            guard state.lease.holder === process else { return }
            state.lease.writeJournal()
            state.lease.holder = nil
        }
    }

    func note(release number: Int, _ process: SimulatedProcess) async throws {
        try await read(process) { state in
            guard state.lease.holder === process else {
                throw LeaseLost(holder: state.lease.holder?.name)
            }
            state.lease.lastRelease = max(state.lease.lastRelease, number)
            state.lease.writeJournal()
        }
    }
}

// MARK: - The cluster

extension SimulatedSite {
    func survey(_ process: SimulatedProcess) async throws -> ClusterSurvey {
        try await read(process) { state in
            ClusterSurvey(
                recorded: state.recorded,
                recordedBy: state.recordedBy,
                workloads: state.workloads.mapValues {
                    .init(
                        version: $0.version, image: "registry.local:5000/blog:\($0.version)",
                        replicas: $0.replicas,
                        ready: $0.ready, release: $0.release)
                }
            )
        }
    }

    func createCandidate(_ order: Order, _ survey: Survey, _ process: SimulatedProcess) async throws {
        let isHopeless = dice.chance(6)
        try await change(.createCandidate, of: order.number, by: process) { [rules] state in
            if let present = state.workloads[survey.candidate] {
                if present.release == order.number { return }
                guard present.release < order.number else { throw TransientError() }
                if let node = state.routes.first(where: { $0.value == survey.candidate })?.key {
                    rules.report("rule 1: \(survey.candidate) is replaced while \(node) routes to it")
                }
            }
            state.workloads[survey.candidate] = Workload(
                version: order.version, release: order.number, replicas: survey.replicas, ready: 0,
                isHopeless: isHopeless)
        }
    }

    func observation(_ color: Color, _ order: Order, desired: Int, _ process: SimulatedProcess)
        async throws
        -> PodsObservation?
    {
        if !journal.hasNamed(.awaitPods, order.number) {
            rules.report("the journal: pods of \(order.number) are awaited before it asks for that")
        }
        let isLater = dice.chance(40)
        let hasCrashed = dice.chance(20)
        return try await read(process) { state in
            guard var workload = state.workloads[color] else { return nil }
            if !workload.isHopeless, !isLater { workload.ready = min(desired, workload.ready + 1) }
            state.workloads[color] = workload
            let report = PodsReport(
                ready: workload.ready,
                desired: desired,
                pods: (0..<desired).map { index in
                    PodSummary(
                        name: "blog-\(color)-\(index)", isReady: index < workload.ready,
                        reason: index < workload.ready ? nil : "running, not ready yet",
                        restarts: index >= workload.ready && hasCrashed ? 1 : 0)
                }
            )
            if workload.isHopeless, hasCrashed {
                return PodsObservation(
                    report: report, verdict: .failed("blog crashes", details: ["exit 1"]))
            }
            return PodsObservation(report: report, verdict: workload.ready >= desired ? .ready : .waiting)
        }
    }

    func recordLive(_ live: LiveVersion, _ order: Order, _ process: SimulatedProcess) async throws {
        // What a release has left over is recorded before the next one.
        let isLeftover =
            journal.release(order.number)?.leftovers.contains { $0.kind == .record } ?? false
        let record = { (state: inout State) in
            guard state.lease.holder === process else {
                throw LeaseLost(holder: state.lease.holder?.name)
            }
            state.lease.writeJournal()
            guard state.recordedBy ?? 0 <= order.number else { return }
            (state.recorded, state.recordedBy) = (live, order.number)
        }
        if isLeftover {
            try await read(process, record)
        } else {
            try await change(.recordLive(live.color), of: order.number, by: process, record)
        }
    }

    func remove(_ color: Color, madeBy number: Int, orOlder: Bool, _ process: SimulatedProcess)
        async throws -> Int
    {
        let effect = orOlder ? Effect.removeOld : .removeCandidate
        let least = journal.release(orOlder ? number + 1 : number)?.order.rules.drainLeast ?? .zero
        return try await change(effect, of: orOlder ? number + 1 : number, by: process) {
            [clock, rules] state in
            guard let workload = state.workloads[color] else { return 0 }
            guard workload.release == number || orOlder && workload.release <= number else { return 0 }
            if let node = state.routes.first(where: { $0.value == color })?.key {
                rules.report("rule 3: \(color) is deleted while \(node) routes to it")
            }
            if orOlder, clock.now < state.lastSwitch + least {
                rules.report("rule 3: \(color) is deleted before the drain is over")
            }
            state.workloads[color] = nil
            return 0
        }
    }
}
