/// When a call is sent again, and how long to wait before that.
///
/// Two kinds of failure are told apart. Where the server has certainly not acted (the connection was refused, or it
/// answered 429) every call may be sent again. Where it may have acted (a lost connection, 500, 503) only calls whose
/// method is in `methods` are.
package struct RetryPolicy: Sendable, Hashable {
    /// How often a call is sent at most, the first time included.
    package var attempts: Int
    /// Methods that may be sent again although the server may already have acted on them.
    package var methods: Set<String>
    /// Answers after which such a call is sent again.
    package var statuses: Set<Int>
    /// Answers by which the server says that it did not act, so that every method may be sent again.
    package var refusals: Set<Int>
    /// Back-off before the second attempt; it doubles with each further one.
    package var firstDelay: Duration
    package var longestDelay: Duration

    package init(
        attempts: Int,
        methods: Set<String> = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"],
        statuses: Set<Int> = [500, 502, 503, 504],
        refusals: Set<Int> = [429],
        firstDelay: Duration = .milliseconds(200),
        longestDelay: Duration = .seconds(5)
    ) {
        self.attempts = attempts
        self.methods = methods
        self.statuses = statuses
        self.refusals = refusals
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
    }

    package static let never = RetryPolicy(attempts: 1)
    package static let standard = RetryPolicy(attempts: 5)

    /// The wait before the attempt after number `attempt`, nil when the call has been tried often enough.
    func delay(after answer: HTTPConnection.Response, method: String, attempt: Int) -> Duration? {
        guard attempt < attempts else { return nil }
        guard refusals.contains(answer.status) || (methods.contains(method) && statuses.contains(answer.status)) else {
            return nil
        }
        return max(backOff(attempt: attempt), answer.retryAfter ?? .zero)
    }

    func delay(after error: TransportError, method: String, attempt: Int) -> Duration? {
        guard attempt < attempts else { return nil }
        if error.nothingWasSent { return backOff(attempt: attempt) }
        // TLS failures and everything about our own request do not heal by themselves.
        guard methods.contains(method), error.kind == .closed else { return nil }
        return backOff(attempt: attempt)
    }

    /// Exponential with jitter: between half of the step and the whole step, so that many callers spread out.
    package func backOff(attempt: Int) -> Duration {
        let doublings = min(max(attempt - 1, 0), 16)
        let step = min(firstDelay * (1 << doublings), longestDelay)
        return step * Double.random(in: 0.5...1)
    }
}
