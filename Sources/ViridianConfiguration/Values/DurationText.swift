extension Duration {
    /// A whole number with its unit, `500ms`, `30s`, `10m`, `1h` or `2d`, of at most a year, or of at most `limit`.
    package init?(text: String, atMost limit: Duration = .seconds(365 * 86_400)) {
        let units: [(suffix: String, unit: Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)),
            ("d", .seconds(86_400)),
        ]
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.suffix) }),
            let count = Int(decimal: String(text.dropLast(suffix.count))),
            // Bounded before multiplying, which would otherwise overflow.
            (0...1_000_000_000_000).contains(count), unit * count <= limit
        else { return nil }
        self = unit * count
    }

    /// The shortest text for this duration, rounded down to milliseconds.
    package var text: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1000
        if seconds == 0 || seconds % 60 != 0 { return "\(seconds)s" }
        return seconds % 3600 != 0 ? "\(seconds / 60)m" : "\(seconds / 3600)h"
    }

    /// How long a journal keeps what has ended: 90 days to ten years. For 90 days deliveries and repeated requests are remembered, which name
    /// the releases that they started, and statistics usually go no further back.
    package init?(keep text: String) {
        self.init(text: text, atMost: .seconds(3650 * 86_400))
        if self < .seconds(90 * 86_400) { return nil }
    }
}
