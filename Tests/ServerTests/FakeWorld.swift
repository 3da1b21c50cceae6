import Controller
import ReleaseMachine

/// An in-memory cluster and nodes for any number of apps, controlled by a test.
actor FakeWorld {
    struct Workload: Sendable, Hashable {
        var version: String
        var release: Int?
        var replicas: Int
        var ready: Int
    }

    struct AppState: Sendable {
        var workloads: [Color: Workload] = [:]
        var routes: [String: Color] = [:]
        var recorded: LiveVersion?
        var recordedBy: Int?
        var lastRelease = 0
        /// The newest event that the journal has acknowledged.
        var journal: JournalEnd?
        var unreadable: Refusal?
        var holder: String?
    }

    static let nodes = ["10.122.43.70", "10.122.41.136"]
    static let oldVersion = "20151018.090000"

    private var states: [String: AppState] = [:]
    /// API calls fail.
    private var isDown = false
    /// API calls are never answered.
    private(set) var isSilent = false
    /// Pods of these versions never become ready.
    private var broken: Set<String> = []
    /// Nodes that cannot be switched.
    private var frozen: Set<String> = []
    /// Blocks the switch of nodes.
    private var gate: Gate?
    /// Blocks the reading of nodes.
    private var readingGate: Gate?
    /// Blocks a process that asks for a lease, and whether it has asked.
    private var leaseGate: (process: String, gate: Gate)?
    private(set) var isAskingForLease = false
    private var reading = 0
    /// The highest number of apps whose nodes were read at once, and all reads in order.
    private(set) var mostReading = 0
    private(set) var read: [String] = []

    func state(_ app: String) -> AppState {
        if let state = states[app] { return state }
        var state = AppState()
        state.workloads[.blue] = Workload(version: FakeWorld.oldVersion, release: nil, replicas: 2, ready: 2)
        for node in FakeWorld.nodes { state.routes[node] = .blue }
        state.recorded = LiveVersion(color: .blue, version: FakeWorld.oldVersion)
        states[app] = state
        return state
    }

    private func change<Value>(_ app: String, _ edit: (inout AppState) throws -> Value) throws -> Value {
        if isDown { throw Down() }
        var state = state(app)
        defer { states[app] = state }
        return try edit(&state)
    }

    // MARK: Control

    func goDown() { isDown = true }
    func comeBack() { isDown = false }
    func fallSilent() { isSilent = true }
    func breakVersion(_ version: String) { broken.insert(version) }
    func route(_ node: String, of app: String, to color: Color) { _ = try? change(app) { $0.routes[node] = color } }
    /// Writes an invalid release number into the app's lease.
    func spoilLease(_ app: String) { _ = try? change(app) { $0.unreadable = Refusal("no number of a release") } }
    func freeze(_ node: String) { frozen.insert(node) }
    func holdSwitches(at gate: Gate?) { self.gate = gate }
    func holdReading(at gate: Gate?) { readingGate = gate }
    func holdLeases(of process: String, at gate: Gate) { leaseGate = (process, gate) }
    func hold(_ app: String, by other: String?) { _ = try? change(app) { $0.holder = other } }

    // MARK: The lease

    func acquire(_ app: String, _ me: String) async throws -> LeaseTerm {
        if let leaseGate, leaseGate.process == me {
            isAskingForLease = true
            await leaseGate.gate.pass()
        }
        return try change(app) { state in
            if let holder = state.holder { throw LeaseHeld(app: app, holder: holder, release: nil) }
            state.holder = me
            var term = LeaseTerm(
                lastRelease: state.lastRelease, duration: .seconds(3600), unreadable: state.unreadable)
            term.journal = state.journal
            return term
        }
    }

    func renew(_ app: String, _ me: String) throws {
        try change(app) { if $0.holder != me { throw LeaseLost(holder: $0.holder) } }
    }

    func release(_ app: String, _ me: String) {
        if states[app]?.holder == me { states[app]?.holder = nil }
    }

    func note(_ app: String, _ number: Int) throws { try change(app) { $0.lastRelease = number } }

    func journalHas(_ app: String, _ end: JournalEnd) { states[app]?.journal = end }

    // MARK: The cluster

    func survey(_ app: String) throws -> ClusterSurvey {
        try change(app) { state in
            ClusterSurvey(
                recorded: state.recorded,
                recordedBy: state.recordedBy,
                workloads: state.workloads.mapValues {
                    .init(
                        version: $0.version, image: "registry.local:5000/\(app):\($0.version)", replicas: $0.replicas,
                        ready: $0.ready, release: $0.release)
                }
            )
        }
    }

    func create(_ order: Order, _ survey: Survey) throws {
        try change(order.app) { state in
            guard state.workloads[survey.candidate]?.release != order.number else { return }
            state.workloads[survey.candidate] = Workload(
                version: order.version, release: order.number, replicas: survey.replicas, ready: 0)
        }
    }

    func observe(_ app: String, _ color: Color, desired: Int) throws -> PodsObservation {
        let broken = broken
        return try change(app) { state in
            let isBroken = state.workloads[color].map { broken.contains($0.version) } ?? true
            if !isBroken { state.workloads[color]?.ready = desired }
            let ready = state.workloads[color]?.ready ?? 0
            let pods = (0..<desired).map {
                PodSummary(
                    name: "\(app)-\(color)-\($0)", isReady: $0 < ready,
                    reason: $0 < ready ? nil : "running, not ready yet")
            }
            let report = PodsReport(ready: ready, desired: desired, pods: pods)
            if isBroken {
                return PodsObservation(
                    report: report,
                    verdict: .failed("\(app) crashes", details: ["<script>alert(1)</script>", "\u{1b}[2J"]))
            }
            return PodsObservation(report: report, verdict: ready == desired ? .ready : .waiting)
        }
    }

    func record(_ live: LiveVersion, _ order: Order) throws {
        try change(order.app) { ($0.recorded, $0.recordedBy) = (live, order.number) }
    }

    func remove(_ app: String, _ color: Color, _ number: Int, orOlder: Bool) throws {
        try change(app) { state in
            guard let made = state.workloads[color]?.release ?? (orOlder ? 0 : nil) else { return }
            guard made == number || orOlder && made <= number else { return }
            state.workloads[color] = nil
        }
    }

    // MARK: The nodes

    func read(_ app: String, _ addresses: [String]) async -> [NodeReading] {
        reading += 1
        mostReading = max(mostReading, reading)
        read.append(app)
        if let readingGate { await readingGate.pass() }
        reading -= 1
        let state = state(app)
        return addresses.map { NodeReading(node: $0, color: state.routes[$0], isNew: state.routes[$0] == nil) }
    }

    func move(_ node: String, of app: String, to color: Color) async throws {
        if let gate { await gate.pass() }
        if frozen.contains(node) { throw NodeProblem(node: node, isUnreachable: true, message: "timed out") }
        _ = try change(app) { $0.routes[node] = color }
    }
}

struct Down: Error, CustomStringConvertible {
    var description: String { "the API does not answer" }
}

/// Blocks callers of `pass` until it is opened.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func pass() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

struct FakeCluster: Cluster {
    let world: FakeWorld
    let app: String
    let me: String

    func acquireLease() async throws -> LeaseTerm { try await world.acquire(app, me) }
    func renewLease() async throws { try await world.renew(app, me) }
    func releaseLease() async { await world.release(app, me) }
    func note(release number: Int) async throws { try await world.note(app, number) }
    func journalHas(_ end: JournalEnd) async { await world.journalHas(app, end) }
    func recordJournal() async throws {}
    func survey() async throws -> ClusterSurvey {
        if await world.isSilent { try await Task.sleep(for: .seconds(3600)) }
        return try await world.survey(app)
    }
    func createCandidate(_ order: Order, _ survey: Survey, report: @escaping @Sendable (CreationProgress) -> Void)
        async throws
    { try await world.create(order, survey) }

    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error> {
        AsyncThrowingStream { [world, app] in try await world.observe(app, color, desired: desired) }
    }

    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize {
        CandidateSize(replicas: survey.replicas)
    }

    func recordLive(_ live: LiveVersion, by order: Order) async throws { try await world.record(live, order) }
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int {
        try await world.remove(app, color, number, orOlder: orOlder)
        return 0
    }
}

struct FakeNodes: Nodes {
    let world: FakeWorld
    let app: String

    func list() async throws -> [String] { FakeWorld.nodes }
    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading] { await world.read(app, addresses) }
    func stage(_ node: String, _ order: Order, _ survey: Survey, log: @escaping @Sendable (LogMessage) async -> Void)
        async throws
    {
        await log(LogMessage(source: node, "staging <b>\(order.version)</b>"))
    }
    func route(_ node: String, to color: Color, fence: Fence) async throws {
        try await world.move(node, of: app, to: color)
    }
    func openConnections(_ node: String, to color: Color) async throws -> DrainEvidence.Open {
        DrainEvidence.Open(node: node, connections: 0, oldWorkers: 0)
    }
}
