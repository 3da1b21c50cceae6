extension Int {
    /// The highest number that is taken from a node: far enough below `Int.max` that no sum or product that is made of it here
    /// overflows, and exact in every language that reads our JSON (2^53).
    static let mostSaidByNode = 1 << 53

    /// A number that a node says: decimal digits, from 0 to `mostSaidByNode`. A node is a machine that others may have taken over, so
    /// anything else is no number.
    init?(saidByNode text: some StringProtocol) {
        guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), number <= Self.mostSaidByNode
        else { return nil }
        self = number
    }

    /// A count that a node says: as above, and of no more than a 32-bit number, so that those of thousands of lines and nodes can be
    /// added up.
    init?(counted text: some StringProtocol) {
        self.init(saidByNode: text)
        guard self <= Int(Int32.max) else { return nil }
    }
}

extension Duration {
    /// In hundredths of a second, rounded down, and as many as an `Int` can hold where it is longer.
    var hundredths: Int {
        let (seconds, attoseconds) = components
        let (whole, isTooLong) = Int(seconds).multipliedReportingOverflow(by: 100)
        let (sum, overflows) = whole.addingReportingOverflow(Int(attoseconds / 10_000_000_000_000_000))
        return isTooLong || overflows ? (seconds < 0 ? .min : .max) : sum
    }
}
