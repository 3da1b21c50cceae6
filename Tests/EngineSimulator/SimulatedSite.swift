import Controller
import ReleaseMachine
import Synchronization

/// The cluster and the nodes of one app, as several processes use them. Calls take time, get lost, or lose their answers; a call of a
/// killed process that was under way may arrive all the same. The rules of the design are checked with every call.
final class SimulatedSite: Sendable {
    struct Workload: Sendable, Hashable {
        var version: String
        var release: Int
        var replicas: Int
        var ready: Int
        var isHopeless: Bool
    }

    struct Node {
        var route: Color?
        /// The highest fence that it has seen: twice the release, and one more on the way back.
        var fence = 0
        var isReachable = true
    }

    struct Lease {
        var holder: SimulatedProcess?
        var end = SimulatedClock.start
        var lastRelease = 0
        /// The newest event that the journal has acknowledged, as it stands in the lease, and to the holder.
        var journal: JournalEnd?
        var acknowledged: JournalEnd?

        /// What every write of the lease writes too.
        mutating func writeJournal() { journal = acknowledged ?? journal }
    }

    struct State {
        var nodes: [String: Node] = [:]
        var lease = Lease()
        var workloads: [Color: Workload] = [:]
        var recorded: LiveVersion?
        var recordedBy: Int?
        var lastSwitch = SimulatedClock.start
        var lines = 0
        /// How many calls of a hundred are lost, or lose their answer.
        var faults = 0
        var outages = Outages()

        var routes: [String: Color] { nodes.compactMapValues(\.route) }
        var addresses: [String] { nodes.keys.sorted() }
    }

    static let leaseDuration = Duration.seconds(12)

    let clock: SimulatedClock
    let dice: Dice
    let journal: SimulatedJournal
    let rules: BrokenRules
    private let trace: Trace
    let state: Mutex<State>

    /// An app that is live on blue.
    init(
        clock: SimulatedClock, dice: Dice, journal: SimulatedJournal, rules: BrokenRules,
        trace: Trace
    ) {
        self.trace = trace
        self.clock = clock
        self.dice = dice
        self.journal = journal
        self.rules = rules
        var state = State()
        for number in 1...(1 + dice.below(4)) { state.nodes["10.0.0.\(number)"] = Node(route: .blue) }
        state.workloads[.blue] = Workload(
            version: "v0", release: 0, replicas: 2, ready: 2, isHopeless: false)
        state.recorded = LiveVersion(color: .blue, version: "v0")
        self.state = Mutex(state)
    }

    /// The process that holds the app's lease; `nil` when it has expired, or its holder is dead.
    var holder: SimulatedProcess? {
        let lease = state.withLock { $0.lease }
        return clock.now < lease.end && lease.holder?.isKilled == false ? lease.holder : nil
    }

    var snapshot: State { state.withLock { $0 } }

    func set(faults: Int, outages: Outages) {
        state.withLock { ($0.faults, $0.outages) = (faults, outages) }
    }

    /// A node stops answering, or answers again.
    func disturb(recovers: Bool) {
        let index = dice.below(state.withLock { $0.nodes.count })
        state.withLock { state in
            if recovers {
                for address in state.addresses { state.nodes[address]?.isReachable = true }
            } else {
                state.nodes[state.addresses[index]]?.isReachable = false
            }
        }
    }

    /// What people repair after a release: every node answers, and routes to what is live.
    func repair() {
        state.withLock { state in
            for address in state.addresses {
                state.nodes[address]?.isReachable = true
                if let live = state.recorded?.color, state.workloads[live]?.ready ?? 0 > 0 {
                    state.nodes[address]?.route = live
                }
            }
        }
    }

    // MARK: - Calls

    /// A call that reads.
    func read<T: Sendable>(_ process: SimulatedProcess, _ body: (inout State) throws -> T)
        async throws -> T
    {
        try await call(process, body)
    }

    /// A call that changes something: for this effect of the release, which the journal has to name by then.
    func change<T: Sendable>(
        _ effect: Effect, of number: Int, by process: SimulatedProcess,
        _ body: (inout State) throws -> T
    ) async throws -> T {
        try process.check()
        trace("\(process.name) does \(effect) of \(number)")
        if !journal.hasNamed(effect, number) {
            rules.report(
                "the journal: \(effect) of \(number) is done before the event that asks for it is in the journal"
            )
        }
        if state.withLock({ $0.lease.holder !== process }) {
            rules.report("the lease: \(process.name) does \(effect) of \(number) without it")
        }
        return try await call(process, body)
    }

    private func call<T: Sendable>(_ process: SimulatedProcess, _ body: (inout State) throws -> T)
        async throws -> T
    {
        try process.check()
        let isOut = state.withLock { $0.outages.contain(clock.now) }
        let isLost = dice.chance(state.withLock { $0.faults })
        do {
            try await clock.sleep(for: dice.milliseconds(1..<(dice.chance(5) ? 3000 : 60)))
        } catch {
            if dice.chance(50), !isOut { _ = try? carryOut(body) }
            throw error
        }
        guard !isOut, !isLost else { throw TransientError() }
        let value = try carryOut(body)
        try process.check()
        guard !dice.chance(state.withLock { $0.faults }) else { throw TransientError() }
        return value
    }

    private func carryOut<T: Sendable>(_ body: (inout State) throws -> T) throws -> T {
        try state.withLock { state in
            defer { check(state) }
            return try body(&state)
        }
    }

    /// Rule 1: traffic never points at a colour with no ready pod.
    private func check(_ state: State) {
        for (node, color) in state.routes where state.workloads[color]?.ready ?? 0 == 0 {
            rules.report("rule 1: \(node) routes to \(color), which has no ready pod")
        }
    }
}

/// A call was lost, or its answer.
struct TransientError: Error, CustomStringConvertible {
    var description: String { "the API did not answer" }
}
