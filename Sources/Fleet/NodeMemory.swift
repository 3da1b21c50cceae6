import Nginx

/// What conversations with nodes have shown to those that come after them: the files as the nodes last had them, so that a switch needs
/// no reading before it (the node refuses a text that was made from another file than it has), whose configuration nginx has just
/// accepted, and what was prepared.
actor NodeMemory {
    struct Known: Sendable {
        /// `nil`: there is none.
        var file: UpstreamFile?
    }

    private struct Key: Hashable {
        var node: Node
        var app: String
    }

    /// For how long nginx's word about its configuration is taken for a fact; others edit it too.
    private static let acceptedFor = Duration.seconds(30)

    private struct Acceptance {
        var token: Int
        var at: ContinuousClock.Instant
    }

    private var files: [Key: Known] = [:]
    private var acceptances: [Key: Acceptance] = [:]
    private var preparations: [Key: Int] = [:]

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
        preparations[Key(node: node, app: upstream.app)] = token
    }

    func isPrepared(for token: Int, _ upstream: Upstream, on node: Node) -> Bool {
        preparations[Key(node: node, app: upstream.app)] == token
    }

    func rememberAcceptance(
        at moment: ContinuousClock.Instant, for token: Int, of upstream: Upstream, on node: Node
    ) {
        acceptances[Key(node: node, app: upstream.app)] = Acceptance(token: token, at: moment)
    }

    /// Whether nginx accepted its configuration a moment ago, asked for this release.
    func isAccepted(for token: Int, _ upstream: Upstream, on node: Node) -> Bool {
        guard let found = acceptances[Key(node: node, app: upstream.app)], found.token == token else { return false }
        return found.at.duration(to: .now) < Self.acceptedFor
    }

    func forget(_ upstream: Upstream, on node: Node) {
        files[Key(node: node, app: upstream.app)] = nil
        acceptances[Key(node: node, app: upstream.app)] = nil
    }

    func known(_ upstream: Upstream, on node: Node) -> Known? {
        files[Key(node: node, app: upstream.app)]
    }
}
