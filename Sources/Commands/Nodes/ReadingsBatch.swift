import Controller
import ReleaseMachine

/// The readings for verbs that look at many apps: whoever asks first for an app's nodes has them read for all apps, each node in one
/// conversation, and the others get what was read then.
struct ReadingsBatch: Sendable {
    private let readings: FleetReadings
    private let columns = MemoizedResult<String, [String: NodeReading]>()

    init(_ readings: FleetReadings) {
        self.readings = readings
    }

    func read(_ app: String, on addresses: [String]) async -> [NodeReading] {
        await withTaskGroup(of: (Int, NodeReading).self) { group in
            for (index, address) in addresses.enumerated() {
                group.addTask { (index, await read(app, on: address)) }
            }
            return await group.reduce(into: [(Int, NodeReading)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func read(_ app: String, on node: String) async -> NodeReading {
        do {
            let column = try await columns.value(for: node) {
                let column = await readings.read(node, readings.apps)
                return Dictionary(zip(readings.apps, column)) { first, _ in first }
            }
            return column[app] ?? NodeReading(node: node, color: nil, message: "was not read for this app")
        } catch {
            return NodeReading(node: node, color: nil, isUnreachable: true, message: "\(error)")
        }
    }
}
