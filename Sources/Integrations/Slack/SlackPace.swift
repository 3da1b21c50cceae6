import ReleaseMachine

/// Keeps the calls of a method below the rate that Slack allows, so that Slack rarely has to refuse one: a bucket of calls that is filled at
/// that rate.
///
/// Slack's limits: https://docs.slack.dev/apis/web-api/rate-limits
actor SlackPace {
    struct Rate: Sendable {
        /// How long after a call another one may follow on average.
        var interval: Duration
        /// How many may follow each other at once.
        var burst: Int

        /// About one message a second in a channel.
        static let posts = Rate(interval: .seconds(1), burst: 1)
        /// Tier 3: 50 a minute and more.
        static let updates = Rate(interval: .seconds(1), burst: 3)
    }

    private let rate: Rate
    private let now: @Sendable () -> Timestamp
    private let sleep: @Sendable (Duration) async throws -> Void
    /// When the bucket is full again, if no call is made until then.
    private var full = Timestamp(milliseconds: 0)

    init(
        _ rate: Rate, now: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.rate = rate
        self.now = now
        self.sleep = sleep
    }

    /// Returns when the call may be made. Calls get their turn in the order in which they ask.
    /// - Throws: `CancellationError`.
    func turn() async throws {
        let now = now()
        full = max(full, now) + rate.interval
        let wait = full - now - rate.interval * rate.burst
        if wait > .zero { try await sleep(wait) }
    }

    /// Slack refused a call: none is made before this time has passed.
    func rest(_ length: Duration) {
        full = max(full, now() + length + rate.interval * (rate.burst - 1))
    }
}
