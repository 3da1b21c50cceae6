import ReleaseMachine

/// The results of many simulations.
package struct SimulationTally: Sendable, CustomStringConvertible {
    package private(set) var releases = 0
    package private(set) var states: [Release.State: Int] = [:]
    package private(set) var failures = 0
    package private(set) var kills = 0
    package private(set) var resumed = 0
    package private(set) var refused = 0
    package private(set) var failovers = 0
    package private(set) var accepted = 0
    /// The violation of the lowest seed that broke a rule, whichever task found one first.
    package private(set) var broken: (rule: String, seed: UInt64)?

    package init() {}

    /// Runs two releases for each seed, until one breaks a rule.
    package init(running seeds: ClosedRange<UInt64>) async {
        for seed in seeds where broken == nil {
            add(await EngineSimulation(seed: seed).run(releases: 2), of: seed)
        }
    }

    package mutating func add(_ outcome: EngineSimulation.Outcome, of seed: UInt64) {
        if let rule = outcome.broken, seed < broken?.seed ?? .max { broken = (rule, seed) }
        releases += outcome.releases.count
        for state in outcome.releases { states[state, default: 0] += 1 }
        failures += outcome.failures
        kills += outcome.kills
        resumed += outcome.resumed
        refused += outcome.refused
        failovers += outcome.failovers
        accepted += outcome.accepted
    }

    package mutating func add(_ other: SimulationTally) {
        releases += other.releases
        states.merge(other.states, uniquingKeysWith: +)
        failures += other.failures
        kills += other.kills
        resumed += other.resumed
        refused += other.refused
        failovers += other.failovers
        accepted += other.accepted
        if let found = other.broken, found.seed < broken?.seed ?? .max { broken = found }
    }

    package var description: String {
        let ends = Release.State.allCases.compactMap { state in states[state].map { "\($0) \(state)" } }
        return "\(releases) releases (\(ends.joined(separator: ", "))), \(failures) unanswered calls of the journal, "
            + "\(kills) kills, \(resumed) resumed, \(refused) commands refused, \(failovers) times events lost, "
            + "\(accepted) of them told and accepted"
    }
}
