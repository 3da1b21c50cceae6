/// A node's own clock, as it was at a moment of this process: hundredths of a second since which boot.
///
/// Orders carry a time after which the node must not begin with them, by this clock, since the wall clocks of two machines may
/// differ by anything.
struct NodeClock: Sendable, Hashable {
    var uptime: Int
    /// Linux's `/proc/sys/kernel/random/boot_id`.
    var boot: String
    var readAt: ContinuousClock.Instant

    /// The longest text that is taken for a boot's identity: Linux's is a UUID.
    private static let longestBoot = 64

    /// From the fact `123456@BOOT`; `nil` for one that no kernel says.
    init?(_ fact: String, at moment: ContinuousClock.Instant) {
        let parts = fact.split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let uptime = Int(saidByNode: parts[0]), parts[1].utf8.count <= Self.longestBoot else {
            return nil
        }
        self.uptime = uptime
        boot = String(parts[1])
        readAt = moment
    }

    /// The node's clock when `duration` from `now` is over, never later than that: the answer was under way for a while.
    func deadline(in duration: Duration, from now: ContinuousClock.Instant) -> String {
        // The node's script compares nothing longer.
        let until = min((now - readAt + duration).hundredths, .mostSaidByNode - uptime)
        return "\(uptime + until)@\(boot)"
    }
}

/// The nodes' clocks as they were last heard of.
actor NodeClocks {
    private var clocks: [Node: NodeClock] = [:]

    func remember(_ clock: NodeClock, of node: Node) {
        clocks[node] = clock
    }

    /// `nil` for a node that has not been heard of: every action that changes something is preceded by one that looks.
    func deadline(for node: Node, in duration: Duration) -> String? {
        clocks[node]?.deadline(in: duration, from: .now)
    }
}
