import EngineSimulator
import Foundation
import ReleaseMachine
import Synchronization
import Testing

@Suite("The simulator: the engine on a journal that fails")
struct EngineSimulationTests {
    /// Two releases for each seed.
    static let seeds = 1...UInt64(2000)

    @Test(
        "4,000 releases on a journal that is slow, fails, loses answers and goes back break no rule, and all of them end"
    )
    func manyReleases() async {
        let started = ContinuousClock.now
        // Several ranges of seeds for each core, so that all cores finish at about the same time.
        let step = max(1, Self.seeds.count / (ProcessInfo.processInfo.activeProcessorCount * 8))
        let all = await withTaskGroup(of: SimulationTally.self) { group in
            for first in stride(from: Self.seeds.lowerBound, through: Self.seeds.upperBound, by: step) {
                let last = min(first + UInt64(step) - 1, Self.seeds.upperBound)
                group.addTask { await SimulationTally(running: first...last) }
            }
            return await group.reduce(into: SimulationTally()) { $0.add($1) }
        }
        if let broken = all.broken {
            Issue.record("\(broken.rule): replay with script/simulate engine \(broken.seed)")
            return
        }
        let took = ContinuousClock.now - started
        print("simulated in \(took): \(all)")
        #expect(all.releases >= Self.seeds.count * 2)
        // A journal in which everything fails, or nothing does, would prove nothing.
        for state in [Release.State.live, .superseded, .failed, .aborted, .rolledBack] {
            #expect(all.states[state, default: 0] > 20, "\(state)")
        }
        #expect(all.failures > 10_000 && all.kills > 1000 && all.resumed > 500 && all.refused > 100)
        #expect(all.failovers > 300 && all.accepted > 100)
    }

    @Test("the same seed gives the same events")
    func replay() async {
        for seed in UInt64(1)...5 {
            let (first, second) = (Lines(), Lines())
            _ = await EngineSimulation(seed: seed, trace: { first.add($0) }).run(releases: 2)
            _ = await EngineSimulation(seed: seed, trace: { second.add($0) }).run(releases: 2)
            #expect(first.all == second.all)
            #expect(first.all.count > 50)
        }
    }

    @Test("a mistake in the use of the journal is caught", arguments: JournalMistake.allCases)
    func mistake(_ mistake: JournalMistake) async {
        var caught: String?
        for seed in UInt64(1)...200 where caught == nil {
            caught = await EngineSimulation(seed: seed, mistake: mistake).run(releases: 2).broken
        }
        #expect(
            mistake.expected.contains { caught?.contains($0) == true },
            "\(caught ?? "nothing was reported")")
    }
}

/// Lines that a simulation prints.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    var all: [String] { lines.withLock { $0 } }
}
