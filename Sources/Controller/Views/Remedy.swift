import ReleaseMachine

extension Outcome {
    /// What helps the nodes that are not as they should be.
    var remedy: String {
        let repair = "viridian repair \(release.order.app)"
        if release.needRepair.contains(where: { $0.isDown == true }) { return "start nginx there, then \(repair)" }
        guard release.needRepair.contains(where: \.isUnclear) else { return repair }
        return "\(repair), and where that does not help viridian check says what to correct"
    }
}

extension NodeReading {
    /// The colour that its visitors get: none where nginx does not run.
    package var routed: Color? { isDown == true ? nil : color }

    /// It answered, has a file, and what that says is neither colour.
    package var isUnclear: Bool { color == nil && !isUnreachable && !isNew && isDown != true }
}
