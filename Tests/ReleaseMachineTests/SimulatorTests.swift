import Foundation
import ReleaseMachine
import Simulator
import Testing

@Suite("The simulator: releases in a world that fails on purpose")
struct SimulatorTests {
    /// A seed from the environment is run alone: `script/simulate SEED` replays a failure.
    static var replayed: UInt64? { ProcessInfo.processInfo.environment["VIRIDIAN_SEED"].flatMap { UInt64($0) } }

    @Test("20,000 releases with faults break no rule, in under a minute")
    func manyReleases() {
        if let seed = Self.replayed {
            var simulation = Simulation(seed: seed, trace: { print($0) })
            let outcome = simulation.run(releases: 4)
            #expect(outcome.broken == nil)
            return
        }
        let started = ContinuousClock.now
        var states: [Release.State: Int] = [:]
        var crashes = 0
        var seed: UInt64 = 1
        while states.values.reduce(0, +) < 20_000 {
            var simulation = Simulation(seed: seed)
            let outcome = simulation.run(releases: 4)
            if let broken = outcome.broken {
                Issue.record("\(broken): replay with script/simulate \(seed)")
                return
            }
            for state in outcome.releases { states[state, default: 0] += 1 }
            crashes += outcome.crashes
            seed += 1
        }
        let took = ContinuousClock.now - started
        print("simulated \(states.values.reduce(0, +)) releases in \(took): \(states), \(crashes) crashes")
        #expect(took < .seconds(60))
        // A world in which everything fails, or nothing, would prove nothing.
        for state in [Release.State.live, .failed, .aborted, .rolledBack] { #expect(states[state, default: 0] > 200) }
        #expect(crashes > 5000)
    }

    @Test("a rule that is broken on purpose is caught", arguments: Sabotage.allCases)
    func sabotage(_ sabotage: Sabotage) {
        let caught = (1...400).lazy.compactMap { seed -> String? in
            var simulation = Simulation(seed: UInt64(seed), plan: sabotage.plan)
            return simulation.run(releases: 4).broken
        }.first
        #expect(caught?.hasPrefix(sabotage.expected) == true, "\(caught ?? "nothing was noticed")")
    }

    /// Engines with one mistake each.
    enum Sabotage: CaseIterable {
        case switchesWhileStaging
        case removesOldWhileDraining
        case removesCandidateBeforeReverting
        case goesOnAfterAbort

        func plan(_ release: Release) -> Set<Effect> {
            switch self {
            case .switchesWhileStaging where release.phase == .staging && !release.isBackingOut:
                release.effects.union(release.nodes.map { .switchNode(node: $0.address) })
            case .removesOldWhileDraining where release.phase == .draining && !release.isBackingOut:
                release.effects.union([.removeOld])
            case .removesCandidateBeforeReverting where release.isBackingOut && release.hasMovedTraffic:
                [.removeCandidate]
            case .goesOnAfterAbort where release.isBackingOut && release.phase == .switching:
                Set(release.nodes.map { .switchNode(node: $0.address) })
            default: release.effects
            }
        }

        var expected: String {
            switch self {
            case .switchesWhileStaging: "rule 2"
            case .removesOldWhileDraining, .removesCandidateBeforeReverting: "rule 3"
            case .goesOnAfterAbort: "rule 1"
            }
        }
    }
}
