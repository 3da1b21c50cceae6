/// Which requests are retried, and after what delay.
///
/// There are two kinds of failure. When the server cannot have acted (connection refused, status 429), every request is
/// retried. When it may have acted (connection lost, status 500 or 503), only requests whose method is in `methods` are.
package struct RetryPolicy: Sendable, Hashable {
    /// The highest number of attempts, the first one included.
    package var attempts: Int
    /// Methods that are retried although the server may already have acted on the request.
    package var methods: Set<String>
    /// Statuses after which a request with one of `methods` is retried.
    package var statuses: Set<Int>
    /// Statuses that mean that the server did not act, so that every method is retried.
    package var refusals: Set<Int>
    /// The delay before the second attempt; it doubles with each further attempt.
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

    /// The delay after attempt number `attempt`; nil: no further attempt.
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
        // TLS failures and invalid requests fail the same way again.
        guard methods.contains(method), error.kind == .closed else { return nil }
        return backOff(attempt: attempt)
    }

    /// Exponential back-off with jitter: between half of the step and the whole step.
    package func backOff(attempt: Int) -> Duration {
        let doublings = min(max(attempt - 1, 0), 16)
        let step = min(firstDelay * (1 << doublings), longestDelay)
        return step * Double.random(in: 0.5...1)
    }
}
