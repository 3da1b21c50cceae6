import Nginx

/// How a candidate is tried from a node before traffic moves to it.
package enum Probe: Sendable, Hashable {
    /// That a connection is accepted.
    case tcp
    /// That GET is answered with a status from 200 to 399, as Kubernetes' own probes take it.
    case http(path: String, host: String = "localhost")
}

/// A command of the operator that runs on every node before traffic moves.
package struct PostDeploy: Sendable, Hashable {
    package var command: String
    package var timeout: Duration

    package init(command: String, timeout: Duration = .seconds(300)) {
        self.command = command
        self.timeout = timeout
    }
}

/// What is brought up, as staging needs it. The strings become `VIRIDIAN_VERSION`, `_COLOR` and `_RELEASE` in the post-deploy command's environment.
package struct StagePlan: Sendable, Hashable {
    /// The candidate's NodePort.
    package var port: Int
    /// The release's number.
    package var token: Int
    package var version: String
    package var color: String
    package var release: String
    /// `nil`: the candidate is not tried.
    package var probe: Probe?
    /// How long the candidate may take until it answers.
    package var probeTimeout: Duration
    package var postDeploy: PostDeploy?

    package init(
        port: Int,
        token: Int,
        version: String,
        color: String,
        release: String,
        probe: Probe? = .tcp,
        probeTimeout: Duration = .seconds(10),
        postDeploy: PostDeploy? = nil
    ) {
        self.port = port
        self.token = token
        self.version = version
        self.color = color
        self.release = release
        self.probe = probe
        self.probeTimeout = probeTimeout
        self.postDeploy = postDeploy
    }
}

extension Fleet {
    /// The most lines of a post-deploy command that are passed on.
    private static let mostLines = 5000

    /// Makes sure that the node can switch: its file can be edited, nginx runs and accepts its configuration, the candidate answers from
    /// there, and the post-deploy command has run. No request can notice.
    ///
    /// A node without the file is asked with a new one in place, for the length of nginx's test and without a reload, since its
    /// include may name that very file.
    ///
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func stage(
        _ upstream: Upstream,
        on node: Node,
        _ plan: StagePlan,
        onLine: @escaping @Sendable (NodeLine) async -> Void = { _ in }
    ) async throws -> NodeReport {
        let live = upstream.ports.other(than: plan.port)
        let rendered = UpstreamFile.rendered(upstream: upstream.name, ports: upstream.ports, live: live)
        var arguments = ["port=\(plan.port)", "seconds=\(wholeSeconds(plan.probeTimeout))"]
        var extra = Duration.zero
        switch plan.probe {
        case nil: arguments.append("probe=none")
        case .tcp: arguments.append("probe=tcp")
        case .http(let path, let host): arguments += ["probe=http", "path=\(path)", "host=\(host)"]
        }
        if plan.probe != nil { extra += plan.probeTimeout }
        if let post = plan.postDeploy {
            arguments += [
                "post=\(post.command)", "post_seconds=\(wholeSeconds(post.timeout))", "version=\(plan.version)",
                "color=\(plan.color)", "release=\(plan.release)",
            ]
            extra += post.timeout
        }
        let lines = LineLimit(Self.mostLines)
        let facts = try await converse(
            "stage",
            of: upstream,
            with: node,
            arguments: arguments,
            payload: Array(rendered.utf8),
            token: plan.token,
            extra: extra
        ) { line in
            if let line = await lines.pass(line) { await onLine(line) }
        }
        if let reason = obstacle(in: facts, plan) { throw NodeFailure(node, reason) }
        let report = try await report(of: upstream, on: node, facts)
        guard facts["staged"] == "yes" else { throw NodeFailure(node, .notUnderstood(what: "staging without an end")) }
        return report
    }

    private func obstacle(in facts: Facts, _ plan: StagePlan) -> NodeFailure.Reason? {
        if let refusal = facts["refused"].flatMap(NodeFailure.Refusal.init) {
            return .refused(by: refusal, words: facts.said, putBack: true)
        }
        if facts["master"] == "none" { return .notRunning }
        if facts["probe"] == "failed" { return .noAnswer(port: plan.port, words: facts.said) }
        if let status = facts["post"].flatMap({ Int($0) }), status != 0 {
            return .postDeploy(status: status, lastWords: facts.all("out"))
        }
        return nil
    }

    private func wholeSeconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return max(1, attoseconds > 0 ? seconds + 1 : seconds)
    }
}

/// Lets so many lines pass, and then one that says so.
private actor LineLimit {
    private var left: Int

    init(_ count: Int) {
        left = count
    }

    func pass(_ line: NodeLine) -> NodeLine? {
        left -= 1
        if left > 0 { return line }
        return left == 0 ? NodeLine(node: line.node, text: "… and more lines, which are left out") : nil
    }
}
