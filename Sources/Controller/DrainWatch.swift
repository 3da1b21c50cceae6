import ReleaseMachine

/// What nodes report while a colour drains: what is open now, and which new connections arrived lately.
///
/// A count at one moment does not distinguish a connection that stays from many short ones, so an arrival counts for a while.
package struct DrainWatch {
    /// For how long after the last new connection a node counts as one at which connections arrive.
    package let arrivalWindow: Duration
    private var arrivals: [String: (at: Timestamp, arriving: Int, sources: [String])] = [:]

    package init(arrivalWindow: Duration) {
        self.arrivalWindow = arrivalWindow
    }

    /// Applies the reports of all nodes, and returns those with something still open, or without an answer.
    package mutating func stillOpen(_ seen: [DrainEvidence.Open], at now: Timestamp) -> [DrainEvidence.Open] {
        seen.compactMap { open in
            var open = open
            if let arriving = open.arriving, arriving > 0 { arrivals[open.node] = (now, arriving, open.sources ?? []) }
            if let last = arrivals[open.node], now < last.at + arrivalWindow {
                (open.arriving, open.sources) = (last.arriving, last.sources)
            } else {
                (open.arriving, open.sources) = (nil, nil)
            }
            return open.connections == 0 && open.oldWorkers == 0 && open.arriving == nil ? nil : open
        }
    }
}
