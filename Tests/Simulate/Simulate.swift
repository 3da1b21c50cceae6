import EngineSimulator
import Foundation
import Simulator

/// Replays seeds of the simulators: `simulate SEED`, `simulate engine SEED`; or runs many: `simulate engine 1-500`.
@main
struct Simulate {
    static func main() async {
        var arguments = CommandLine.arguments.dropFirst()
        let isEngine = arguments.first == "engine"
        if isEngine { arguments = arguments.dropFirst() }
        let bounds = (arguments.first ?? "").split(separator: "-").map { UInt64($0) }
        guard arguments.count == 1, let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last else {
            print("usage: simulate [engine] SEED|FIRST-LAST")
            exit(64)
        }
        let trace = first == last ? show : nil
        var broken: [String] = []
        var tally = SimulationTally()
        for seed in first...last {
            if isEngine {
                let outcome = await EngineSimulation(seed: seed, trace: trace).run(releases: 2)
                tally.add(outcome, of: seed)
                if let rule = outcome.broken { broken.append(rule) }
            } else {
                var simulation = Simulation(seed: seed, trace: trace ?? { _ in })
                if let rule = simulation.run(releases: 4).broken { broken.append(rule) }
            }
        }
        if isEngine { print(tally) }
        print(broken.isEmpty ? "no rule was broken" : broken.joined(separator: "\n"))
        exit(broken.isEmpty ? 0 : 1)
    }

    private static let show: @Sendable (String) -> Void = { line in print(line) }
}
