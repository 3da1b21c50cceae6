import Nginx

/// Results of earlier conversations: the nodes' latest upstream files, so that a switch needs no reading before it (the node refuses a
/// text that is based on another file); which nodes' nginx has just accepted its configuration; which nodes are prepared.
actor NodeCache {
    struct Known: Sendable {
        /// `nil`: the node has no file.
        var file: UpstreamFile?
    }

    private struct Key: Hashable {
        var node: Node
        var app: String
    }

    /// How long nginx's test of its configuration counts, as others may edit it.
    private static let acceptanceLifetime = Duration.seconds(30)

    private struct Acceptance {
        var token: Int
        var at: ContinuousClock.Instant
    }

    private var files: [Key: Known] = [:]
    private var acceptances: [Key: Acceptance] = [:]
    private var preparations: [Key: Int] = [:]

    func store(_ file: NodeReport.File, of upstream: Upstream, on node: Node) {
        switch file {
        case .missing: store(Known(file: nil), of: upstream, on: node)
        case .present(let file, _): store(Known(file: file), of: upstream, on: node)
        }
    }

    func store(_ known: Known, of upstream: Upstream, on node: Node) {
        files[Key(node: node, app: upstream.app)] = known
    }

    func storePreparation(for token: Int, of upstream: Upstream, on node: Node) {
        preparations[Key(node: node, app: upstream.app)] = token
    }

    func isPrepared(for token: Int, _ upstream: Upstream, on node: Node) -> Bool {
        preparations[Key(node: node, app: upstream.app)] == token
    }

    func storeAcceptance(
        at moment: ContinuousClock.Instant, for token: Int, of upstream: Upstream, on node: Node
    ) {
        acceptances[Key(node: node, app: upstream.app)] = Acceptance(token: token, at: moment)
    }

    /// Whether nginx has just accepted its configuration, for this release.
    func isAccepted(for token: Int, _ upstream: Upstream, on node: Node) -> Bool {
        guard let found = acceptances[Key(node: node, app: upstream.app)], found.token == token else { return false }
        return found.at.duration(to: .now) < Self.acceptanceLifetime
    }

    func remove(_ upstream: Upstream, on node: Node) {
        files[Key(node: node, app: upstream.app)] = nil
        acceptances[Key(node: node, app: upstream.app)] = nil
    }

    func known(_ upstream: Upstream, on node: Node) -> Known? {
        files[Key(node: node, app: upstream.app)]
    }
}
