import Controller
import ReleaseMachine
import Testing

/// A cluster and two nodes in memory. They do what is requested, unless a test has scripted something else, and record when no colour
/// carries the traffic.
actor World {
    struct Workload: Sendable, Hashable {
        var version: String
        var release: Int?
        var replicas = 2
        var ready: Int
    }

    enum Pods: Sendable { case becomeReady, stayUnready, crash }

    static let nodes = ["10.122.43.70", "10.122.41.136"]
    static let oldVersion = "20151018.090000"

    private(set) var workloads: [Color: Workload] = [:]
    private(set) var routes: [String: Color] = [:]
    private(set) var recorded: LiveVersion?
    private(set) var recordedBy: Int?
    private(set) var lastRelease = 0
    private var unreadableLease: Refusal?
    /// What the journal has acknowledged to the lease's holder, and what of it stands in the lease.
    private var journal: JournalEnd?
    private(set) var journalInLease: JournalEnd?
    private(set) var holder: String?
    private(set) var claims: [String: Int] = [:]
    /// Names of calls, in the order in which they came.
    private(set) var calls: [String] = []
    /// Violations of the design's rules.
    private(set) var violations: [String] = []

    var pods = Pods.becomeReady
    /// Thrown by the next calls of that name, one by one.
    private var failures: [String: [any Error & Sendable]] = [:]
    /// Thrown by every call of that name.
    private var stubborn: [String: any Error & Sendable] = [:]
    private(set) var hanging: Set<String> = []
    /// Calls of that name wait here until the gate opens.
    private var gates: [String: Gate] = [:]

    private var creationProgress: [CreationProgress] = []
    private var podsLeft = 0
    private var gone: Set<String> = []

    private var holds: [String: [DrainEvidence.Open]] = [:]

    /// An app that is live on blue.
    init(isLive: Bool = true) {
        guard isLive else { return }
        workloads[.blue] = Workload(version: World.oldVersion, release: nil, ready: 2)
        for node in World.nodes { routes[node] = .blue }
        recorded = LiveVersion(color: .blue, version: World.oldVersion)
    }

    // MARK: The script

    func set(pods: Pods) { self.pods = pods }
    func fail(_ call: String, with errors: [any Error & Sendable]) { failures[call, default: []] += errors }
    func failAlways(_ call: String, with error: any Error & Sendable) { stubborn[call] = error }
    /// The machine is removed: it does not answer, and the inventory no longer lists it.
    func takeAway(_ node: String) {
        gone.insert(node)
        routes[node] = nil
    }
    func repair(_ call: String) { stubborn[call] = nil }
    func setLastRelease(_ number: Int, unreadable: Refusal? = nil) {
        (lastRelease, unreadableLease) = (number, unreadable)
    }
    func hang(_ call: String) { hanging.insert(call) }
    func hold(_ call: String, at gate: Gate) { gates[call] = gate }
    /// The node's next answers about the old colour; then nothing is open to it.
    func hold(open: [DrainEvidence.Open]) {
        for answer in open { holds[answer.node, default: []].append(answer) }
    }
    /// Reported by every creation before it does anything.
    func set(creationProgress: [CreationProgress]) { self.creationProgress = creationProgress }
    /// How many pods are still terminating when a workload has been deleted.
    func set(podsLeft: Int) { self.podsLeft = podsLeft }
    func steal(by other: String) { holder = other }
    func route(_ node: String, to color: Color) { routes[node] = color }
    func forgetRecord() { (recorded, recordedBy) = (nil, nil) }
    func setWorkload(_ color: Color, _ workload: Workload?) { workloads[color] = workload }

    private func enter(_ call: String) async throws {
        calls.append(call)
        let name = String(call.prefix { $0 != " " })
        if let gate = gates[call] ?? gates[name] { await gate.pass() }
        for key in [call, name] where failures[key]?.isEmpty == false {
            if let error = failures[key]?.removeFirst() { throw error }
        }
        if let error = stubborn[call] ?? stubborn[name] { throw error }
        if let node = gone.first(where: { call.contains(" \($0)") }) {
            throw NodeProblem(node: node, isUnreachable: true, message: "timed out")
        }
    }

    private func check() {
        if !workloads.isEmpty || recorded != nil, !workloads.values.contains(where: { $0.ready > 0 }) {
            violations.append("neither colour has a ready pod")
        }
        for (node, color) in routes where recorded != nil && (workloads[color]?.ready ?? 0) == 0 {
            violations.append("\(node) routes to \(color), which has no ready pod")
        }
    }

    // MARK: The lease

    func acquire(_ me: String) async throws -> LeaseTerm {
        try await enter("acquire")
        if let holder, holder != me { throw LeaseHeld(app: "blog", holder: holder, release: nil) }
        if holder == me { throw LeaseHeld(app: "blog", holder: me, release: nil) }
        holder = me
        journal = nil
        var term = LeaseTerm(lastRelease: lastRelease, duration: .seconds(12), unreadable: unreadableLease)
        term.journal = journalInLease
        return term
    }

    func journalHas(_ end: JournalEnd, _ me: String) { if holder == me { journal = end } }

    /// As in the backend: no call when it stands there already, and it goes with every write.
    func recordJournal(_ me: String) async throws {
        guard let journal, journal != journalInLease else { return }
        try await enter("journal")
        guard holder == me else { throw LeaseLost(holder: holder) }
        writeLease()
    }

    private func writeLease() { journalInLease = journal ?? journalInLease }
    func setJournalInLease(_ end: JournalEnd?) { journalInLease = end }

    func renew(_ me: String) async throws {
        try await enter("renew")
        guard holder == me else { throw LeaseLost(holder: holder) }
        writeLease()
    }

    func release(_ me: String, wasCancelled: Bool) {
        calls.append(wasCancelled ? "release when cancelled" : "release")
        guard holder == me else { return }
        writeLease()
        holder = nil
    }

    /// The process died without releasing its lease, and its death is known.
    func die(_ me: String) { if holder == me { holder = nil } }

    func note(_ number: Int, _ me: String) async throws {
        try await enter("note \(number)")
        guard holder == me else { throw LeaseLost(holder: holder) }
        writeLease()
        lastRelease = number
    }

    // MARK: The cluster

    func survey() async throws -> ClusterSurvey {
        try await enter("survey")
        return ClusterSurvey(
            recorded: recorded,
            recordedBy: recordedBy,
            workloads: workloads.mapValues {
                .init(
                    version: $0.version, image: "registry.local:5000/blog:\($0.version)", replicas: $0.replicas,
                    ready: $0.ready, release: $0.release)
            },
            journal: journalInLease
        )
    }

    func create(_ order: Order, _ survey: Survey, _ report: (CreationProgress) -> Void) async throws {
        for progress in creationProgress { report(progress) }
        try await enter("create")
        if workloads[survey.candidate]?.release == order.number { return }
        if routes.values.contains(survey.candidate), survey.live != nil {
            violations.append("replaced a colour with traffic")
        }
        workloads[survey.candidate] = Workload(
            version: order.version, release: order.number, replicas: survey.replicas, ready: 0)
    }

    func observation(_ color: Color, desired: Int) async throws -> PodsObservation? {
        try await enter("pods")
        guard let workload = workloads[color] else { return nil }
        switch pods {
        case .becomeReady: workloads[color]?.ready = min(desired, workload.ready + 1)
        case .stayUnready, .crash: break
        }
        let ready = workloads[color]?.ready ?? 0
        let report = PodsReport(
            ready: ready,
            desired: desired,
            pods: (0..<desired).map {
                PodSummary(
                    name: "blog-\(color)-\($0)", isReady: $0 < ready,
                    reason: $0 < ready ? nil : "running, not ready yet")
            }
        )
        if pods == .crash {
            return PodsObservation(report: report, verdict: .failed("blog crashes", details: ["exit 1"]))
        }
        return PodsObservation(report: report, verdict: ready == desired ? .ready : .waiting)
    }

    /// Scales as the backend does: up to what the live colour has.
    func follow(_ order: Order, _ survey: Survey) async throws -> CandidateSize {
        try await enter("follow")
        let live = survey.live.flatMap { workloads[$0.color]?.replicas } ?? 0
        let replicas = max(survey.replicas, order.replicas == nil ? live : 0)
        workloads[survey.candidate]?.replicas = replicas
        return CandidateSize(replicas: replicas, notes: replicas > survey.replicas ? ["grew to \(replicas)"] : [])
    }

    func record(_ live: LiveVersion, _ order: Order, _ me: String) async throws {
        try await enter("record \(live.color)")
        guard holder == me else { throw LeaseLost(holder: holder) }
        writeLease()
        (recorded, recordedBy) = (live, order.number)
    }

    func remove(_ color: Color, _ number: Int, orOlder: Bool) async throws -> Int {
        try await enter("remove \(color)")
        guard let made = workloads[color]?.release ?? (orOlder ? 0 : nil) else { return 0 }
        guard made == number || orOlder && made <= number else { return 0 }
        workloads[color] = nil
        check()
        return podsLeft
    }

    // MARK: The nodes

    func list() async throws -> [String] {
        try await enter("list")
        return World.nodes.filter { !gone.contains($0) }
    }

    func read(_ addresses: [String], _ fence: Fence?) async -> [NodeReading] {
        calls.append("read")
        return addresses.map { node in
            if let fence { claims[node] = max(claims[node] ?? 0, fence.release * 2 + (fence.isBack ? 1 : 0)) }
            var reading = NodeReading(
                node: node, color: routes[node], isUnreachable: gone.contains(node), isNew: routes[node] == nil)
            reading.newestRelease = claims[node].map { $0 / 2 }
            return reading
        }
    }

    func claim(_ node: String, _ token: Int) { claims[node] = token }

    func prepare(_ node: String) async throws { try await enter("prepare \(node)") }

    func stage(_ node: String) async throws { try await enter("stage \(node)") }

    func route(_ node: String, to color: Color, _ fence: Fence) async throws {
        try await enter("route \(node) \(color)")
        let token = fence.release * 2 + (fence.isBack ? 1 : 0)
        guard token >= claims[node] ?? 0 else {
            throw NodeProblem(node: node, isUnreachable: false, message: "obeys a newer release")
        }
        claims[node] = token
        routes[node] = color
        check()
    }

    func open(_ node: String) async throws -> DrainEvidence.Open {
        try await enter("open \(node)")
        guard holds[node]?.isEmpty == false, let next = holds[node]?.removeFirst() else {
            return DrainEvidence.Open(node: node, connections: 0, oldWorkers: 0)
        }
        return next
    }
}

/// Suspends its callers until it is opened, and reports when one has arrived. With a clock, time stands still meanwhile: then the test
/// opens it.
actor Gate {
    private let clock: ManualClock?
    private var isOpen = false
    private var arrivals = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var watchers: [CheckedContinuation<Void, Never>] = []

    init(stopping clock: ManualClock? = nil) {
        self.clock = clock
    }

    func pass() async {
        arrivals += 1
        for watcher in watchers { watcher.resume() }
        watchers = []
        if isOpen { return }
        clock?.hold()
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for visitor in waiting {
            visitor.resume()
            clock?.letGo()
        }
        waiting = []
    }

    /// Returns when a caller has arrived.
    func arrival() async {
        if arrivals > 0 { return }
        await withCheckedContinuation { watchers.append($0) }
    }
}

/// The cluster as one process sees it: `me` is its name in the lease.
struct WorldCluster: Cluster {
    let world: World
    let me: String
    let clock: ManualClock

    func acquireLease() async throws -> LeaseTerm { try await world.acquire(me) }
    func renewLease() async throws {
        if await world.hanging.contains("renew") { try await clock.sleep(for: .seconds(86_400)) }
        try await world.renew(me)
    }
    func releaseLease() async { await world.release(me, wasCancelled: Task.isCancelled) }
    func note(release number: Int) async throws { try await world.note(number, me) }
    func journalHas(_ end: JournalEnd) async { await world.journalHas(end, me) }
    func recordJournal() async throws { try await world.recordJournal(me) }
    func survey() async throws -> ClusterSurvey { try await world.survey() }
    func createCandidate(_ order: Order, _ survey: Survey, report: @escaping @Sendable (CreationProgress) -> Void)
        async throws
    { try await world.create(order, survey, report) }

    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error> {
        AsyncThrowingStream { [world, clock] in
            try await clock.sleep(for: .milliseconds(100))
            return try await world.observation(color, desired: desired)
        }
    }

    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize {
        try await world.follow(order, survey)
    }

    func recordLive(_ live: LiveVersion, by order: Order) async throws { try await world.record(live, order, me) }
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int {
        try await world.remove(color, number, orOlder: orOlder)
    }
}

struct WorldNodes: Nodes {
    let world: World

    func list() async throws -> [String] { try await world.list() }
    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading] {
        await world.read(addresses, fence)
    }

    func lastRelease() async throws -> Int { await (world.claims.values.max() ?? 0) / 2 }

    func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws { try await world.prepare(node) }

    func stage(_ node: String, _ order: Order, _ survey: Survey, log: @escaping @Sendable (LogMessage) async -> Void)
        async throws
    {
        await log(LogMessage(source: node, "staging"))
        try await world.stage(node)
    }

    func route(_ node: String, to color: Color, fence: Fence) async throws {
        try await world.route(node, to: color, fence)
    }
    func openConnections(_ node: String, to color: Color) async throws -> DrainEvidence.Open {
        try await world.open(node)
    }
}
