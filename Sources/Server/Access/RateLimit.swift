import NIOConcurrencyHelpers

/// What one address, token or person may do in a minute before the rest is refused.
package struct RateLimits: Sendable, Hashable {
    /// Requests of one address with a bad token, or with another credential that is wrong.
    var badTokens = 20
    /// Commands that one token has no rights to, or what one person in Slack has none to: those that are in the audit log.
    var refusedCommands = 20
    /// Requests of one person in Slack.
    var slackRequests = 30
    var window: Duration = .seconds(60)
}

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
    private let now: @Sendable () -> ContinuousClock.Instant
    private let counts = NIOLockedValueBox<[String: Count]>([:])

    /// Measured by a clock that nobody sets, or by `now`.
    init(most: Int, within window: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.most = most
        self.window = window
        self.now = now
    }

    /// Counts an event.
    /// - Returns: `nil` up to the limit.
    package func count(_ key: String) -> Excess? {
        let now = now()
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
