import ReleaseMachine

/// Tells what still holds a colour, where, while it changes: the first sight of a node, its end, and in between at most every so often.
struct DrainProgress {
    /// Counts change with every request, and a log is read by people.
    private static let pause = Duration.seconds(5)

    let color: Color
    private var told: [String: (open: DrainEvidence.Open, at: Timestamp)] = [:]

    init(color: Color) {
        self.color = color
    }

    /// What is to be said about the nodes that hold the colour still.
    mutating func news(_ open: [DrainEvidence.Open], at now: Timestamp) -> [Line] {
        var lines: [Line] = []
        for node in open {
            if let last = told[node.node], last.open == node || now < last.at + Self.pause { continue }
            told[node.node] = (node, now)
            lines.append(Line(source: node.node, text(node)))
        }
        for node in told.keys.sorted() where !open.contains(where: { $0.node == node }) {
            told[node] = nil
            lines.append(Line(source: node, "nothing holds \(color) any more"))
        }
        return lines
    }

    private func text(_ open: DrainEvidence.Open) -> String {
        guard open.connections >= 0 else { return "cannot be asked what still holds \(color)" }
        var parts: [String] = []
        if open.connections > 0 {
            parts.append("\(open.connections) connection\(open.connections == 1 ? "" : "s") to \(color)")
        }
        if open.oldWorkers > 0 {
            parts.append(
                open.oldWorkers == 1
                    ? "1 nginx worker from before, which finishes its requests"
                    : "\(open.oldWorkers) nginx workers from before, which finish their requests")
        }
        guard let arriving = open.arriving else { return "still open: " + parts.joined(separator: " and ") }
        let from = (open.sources ?? []).joined(separator: ", ")
        return "still arriving: \(arriving) new connection\(arriving == 1 ? "" : "s") to \(color)"
            + (from.isEmpty ? "" : " from \(from)")
            + (parts.isEmpty ? "" : "; open: " + parts.joined(separator: " and "))
    }
}
