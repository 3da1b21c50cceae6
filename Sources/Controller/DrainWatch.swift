import ReleaseMachine

/// What nodes have said while a colour drains: what is open now, and who has come lately.
///
/// A count of open connections at one moment does not tell one that stays from many that come and go, so arrivals count for a while.
package struct DrainWatch {
    /// For how long a node counts as one to which new connections come, after the last was seen.
    package let quiet: Duration
    private var arrivals: [String: (at: Timestamp, arriving: Int, sources: [String])] = [:]

    package init(quiet: Duration) {
        self.quiet = quiet
    }

    /// Takes in what all nodes said, and keeps those that still hold the colour, or cannot be asked.
    package mutating func stillOpen(_ seen: [DrainEvidence.Open], at now: Timestamp) -> [DrainEvidence.Open] {
        seen.compactMap { open in
            var open = open
            if let arriving = open.arriving, arriving > 0 { arrivals[open.node] = (now, arriving, open.sources ?? []) }
            if let last = arrivals[open.node], now < last.at + quiet {
                (open.arriving, open.sources) = (last.arriving, last.sources)
            } else {
                (open.arriving, open.sources) = (nil, nil)
            }
            return open.connections == 0 && open.oldWorkers == 0 && open.arriving == nil ? nil : open
        }
    }
}
