import NIOConcurrencyHelpers

/// Open event streams by access token. Their authentication is checked again at intervals, and when the token is revoked.
final class OpenStreams: Sendable {
    private struct State {
        var last = 0
        var streams: [Int: (token: String, recheck: AsyncStream<Void>.Continuation)] = [:]
    }

    private let state = NIOLockedValueBox(State())

    /// Checks the streams of a token now.
    func recheck(_ token: String) {
        let streams = state.withLockedValue { $0.streams.values.filter { $0.token == token } }
        for stream in streams { stream.recheck.yield() }
    }

    /// Runs `body`. Calls `end`, which has to end `body`, as soon as `isStillValid` returns false. It is called at every interval and by
    /// `recheck`.
    func whileValid(
        _ token: String,
        checkingEvery interval: Duration,
        isStillValid: @escaping @Sendable () async -> Bool,
        end: @escaping @Sendable () async -> Void,
        _ body: () async throws -> Void
    ) async throws {
        let (rechecks, recheck) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLockedValue { state in
            state.last += 1
            state.streams[state.last] = (token, recheck)
            return state.last
        }
        defer { state.withLockedValue { $0.streams[id] = nil } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: interval)) != nil { recheck.yield() }
            }
            group.addTask {
                for await _ in rechecks {
                    if await !isStillValid() { return await end() }
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }
}
