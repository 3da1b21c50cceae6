extension Int {
    /// The largest number that is accepted from a node, 2^53: sums and products here do not overflow, and it is exact in every reader of
    /// JSON.
    static let largestNodeNumber = 1 << 53

    /// A number in a node's output: decimal digits, from 0 to `largestNodeNumber`. Nodes are not trusted: other text gives `nil`.
    init?(nodeNumber text: some StringProtocol) {
        guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), number <= Self.largestNodeNumber
        else { return nil }
        self = number
    }

    /// A count in a node's output: like `nodeNumber`, within 31 bits, so that counts of many lines and nodes can be added.
    init?(nodeCount text: some StringProtocol) {
        self.init(nodeNumber: text)
        guard self <= Int(Int32.max) else { return nil }
    }
}

extension Duration {
    /// In hundredths of a second, rounded down and clamped to `Int`.
    var hundredths: Int {
        let (seconds, attoseconds) = components
        let (whole, isTooLong) = Int(seconds).multipliedReportingOverflow(by: 100)
        let (sum, overflows) = whole.addingReportingOverflow(Int(attoseconds / 10_000_000_000_000_000))
        return isTooLong || overflows ? (seconds < 0 ? .min : .max) : sum
    }
}
