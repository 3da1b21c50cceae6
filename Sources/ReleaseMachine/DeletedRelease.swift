/// A release whose events are not in the journal any more, because it is older than what that keeps.
package struct DeletedRelease: Error, Sendable, Hashable, CustomStringConvertible {
    package var app: String
    package var number: Int
    /// When its last event had happened: it ended, or was replaced.
    package var endedAt: Timestamp
    package var deletedAt: Timestamp

    package init(app: String, number: Int, endedAt: Timestamp, deletedAt: Timestamp) {
        self.app = app
        self.number = number
        self.endedAt = endedAt
        self.deletedAt = deletedAt
    }

    package var description: String {
        "\(app)/\(number) ended on \(endedAt.day) and is older than what the journal keeps: it was deleted on \(deletedAt.day)"
    }
}

extension Timestamp {
    /// The day in UTC: `2026-11-02`.
    package var day: String { String(iso8601.prefix(10)) }
}
