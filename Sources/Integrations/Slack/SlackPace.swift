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

    /// The time since some moment, by a clock that nobody sets.
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void
    /// By method: when its bucket is full again, if no call is made until then.
    private var full: [Method: Duration] = [:]
    private var isSharedUntil = Duration.zero
    private var nextShared = Duration.zero

    private static let sharedInterval = Duration.seconds(1)
    private static let sharing = Duration.seconds(60)
    /// Nobody waits longer for a turn: meanwhile something more important may come.
    private static let longestWait = Duration.seconds(3)

    init(now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// Returns when the call may be made. Calls get their turn in the order in which they ask.
    /// - Throws: `DeliveryFailure` when the turn would be too late, `CancellationError`.
    func turn(_ method: Method) async throws {
        let now = now()
        let full = max(full[method] ?? now, now) + method.interval
        var start = max(now, full - method.interval * method.burst)
        if now < isSharedUntil { start = max(start, nextShared) }
        guard start - now <= Self.longestWait else {
            throw DeliveryFailure(.limited(after: start - now), "Slack has said that it takes no more for now")
        }
        self.full[method] = full
        if now < isSharedUntil { nextShared = start + Self.sharedInterval }
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
