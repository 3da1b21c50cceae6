import Nginx

/// What conversations with nodes have shown to those that come after them: the files as the nodes last had them, so that a switch needs
/// no reading before it (the node refuses a text that was made from another file than it has), and what was prepared.
actor NodeMemory {
    struct Known: Sendable {
        /// `nil`: there is none.
        var file: UpstreamFile?
    }

    private struct Key: Hashable {
        var node: Node
        var app: String
    }

    private struct Preparation {
        var token: Int
        var at: ContinuousClock.Instant
    }

    private var files: [Key: Known] = [:]
    private var preparations: [Key: Preparation] = [:]

    func remember(_ file: NodeReport.File, of upstream: Upstream, on node: Node) {
        switch file {
        case .missing: remember(Known(file: nil), of: upstream, on: node)
        case .present(let file, _): remember(Known(file: file), of: upstream, on: node)
        }
    }

    func remember(_ known: Known, of upstream: Upstream, on node: Node) {
        files[Key(node: node, app: upstream.app)] = known
    }

    func rememberPreparation(for token: Int, of upstream: Upstream, on node: Node) {
        preparations[Key(node: node, app: upstream.app)] = Preparation(token: token, at: .now)
    }

    /// How long ago the node was prepared for this release.
    func sincePreparation(for token: Int, of upstream: Upstream, on node: Node) -> Duration? {
        guard let found = preparations[Key(node: node, app: upstream.app)], found.token == token else { return nil }
        return found.at.duration(to: .now)
    }

    func forget(_ upstream: Upstream, on node: Node) {
        files[Key(node: node, app: upstream.app)] = nil
    }

    func known(_ upstream: Upstream, on node: Node) -> Known? {
        files[Key(node: node, app: upstream.app)]
    }
}
