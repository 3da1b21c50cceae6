import EngineSimulator
import Simulator

/// Replays seeds of the simulators: `simulate SEED`, `simulate engine SEED`; or runs many: `simulate engine 1-500`.
@main
struct Simulate {
    static func main() async {
        var arguments = CommandLine.arguments.dropFirst()
        let isEngine = arguments.first == "engine"
        if isEngine { arguments = arguments.dropFirst() }
        let bounds = (arguments.first ?? "").split(separator: "-").compactMap { UInt64($0) }
        guard arguments.count == 1, let first = bounds.first, let last = bounds.last, first <= last else {
            print("usage: simulate [engine] SEED|FIRST-LAST")
            return
        }
        for seed in first...last {
            let trace = first == last ? show : nil
            let broken =
                isEngine
                ? await EngineSimulation(seed: seed, trace: trace).run(releases: 2).broken
                : machine(seed, trace ?? { _ in })
            if let broken { print(broken) } else if first == last { print("seed \(seed): no rule was broken") }
        }
    }

    private static let show: @Sendable (String) -> Void = { line in print(line) }

    private static func machine(_ seed: UInt64, _ trace: @escaping (String) -> Void) -> String? {
        var simulation = Simulation(seed: seed, trace: trace)
        return simulation.run(releases: 4).broken
    }
}
