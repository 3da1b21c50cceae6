import Controller
import ReleaseMachine

/// The cluster as one process sees it.
struct ProcessCluster: Cluster {
    let site: SimulatedSite
    let process: SimulatedProcess
    let mistake: JournalMistake?

    func acquireLease() async throws -> LeaseTerm {
        var term = try await site.acquireLease(process)
        if mistake == .isNotCompared { term.journal = nil }
        return term
    }
    func renewLease() async throws { try await site.renewLease(process) }
    func releaseLease() async { site.releaseLease(process) }
    func note(release number: Int) async throws { try await site.note(release: number, process) }
    func journalHas(_ end: JournalEnd) async { site.journalHas(end, process) }
    func recordJournal() async throws { try await site.recordJournal(process) }
    func survey() async throws -> ClusterSurvey { try await site.survey(process) }

    func createCandidate(
        _ order: Order, _ survey: Survey, report: @escaping @Sendable (CreationProgress) -> Void
    )
        async throws
    {
        if site.dice.chance(10) {
            report(.waiting("pods of an earlier release are terminating", atMost: .seconds(5)))
        }
        try await site.createCandidate(order, survey, process)
    }

    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<
        PodsObservation, any Error
    > {
        AsyncThrowingStream { [site, process] in
            try await site.clock.sleep(for: site.dice.milliseconds(100..<900))
            return try await site.observation(color, order, desired: desired, process)
        }
    }

    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize {
        _ = try await site.survey(process)
        return CandidateSize(replicas: survey.replicas)
    }

    func recordLive(_ live: LiveVersion, by order: Order) async throws {
        try await site.recordLive(live, order, process)
    }

    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int {
        try await site.remove(color, madeBy: number, orOlder: orOlder, process)
    }
}

/// The nodes as one process sees them.
struct ProcessNodes: Nodes {
    let site: SimulatedSite
    let process: SimulatedProcess

    func list() async throws -> [String] { try await site.list(process) }

    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading] {
        await site.read(addresses, fence, process)
    }

    func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws {
        try await site.prepare(node, order, process)
    }

    func stage(
        _ node: String, _ order: Order, _ survey: Survey,
        log: @escaping @Sendable (LogMessage) async -> Void
    )
        async throws
    {
        await log(LogMessage(source: node, try await site.stage(node, order, process)))
    }

    func route(_ node: String, to color: Color, fence: Fence) async throws {
        try await site.route(node, to: color, fence, process)
    }

    func openConnections(_ node: String, to color: Color) async throws -> DrainEvidence.Open {
        try await site.openConnections(node, process)
    }
}
