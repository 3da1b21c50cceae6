import ReleaseMachine

extension Outcome {
    /// What fixes the nodes that do not route to the live colour.
    var repairAdvice: String {
        let repair = "viridian repair \(release.order.app)"
        if release.needRepair.contains(where: { $0.isDown == true }) { return "start nginx, then \(repair)" }
        guard release.needRepair.contains(where: \.isUnclear) else { return repair }
        return "\(repair); if that does not help, viridian check shows what to fix"
    }
}

extension NodeReading {
    /// The colour that the node's visitors get; `nil` where nginx is not running.
    package var routed: Color? { isDown == true ? nil : color }

    /// It answered and has an upstream file, and the file routes to neither colour alone.
    package var isUnclear: Bool { color == nil && !isUnreachable && !isNew && isDown != true }

    /// What is known of the node, for a line of text.
    var statusText: String { message ?? color.map { "routes to \($0)" } ?? "what it routes to is unknown" }
}
