import Foundation
import ReleaseMachine
import Simulator
import Testing

@Suite("The simulator: releases in a world that fails on purpose")
struct SimulatorTests {
    /// Four releases for each seed.
    static let seeds = 1...UInt64(5000)

    @Test("20,000 releases with faults break no rule, in minutes", .timeLimit(.minutes(10)))
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
            Issue.record("\(broken.rule): replay with script/simulate \(broken.seed)")
            return
        }
        let took = ContinuousClock.now - started
        let count = all.states.values.reduce(0, +)
        print("simulated \(count) releases in \(took): \(all.states), \(all.crashes) crashes")
        #expect(count == 20_000)
        // A world in which everything fails, or nothing does, would prove nothing.
        for state in [Release.State.live, .failed, .aborted, .rolledBack] {
            #expect(all.states[state, default: 0] > 200)
        }
        #expect(all.crashes > 5000)
        #expect(all.approved > 200 && all.forced > 20, "\(all.approved) approved, \(all.forced) forced")
    }

    /// The results of some seeds.
    private struct Tally: Sendable {
        var states: [Release.State: Int] = [:]
        var crashes = 0
        var approved = 0
        var forced = 0
        /// The violation of the lowest seed that broke a rule, whichever task found one first.
        var broken: (rule: String, seed: UInt64)?

        init() {}

        init(running seeds: ClosedRange<UInt64>) async {
            for seed in seeds {
                // Other tests need these threads too.
                await Task.yield()
                var simulation = Simulation(seed: seed)
                let outcome = simulation.run(releases: 4)
                if let rule = outcome.broken {
                    broken = (rule, seed)
                    return
                }
                for state in outcome.releases { states[state, default: 0] += 1 }
                crashes += outcome.crashes
                approved += outcome.approved
                forced += outcome.forced
            }
        }

        mutating func add(_ other: Tally) {
            states.merge(other.states, uniquingKeysWith: +)
            crashes += other.crashes
            approved += other.approved
            forced += other.forced
            if let found = other.broken, found.seed < broken?.seed ?? .max { broken = found }
        }
    }

    @Test("a rule that is broken on purpose is caught", arguments: Sabotage.allCases)
    func sabotage(_ sabotage: Sabotage) {
        let caught = (1...400).lazy.compactMap { seed -> String? in
            var simulation = Simulation(seed: UInt64(seed), plan: sabotage.plan)
            return simulation.run(releases: 4).broken
        }.first
        #expect(sabotage.expected.contains { caught?.contains($0) == true }, "\(caught ?? "no violation was reported")")
    }

    /// Engines with one mistake each.
    enum Sabotage: CaseIterable {
        case switchesWhileStaging
        case switchesAllAtOnce
        case removesOldWhileDraining
        case removesCandidateBeforeReverting
        case continuesAfterAbort
        case switchesUnapproved

        func plan(_ release: Release) -> Set<Effect> {
            switch self {
            case .switchesWhileStaging where release.phase == .staging && !release.isBackingOut:
                release.effects.union(release.nodes.map { .switchNode(node: $0.address) })
            case .switchesAllAtOnce where release.phase == .switching && !release.isBackingOut:
                release.effects.contains(.confirmCandidate)
                    ? release.effects
                    : release.effects.union(
                        release.nodes.filter { $0.state == .staged }.map { .switchNode(node: $0.address) })
            case .removesOldWhileDraining where release.phase == .draining && !release.isBackingOut:
                release.effects.union([.removeOld])
            case .removesCandidateBeforeReverting where release.isBackingOut && release.hasMovedTraffic:
                [.removeCandidate]
            case .continuesAfterAbort where release.isBackingOut && release.hasMovedTraffic:
                release.effects.union(
                    release.nodes.filter { $0.state == .staged }.map { .switchNode(node: $0.address) })
            case .switchesUnapproved where release.state == .paused && release.needsApprovals:
                [.confirmCandidate]
            default: release.effects
            }
        }

        /// The violations that the world may report for it, whichever comes first.
        var expected: [String] {
            switch self {
            case .switchesWhileStaging: ["rule 2", "the canary"]
            case .switchesAllAtOnce: ["the canary"]
            case .switchesUnapproved: ["approvals"]
            case .removesOldWhileDraining, .removesCandidateBeforeReverting: ["rule 3"]
            case .continuesAfterAbort:
                ["rule 1", "rule 3", "the canary", "was left on the colour of the aborted release"]
            }
        }
    }
}
