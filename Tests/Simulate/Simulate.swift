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
        var isBroken = false
        for seed in first...last {
            let trace = first == last ? show : nil
            let broken =
                isEngine
                ? await EngineSimulation(seed: seed, trace: trace).run(releases: 2).broken
                : machine(seed, trace ?? { _ in })
            if let broken {
                print(broken)
                isBroken = true
            } else if first == last {
                print("seed \(seed): no rule was broken")
            }
        }
        exit(isBroken ? 1 : 0)
    }

    private static let show: @Sendable (String) -> Void = { line in print(line) }

    private static func machine(_ seed: UInt64, _ trace: @escaping (String) -> Void) -> String? {
        var simulation = Simulation(seed: seed, trace: trace)
        return simulation.run(releases: 4).broken
    }
}
