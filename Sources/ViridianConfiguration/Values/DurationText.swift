extension Duration {
    /// A whole number with its unit, `500ms`, `30s`, `10m` or `1h`, of at most a year.
    package init?(text: String) {
        let units: [(suffix: String, unit: Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)),
        ]
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.suffix) }),
            let count = Int(decimal: String(text.dropLast(suffix.count))),
            // Bounded before multiplying, which would otherwise overflow.
            (0...31_536_000_000).contains(count), unit * count <= .seconds(365 * 24 * 3600)
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
}
