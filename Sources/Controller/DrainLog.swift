import ReleaseMachine

/// Log lines about what is still open to a colour: for each node the first observation, the end, and changes at most every 5 s.
struct DrainLog {
    /// Counts change with every request; people read the log.
    private static let pause = Duration.seconds(5)

    let color: Color
    private var reported: [String: (open: DrainEvidence.Open, at: Timestamp)] = [:]

    init(color: Color) {
        self.color = color
    }

    /// The new lines, given the nodes on which something is still open.
    mutating func lines(_ open: [DrainEvidence.Open], at now: Timestamp) -> [LogMessage] {
        var lines: [LogMessage] = []
        for node in open {
            if let last = reported[node.node], last.open == node || now < last.at + Self.pause { continue }
            reported[node.node] = (node, now)
            lines.append(LogMessage(source: node.node, text(node)))
        }
        for node in reported.keys.sorted() where !open.contains(where: { $0.node == node }) {
            reported[node] = nil
            lines.append(LogMessage(source: node, "drained: no connection to \(color) is left"))
        }
        return lines
    }

    private func text(_ open: DrainEvidence.Open) -> String {
        guard open.connections >= 0 else { return "does not report its open connections to \(color)" }
        var parts: [String] = []
        if open.connections > 0 {
            parts.append("\(open.connections) connection\(open.connections == 1 ? "" : "s") to \(color)")
        }
        if open.oldWorkers > 0 {
            parts.append(
                open.oldWorkers == 1
                    ? "1 old nginx worker, which finishes its requests"
                    : "\(open.oldWorkers) old nginx workers, which finish their requests")
        }
        guard let arriving = open.arriving else { return "still open: " + parts.joined(separator: " and ") }
        let from = (open.sources ?? []).joined(separator: ", ")
        return "still arriving: \(arriving) new connection\(arriving == 1 ? "" : "s") to \(color)"
            + (from.isEmpty ? "" : " from \(from)")
            + (parts.isEmpty ? "" : "; open: " + parts.joined(separator: " and "))
    }
}
