import Controller
import ReleaseMachine
import Synchronization

extension SimulatedSite {
    func list(_ process: SimulatedProcess) async throws -> [String] {
        try await read(process) { $0.addresses }
    }

    func read(_ addresses: [String], _ fence: Fence?, _ process: SimulatedProcess) async
        -> [NodeReading]
    {
        let token = fence.map { $0.release * 2 + ($0.isBack ? 1 : 0) } ?? 0
        let readings = try? await read(process) { state in
            addresses.map { address in
                guard let node = state.nodes[address], node.isReachable else {
                    return NodeReading(node: address, color: nil, isUnreachable: true, message: "timed out")
                }
                state.nodes[address]?.fence = max(node.fence, token)
                var reading = NodeReading(node: address, color: node.route)
                reading.newestRelease = max(node.fence, token) / 2
                return reading
            }
        }
        return readings
            ?? addresses.map {
                NodeReading(node: $0, color: nil, isUnreachable: true, message: "timed out")
            }
    }

    func stage(_ node: String, _ order: Order, _ process: SimulatedProcess) async throws -> String {
        let isFull = dice.chance(1)
        return try await reach(node, .stage(node: node), order.number, process) { state in
            if isFull { throw NodeProblem(node: node, isUnreachable: false, message: "disk full") }
            state.lines += 1
            return "staging #\(state.lines)"
        }
    }

    func prepare(_ node: String, _ order: Order, _ process: SimulatedProcess) async throws {
        try await reach(node, .prepare(node: node), order.number, process) { _ in }
    }

    func route(_ node: String, to color: Color, _ fence: Fence, _ process: SimulatedProcess)
        async throws
    {
        let effect = fence.isBack ? Effect.revertNode(node: node) : .switchNode(node: node)
        let token = fence.release * 2 + (fence.isBack ? 1 : 0)
        try await reach(node, effect, fence.release, process) { [clock] state in
            guard token >= state.nodes[node]?.fence ?? 0 else {
                throw NodeProblem(node: node, isUnreachable: false, message: "a newer release was here")
            }
            state.nodes[node]?.fence = token
            if state.nodes[node]?.route != color { state.lastSwitch = clock.now }
            state.nodes[node]?.route = color
        }
    }

    func openConnections(_ node: String, _ process: SimulatedProcess) async throws
        -> DrainEvidence.Open
    {
        let count = dice.chance(30) ? 1 : 0
        return try await read(process) { state in
            guard state.nodes[node]?.isReachable == true else { throw TransientError() }
            return DrainEvidence.Open(node: node, connections: count, oldWorkers: 0)
        }
    }

    private func reach<T: Sendable>(
        _ node: String, _ effect: Effect, _ number: Int, _ process: SimulatedProcess,
        _ body: (inout State) throws -> T
    ) async throws -> T {
        do {
            return try await change(effect, of: number, by: process) { state in
                guard state.nodes[node]?.isReachable == true else { throw TransientError() }
                return try body(&state)
            }
        } catch is TransientError {
            throw NodeProblem(node: node, isUnreachable: true, message: "timed out")
        }
    }
}
