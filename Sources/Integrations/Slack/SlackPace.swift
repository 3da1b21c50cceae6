import ReleaseMachine

/// Keeps calls below the rate that Slack allows, so that Slack rarely has to refuse one: a bucket of calls for each method, filled at that
/// rate (https://docs.slack.dev/apis/web-api/rate-limits).
///
/// Where Slack refuses a call nevertheless, it counts what these buckets do not know of, other programs with the same token or several
/// methods together: for a minute all methods share one rate.
actor SlackPace {
    enum Method: Sendable, Hashable {
        case post
        case update

        /// How many calls may follow each other at once, and how long after that another one may.
        fileprivate var burst: Int { self == .post ? 1 : 3 }
        fileprivate var interval: Duration { .seconds(1) }
    }

    private let now: @Sendable () -> Timestamp
    private let sleep: @Sendable (Duration) async throws -> Void
    /// By method: when its bucket is full again, if no call is made until then.
    private var full: [Method: Timestamp] = [:]
    private var isSharedUntil = Timestamp(milliseconds: 0)
    private var nextShared = Timestamp(milliseconds: 0)

    private static let sharedInterval = Duration.seconds(1)
    private static let sharing = Duration.seconds(60)

    init(now: @escaping @Sendable () -> Timestamp, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// Returns when the call may be made. Calls get their turn in the order in which they ask.
    /// - Throws: `CancellationError`.
    func turn(_ method: Method) async throws {
        let now = now()
        let full = max(full[method] ?? now, now) + method.interval
        self.full[method] = full
        var start = max(now, full + method.interval * -method.burst)
        if now < isSharedUntil {
            start = max(start, nextShared)
            nextShared = start + Self.sharedInterval
        }
        if start > now { try await sleep(start - now) }
    }

    /// Slack refused a call of this method: the next one is made after this time.
    func refuse(_ method: Method, for length: Duration) {
        let now = now()
        full[method] = max(full[method] ?? now, now + length + method.interval * (method.burst - 1))
        if now >= isSharedUntil { nextShared = now + Self.sharedInterval }
        isSharedUntil = now + Self.sharing
    }
}
