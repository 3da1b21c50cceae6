import ReleaseMachine

/// The progress of a release in its current phase.
struct ReleaseProgress {
    var sentence: String?
    /// Whether `sentence` counts nodes.
    var isOfNodes = false

    init(_ release: Release) {
        let nodes = release.nodes.count
        func count(_ states: Set<Release.Node.State>) -> Int { release.nodes.count { states.contains($0.state) } }
        isOfNodes = release.isBackingOut || release.phase == .staging || release.phase == .switching
        if release.isBackingOut {
            sentence = release.hasMovedTraffic ? "\(count([.reverted])) of \(nodes) nodes are back" : nil
            return
        }
        switch release.phase {
        case .starting: sentence = release.pods.map { "\($0.ready) of \($0.desired) pods are ready" }
        case .staging: sentence = "\(count([.staged])) of \(nodes) nodes have staged"
        case .switching: sentence = "\(count([.switched])) of \(nodes) nodes have switched"
        default: sentence = nil
        }
    }
}
