import NIOConcurrencyHelpers

/// Answers that go on for hours, by the token with which they were asked for: whoever revokes it asks each of them whether it may go on.
final class OpenStreams: Sendable {
    private struct State {
        var last = 0
        var streams: [Int: (token: String, ask: AsyncStream<Void>.Continuation)] = [:]
    }

    private let state = NIOLockedValueBox(State())

    /// Asks the streams of a token.
    func ask(_ token: String) {
        let asked = state.withLockedValue { $0.streams.values.filter { $0.token == token } }
        for stream in asked { stream.ask.yield() }
    }

    /// Runs `body`, and calls `end` as soon as `isStillIn` says no, which is asked every `interval` and when somebody says that the
    /// token is good no longer. `end` has to bring `body` to its end.
    func during(
        _ token: String,
        askingEvery interval: Duration,
        isStillIn: @escaping @Sendable () -> Bool,
        end: @escaping @Sendable () async -> Void,
        _ body: () async throws -> Void
    ) async throws {
        let (asks, ask) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLockedValue { state in
            state.last += 1
            state.streams[state.last] = (token, ask)
            return state.last
        }
        defer { state.withLockedValue { $0.streams[id] = nil } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: interval)) != nil { ask.yield() }
            }
            group.addTask {
                for await _ in asks where !isStillIn() { return await end() }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }
}
