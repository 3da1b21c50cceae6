import NIOConcurrencyHelpers

/// A flag that is set once and that any number of tasks can wait for.
struct Latch: Sendable {
    private struct State {
        var isSet = false
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let state = NIOLockedValueBox(State())

    var isSet: Bool { state.withLockedValue { $0.isSet } }

    func set() {
        let waiters = state.withLockedValue { state in
            state.isSet = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Returns when it is set, or when the task is cancelled.
    func wait() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let isSet = state.withLockedValue { state in
            if !state.isSet { state.waiters.append(continuation) }
            return state.isSet
        }
        guard !isSet else { return }
        for await _ in stream {}
    }

    /// Waits at most this long.
    ///
    /// - Returns: whether it is set.
    @discardableResult
    func wait(atMost duration: Duration) async -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await wait() }
            group.addTask { try? await Task.sleep(for: duration) }
            await group.next()
            group.cancelAll()
        }
        return isSet
    }
}
