import NIOConcurrencyHelpers

/// Counts what happens too often, for each address or caller.
package final class RateLimit: Sendable {
    private struct Count: Sendable {
        var times: Int
        var until: ContinuousClock.Instant
    }

    package struct Excess: Sendable {
        /// Until it is counted anew.
        package var wait: Duration
        /// Whether this is the first that is too many.
        package var isFirst: Bool
    }

    /// Beyond these, those whose time is over are forgotten; where none is, all are: there is an end to the memory too.
    private static let mostKeys = 10_000

    private let most: Int
    private let window: Duration
    private let counts = NIOLockedValueBox<[String: Count]>([:])

    init(most: Int, within window: Duration) {
        self.most = most
        self.window = window
    }

    /// Counts one more.
    /// - Returns: `nil` while there have not been too many.
    package func count(_ key: String) -> Excess? {
        let now = ContinuousClock.now
        return counts.withLockedValue { counts in
            if counts.count >= RateLimit.mostKeys {
                counts = counts.filter { $0.value.until > now }
                if counts.count >= RateLimit.mostKeys { counts = [:] }
            }
            var count = counts[key] ?? Count(times: 0, until: now + window)
            if count.until <= now { count = Count(times: 0, until: now + window) }
            count.times += 1
            counts[key] = count
            guard count.times > most else { return nil }
            return Excess(wait: count.until - now, isFirst: count.times == most + 1)
        }
    }
}
