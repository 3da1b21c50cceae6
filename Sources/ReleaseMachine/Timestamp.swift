/// A point of wall-clock time, in milliseconds since 1970-01-01 UTC.
///
/// Deadlines are stored as points in time, not as durations: they survive a crash of the process that set them.
package struct Timestamp: Sendable, Hashable, Comparable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    package static func < (one: Timestamp, other: Timestamp) -> Bool { one.milliseconds < other.milliseconds }

    package static func + (point: Timestamp, length: Duration) -> Timestamp {
        Timestamp(milliseconds: point.milliseconds + length.milliseconds)
    }

    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.milliseconds - earlier.milliseconds)
    }
}

/// When an event happened.
struct Moment {
    /// The release's own time, which never goes back: an event of a machine whose clock is behind gets the time of the event before.
    var time: Timestamp
    /// By the clock of the process that wrote it.
    var written: Timestamp
}

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    package var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
