import Journal
import Synchronization

/// What is in the way at this time. Transactions that waited for their turn while others failed are not all tried for as long themselves: the
/// last of a hundred would be told after minutes.
final class Outage: Sendable {
    private let newest = Mutex<(at: ContinuousClock.Instant, problem: String)?>(nil)

    /// What one has failed of since then, and none has succeeded after it.
    func problem(since time: ContinuousClock.Instant) -> String? {
        newest.withLock { $0.flatMap { $0.at > time ? $0.problem : nil } }
    }

    func note<Value>(_ result: Result<Value, JournalError>) {
        let problem: String? =
            switch result {
            case .success: nil
            case .failure(let error):
                switch error.kind {
                case .unreachable(let problem), .unknown(let problem): problem
                default: nil
                }
            }
        newest.withLock { $0 = problem.map { (.now, $0) } }
    }
}
