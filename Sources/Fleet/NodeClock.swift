/// A reading of a node's uptime clock: hundredths of a second since a boot.
///
/// Commands carry a deadline by this clock, after which the node must not start them. Wall clocks of two machines may differ by any
/// amount.
struct NodeClock: Sendable, Hashable {
    var uptime: Int
    /// Linux's `/proc/sys/kernel/random/boot_id`.
    var boot: String
    var readAt: ContinuousClock.Instant

    /// The length limit of a boot id; Linux's is a UUID.
    private static let bootLengthLimit = 64

    /// From the fact `123456@BOOT`; `nil` for an invalid one.
    init?(_ fact: String, at moment: ContinuousClock.Instant) {
        let parts = fact.split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let uptime = Int(nodeNumber: parts[0]), parts[1].utf8.count <= Self.bootLengthLimit
        else {
            return nil
        }
        self.uptime = uptime
        boot = String(parts[1])
        readAt = moment
    }

    /// The node's clock at `now + duration`, or slightly earlier, as the reading took time to arrive.
    func deadline(in duration: Duration, from now: ContinuousClock.Instant) -> String {
        // The node script cannot compare larger numbers.
        let until = min((now - readAt + duration).hundredths, .largestNodeNumber - uptime)
        return "\(uptime + until)@\(boot)"
    }
}

/// The latest clock readings of the nodes.
actor NodeClocks {
    private var clocks: [Node: NodeClock] = [:]

    func store(_ clock: NodeClock, of node: Node) {
        clocks[node] = clock
    }

    /// `nil` without a reading. Every action that changes something is preceded by one that reads.
    func deadline(for node: Node, in duration: Duration) -> String? {
        clocks[node]?.deadline(in: duration, from: .now)
    }
}
