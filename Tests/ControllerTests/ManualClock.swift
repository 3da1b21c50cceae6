import Controller
import ReleaseMachine
import Synchronization

/// A clock that stands still while there is work, and jumps to the next sleeper's time when there is none.
///
/// Nobody waits for real: an hour passes in the time that it takes to have nothing to do.
final class ManualClock: ReleaseClock {
    static let start = Timestamp(milliseconds: 1_445_783_643_000)

    private struct Sleeper {
        var until: Timestamp
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = ManualClock.start
        var nextSleeper = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    var now: Timestamp { state.withLock { $0.now } }

    func sleep(for length: Duration) async throws {
        let number = state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return true }
                    state.sleepers[number] = Sleeper(until: state.now + length, continuation: continuation)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Lets time pass while `body` runs.
    func running<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    // Everything that can go on does so before time does.
                    for _ in 0..<200 { await Task.yield() }
                    self.advance()
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    private func advance() {
        let sleeper = state.withLock { state -> Sleeper? in
            guard
                let (number, sleeper) = state.sleepers.min(by: { ($0.value.until, $0.key) < ($1.value.until, $1.key) })
            else { return nil }
            state.sleepers[number] = nil
            state.now = max(state.now, sleeper.until)
            return sleeper
        }
        sleeper?.continuation.resume()
    }
}
