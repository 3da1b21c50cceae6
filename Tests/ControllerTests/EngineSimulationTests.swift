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
        "4,000 releases on a journal that is slow, fails and loses answers break no rule, and all of them end"
    )
    func manyReleases() async {
        let started = ContinuousClock.now
        // Several ranges of seeds for each core, so that all cores finish at about the same time.
        let step = max(1, Self.seeds.count / (ProcessInfo.processInfo.activeProcessorCount * 8))
        let all = await withTaskGroup(of: Tally.self) { group in
            for first in stride(from: Self.seeds.lowerBound, through: Self.seeds.upperBound, by: step) {
                let last = min(first + UInt64(step) - 1, Self.seeds.upperBound)
                group.addTask { await Tally(running: first...last) }
            }
            return await group.reduce(into: Tally()) { $0.add($1) }
        }
        if let broken = all.broken {
            Issue.record("\(broken.rule): replay with script/simulate engine \(broken.seed)")
            return
        }
        let took = ContinuousClock.now - started
        print(
            "simulated \(all.releases) releases in \(took): \(all.states), \(all.failures) unanswered calls, "
                + "\(all.kills) kills, \(all.resumed) resumed, \(all.refused) commands refused")
        #expect(all.releases >= Self.seeds.count * 2)
        // A journal in which everything fails, or nothing does, would prove nothing.
        for state in [Release.State.live, .superseded, .failed, .aborted, .rolledBack] {
            #expect(all.states[state, default: 0] > 20, "\(state)")
        }
        #expect(all.failures > 10_000 && all.kills > 1000 && all.resumed > 500 && all.refused > 100)
    }

    /// The results of some seeds.
    private struct Tally: Sendable {
        var releases = 0
        var states: [Release.State: Int] = [:]
        var failures = 0
        var kills = 0
        var resumed = 0
        var refused = 0
        /// The violation of the lowest seed that broke a rule, whichever task found one first.
        var broken: (rule: String, seed: UInt64)?

        init() {}

        init(running seeds: ClosedRange<UInt64>) async {
            for seed in seeds {
                let outcome = await EngineSimulation(seed: seed).run(releases: 2)
                if let rule = outcome.broken {
                    broken = (rule, seed)
                    return
                }
                releases += outcome.releases.count
                for state in outcome.releases { states[state, default: 0] += 1 }
                failures += outcome.failures
                kills += outcome.kills
                resumed += outcome.resumed
                refused += outcome.refused
            }
        }

        mutating func add(_ other: Tally) {
            releases += other.releases
            states.merge(other.states, uniquingKeysWith: +)
            failures += other.failures
            kills += other.kills
            resumed += other.resumed
            refused += other.refused
            if let found = other.broken, found.seed < broken?.seed ?? .max { broken = found }
        }
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
