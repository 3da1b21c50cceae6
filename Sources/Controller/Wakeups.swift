import ReleaseMachine

extension Engine {
    /// Runs `body` with a stream that has an element when events of the app may have been appended, by whichever process, and at the latest
    /// after `interval`.
    func withWakeups<Value>(
        for app: String, every interval: Duration, _ body: (AsyncStream<Void>) async throws -> Value
    ) async throws -> Value {
        let (wakeups, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [journal] in for await _ in journal.changes(of: app) { continuation.yield() } }
            group.addTask { [clock] in
                while !Task.isCancelled {
                    try await clock.sleep(for: interval)
                    continuation.yield()
                }
            }
            defer { group.cancelAll() }
            return try await body(wakeups)
        }
    }
}
