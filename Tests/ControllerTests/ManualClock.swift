import Controller
import Dispatch
import ReleaseMachine
import Synchronization

/// A clock that stands still while tasks run, and jumps to the next sleeper's time when all of them wait.
///
/// It is the executor of the tasks that use it, and runs them one after the other: it knows when all of them wait, and for time. No
/// test waits for real time: an hour passes as soon as no task can run.
final class ManualClock: ReleaseClock, TaskExecutor {
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

        var jobs: [UnownedJob] = []
        /// A thread is running jobs.
        var isWorking = false
        /// Bodies of `running` that have not returned.
        var bodies = 0
        /// Tasks that wait for something other than time: see `Gate`.
        var held = 0
    }

    private enum Step {
        case run(UnownedJob)
        case wake(CheckedContinuation<Void, any Error>)
        case rest
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
                if isCancelled { continuation.resume(throwing: CancellationError()) } else { work() }
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

    /// Advances time while `body` runs.
    func running<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        state.withLock { $0.bodies += 1 }
        defer { state.withLock { $0.bodies -= 1 } }
        return try await withTaskExecutorPreference(self) { try await body() }
    }

    /// Advances the clock without running anything, as if the machine had slept.
    func skip(_ length: Duration) { state.withLock { $0.now = $0.now + length } }

    /// Stops time until `letGo`: a task waits for the test, not for time.
    func hold() { state.withLock { $0.held += 1 } }

    func letGo() {
        state.withLock { $0.held -= 1 }
        work()
    }

    // MARK: Running jobs

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        work()
    }

    private func work() {
        let begins = state.withLock { state in
            defer { state.isWorking = true }
            return !state.isWorking
        }
        guard begins else { return }
        DispatchQueue.global().async { [self] in
            while true {
                switch nextStep() {
                case .run(let job): job.runSynchronously(on: asUnownedTaskExecutor())
                case .wake(let sleeper): sleeper.resume()
                case .rest: return
                }
            }
        }
    }

    private func nextStep() -> Step {
        state.withLock { state in
            if !state.jobs.isEmpty { return .run(state.jobs.removeFirst()) }
            let first = state.sleepers.min { ($0.value.until, $0.key) < ($1.value.until, $1.key) }
            guard state.bodies > 0, state.held == 0, let (number, sleeper) = first else {
                state.isWorking = false
                return .rest
            }
            state.sleepers[number] = nil
            state.now = max(state.now, sleeper.until)
            return .wake(sleeper.continuation)
        }
    }
}
