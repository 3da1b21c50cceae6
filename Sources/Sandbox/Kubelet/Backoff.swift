/// The kubelet's back-off delays and their limits.
struct BackoffTimes: Sendable {
    var crash: Duration
    var crashLimit: Duration
    var pull: Duration
    var pullLimit: Duration
}

/// A delay that doubles up to a limit.
struct Backoff {
    private let first: Duration
    private let limit: Duration
    private var current: Duration

    init(_ first: Duration, limit: Duration) {
        self.first = first
        self.limit = limit
        current = first
    }

    mutating func next() -> Duration {
        defer { current = min(current * 2, limit) }
        return current
    }

    mutating func reset() { current = first }
}

extension Duration {
    /// In Go's format: `10s`, `1m20s`, `500ms`.
    var text: String {
        let (seconds, attoseconds) = components
        if seconds == 0 { return "\(attoseconds / 1_000_000_000_000_000)ms" }
        return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
    }
}
