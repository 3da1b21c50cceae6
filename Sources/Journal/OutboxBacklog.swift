import ReleaseMachine

/// What is pending for one destination.
package struct OutboxBacklog: Sendable, Hashable {
    package var count: Int
    /// Since when the oldest message waits that may be sent; `nil` when none may.
    package var oldest: Timestamp?

    package init(count: Int, oldest: Timestamp?) {
        self.count = count
        self.oldest = oldest
    }

    init(_ row: Row) {
        let oldest: Int64? = row["oldest"]
        self.init(count: row["count"], oldest: oldest.map(Timestamp.init(milliseconds:)))
    }
}
