import Synchronization

/// One process of a simulation. A killed one does nothing any more: its calls fail, and what was under way may arrive all the same.
final class SimulatedProcess: Sendable {
    /// What a killed process would not notice.
    struct Killed: Error {}

    let name: String
    private let killed = Mutex(false)

    init(_ name: String) {
        self.name = name
    }

    var isKilled: Bool { killed.withLock { $0 } }

    func kill() { killed.withLock { $0 = true } }

    func check() throws { if isKilled { throw Killed() } }
}
