/// How long the node waits before it tries again.
struct BackoffTimes: Sendable {
    var crash: Duration
    var mostCrash: Duration
    var pull: Duration
    var mostPull: Duration
}

/// A delay that doubles up to a limit.
struct Backoff {
    private let first: Duration
    private let most: Duration
    private var current: Duration

    init(_ first: Duration, most: Duration) {
        self.first = first
        self.most = most
        current = first
    }

    mutating func next() -> Duration {
        defer { current = min(current * 2, most) }
        return current
    }

    mutating func reset() { current = first }
}

extension Duration {
    /// As Go prints it: `10s`, `1m20s`, `500ms`.
    var text: String {
        let (seconds, attoseconds) = components
        if seconds == 0 { return "\(attoseconds / 1_000_000_000_000_000)ms" }
        return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
    }
}
