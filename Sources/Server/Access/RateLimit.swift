import NIOConcurrencyHelpers

/// Counts events by key, such as an address, in windows of fixed length.
package final class RateLimit: Sendable {
    private struct Count: Sendable {
        var times: Int
        var until: ContinuousClock.Instant
    }

    package struct Excess: Sendable {
        /// The time until the window ends.
        package var wait: Duration
        /// Whether this is the first event above the limit in this window.
        package var isFirst: Bool
    }

    /// With more keys, those of past windows are removed, or all if there are none.
    private static let maximumKeys = 10_000

    private let most: Int
    private let window: Duration
    private let counts = NIOLockedValueBox<[String: Count]>([:])

    init(most: Int, within window: Duration) {
        self.most = most
        self.window = window
    }

    /// Counts an event.
    /// - Returns: `nil` up to the limit.
    package func count(_ key: String) -> Excess? {
        let now = ContinuousClock.now
        return counts.withLockedValue { counts in
            if counts.count >= RateLimit.maximumKeys {
                counts = counts.filter { $0.value.until > now }
                if counts.count >= RateLimit.maximumKeys { counts = [:] }
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
