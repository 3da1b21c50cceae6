import Logging
import Synchronization

/// How many connections of Socket Mode are open, and what was last wrong with them.
package final class SocketModeStatus: Sendable {
    package struct Snapshot: Sendable, Hashable {
        /// Connections on which Slack sends requests now, replaced ones included.
        package var connections = 0
        /// Why there are fewer than there should be; `nil` when nothing is wrong.
        package var problem: String?

        package init(connections: Int = 0, problem: String? = nil) {
            self.connections = connections
            self.problem = problem
        }
    }

    private struct State {
        var snapshot = Snapshot()
        /// Problems that were logged since a connection was opened.
        var logged: Set<String> = []
    }

    private let state = Mutex(State())
    private let changed: @Sendable (Snapshot) -> Void

    /// `changed` is called after every change.
    package init(changed: @escaping @Sendable (Snapshot) -> Void = { _ in }) {
        self.changed = changed
    }

    package var snapshot: Snapshot { state.withLock { $0.snapshot } }

    /// - Returns: the problem that is over, for the log.
    func opened() -> String? {
        change { state in
            state.snapshot.connections += 1
            state.logged = []
            defer { state.snapshot.problem = nil }
            return state.snapshot.problem
        }
    }

    func closed() { change { $0.snapshot.connections -= 1 } }

    /// - Returns: how to log it: a problem that lasts is logged once, and it is worse when there is no other connection.
    func problem(_ end: SocketModeEnd) -> Logger.Level? {
        change { state in
            state.snapshot.problem = end.description
            guard state.logged.insert(end.description).inserted else { return nil }
            if end.kind == .refused { return .error }
            return state.snapshot.connections == 0 ? .warning : .info
        }
    }

    private func change<Result: Sendable>(_ body: @Sendable (inout State) -> Result) -> Result {
        let (result, snapshot) = state.withLock { state in
            let result = body(&state)
            return (result, state.snapshot)
        }
        changed(snapshot)
        return result
    }
}
