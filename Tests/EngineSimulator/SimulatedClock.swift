import Controller
import ReleaseMachine
import Synchronization

/// The clock of one simulation, and the executor of all its tasks: they run one after the other on the thread that called `run`, in the
/// same order for the same seed. Time stands still while a task can run, and then jumps to the next sleeper.
final class SimulatedClock: ReleaseClock, TaskExecutor {
    static let start = Timestamp(milliseconds: 1_445_783_643_000)

    /// What waits for its time.
    private enum Waiting {
        case sleeper(CheckedContinuation<Void, any Error>)
        case action(@Sendable () -> Void)
    }

    private struct Entry {
        var at: Timestamp
        var number: Int
        var waiting: Waiting
    }

    private struct State {
        var now = SimulatedClock.start
        var next = 0
        /// In the order of their times, the last one first.
        var entries: [Entry] = []
        var cancelled: Set<Int> = []
        var jobs: [UnownedJob] = []
        /// How many of `jobs` have been run.
        var done = 0

        mutating func insert(_ entry: Entry) {
            var range = entries.indices
            while !range.isEmpty {
                let middle = range.lowerBound + range.count / 2
                let isLater = (entries[middle].at, entries[middle].number) > (entry.at, entry.number)
                range = isLater ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
            }
            entries.insert(entry, at: range.lowerBound)
        }
    }

    private let state = Mutex(State())

    var now: Timestamp { state.withLock { $0.now } }

    func sleep(for length: Duration) async throws {
        let number = nextNumber()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return true }
                    state.insert(
                        Entry(
                            at: state.now + max(length, .zero), number: number, waiting: .sleeper(continuation)))
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper: CheckedContinuation<Void, any Error>? = state.withLock { state in
                guard let index = state.entries.firstIndex(where: { $0.number == number }),
                    case .sleeper(let continuation) = state.entries[index].waiting
                else {
                    state.cancelled.insert(number)
                    return nil
                }
                state.entries.remove(at: index)
                return continuation
            }
            sleeper?.resume(throwing: CancellationError())
        }
    }

    /// Does something later, whatever becomes of the task that asks for it.
    func schedule(after length: Duration, _ action: @escaping @Sendable () -> Void) {
        let number = nextNumber()
        state.withLock { state in
            state.insert(Entry(at: state.now + length, number: number, waiting: .action(action)))
        }
    }

    private func nextNumber() -> Int {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    // MARK: Running

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    /// Runs the body on this thread until it returns.
    /// - Returns: `nil` when it never will: everything waits, and nothing for time; or it would take longer than `limit`.
    func run<T: Sendable>(limit: Duration, _ body: @escaping @Sendable () async -> T) -> T? {
        let result = Mutex<T?>(nil)
        let end = now + limit
        // Owned by this call: it runs on this thread only.
        _ = Task(executorPreference: self) {
            let value = await body()
            result.withLock { $0 = value }
        }
        while true {
            if let job = nextJob() {
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else if let value = result.withLock({ $0 }) {
                return value
            } else {
                guard now <= end, let next = state.withLock({ $0.entries.popLast() }) else { return nil }
                state.withLock { $0.now = max($0.now, next.at) }
                switch next.waiting {
                case .sleeper(let continuation): continuation.resume()
                case .action(let action): action()
                }
            }
        }
    }

    private func nextJob() -> UnownedJob? {
        state.withLock { state in
            guard state.done < state.jobs.count else {
                state.jobs.removeAll(keepingCapacity: true)
                state.done = 0
                return nil
            }
            defer { state.done += 1 }
            return state.jobs[state.done]
        }
    }
}
