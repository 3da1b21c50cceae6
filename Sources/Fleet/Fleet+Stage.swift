import Nginx

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
    /// What nginx is asked for as visitors ask.
    package var visitPath: String
    /// How many connections in a row the candidate has to take. Each may reach another of its pods.
    package var probeConnections: Int
    /// How long the candidate may take until it answers.
    package var probeTimeout: Duration
    package var postDeploy: PostDeploy?
    /// What goes into the upstream's directory of assets.
    package var artifact: ArtifactPlan?

    package init(
        port: Int,
        token: Int,
        version: String,
        color: String,
        release: String,
        probe: Probe? = .tcp,
        visitPath: String = "/",
        probeConnections: Int = 1,
        // kube-proxy may need a while after the API server was away.
        probeTimeout: Duration = .seconds(30),
        postDeploy: PostDeploy? = nil,
        artifact: ArtifactPlan? = nil
    ) {
        self.port = port
        self.token = token
        self.version = version
        self.color = color
        self.release = release
        self.probe = probe
        self.visitPath = visitPath
        self.probeConnections = probeConnections
        self.probeTimeout = probeTimeout
        self.postDeploy = postDeploy
        self.artifact = artifact
    }
}

extension Fleet {
    /// The most lines of a post-deploy command that are passed on.
    private static let mostLines = 5000

    /// Makes sure that the node can switch: its file can be edited, nginx runs and accepts its configuration, the candidate answers from
    /// there, its assets are unpacked beside those in use, and the post-deploy command has run. No request can notice.
    ///
    /// What `prepare` has done for the same release is not done again.
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
        var arguments = ["port=\(plan.port)", "version=\(plan.version)"]
        var texts = [NodePayload.Text("new", upstream.rendered(live: live))]
        var extra = Duration.zero
        arguments += plan.probe.arguments + upstream.visitArguments(path: plan.visitPath)
        arguments += ["seconds=\(wholeSeconds(plan.probeTimeout))", "connections=\(plan.probeConnections)"]
        if plan.probe != nil { extra += plan.probeTimeout }
        let began = ContinuousClock.now
        let isAccepted = await memory.isAccepted(for: plan.token, upstream, on: node)
        if isAccepted { arguments.append("accepted=yes") }
        let isPrepared = await memory.isPrepared(for: plan.token, upstream, on: node)
        if let artifact = plan.artifact, upstream.assets != nil, !isPrepared {
            let described = try await deliver(artifact, of: upstream, to: node, plan)
            arguments += described.arguments
            texts += described.texts
            extra += artifact.timeout
        }
        if let post = plan.postDeploy {
            arguments += [
                "post=\(post.command)", "post_seconds=\(wholeSeconds(post.timeout))", "color=\(plan.color)",
                "release=\(plan.release)",
            ]
            extra += post.timeout
        }
        let lines = LineLimit(Self.mostLines)
        let facts = try await converse(
            "stage",
            of: upstream,
            with: node,
            arguments: arguments,
            payload: .texts(texts),
            token: plan.token,
            extra: extra
        ) { line in
            if let line = await lines.pass(line) { await onLine(line) }
        }
        if let reason = stageObstacle(in: facts, plan) { throw NodeFailure(node, reason) }
        let report = try await report(of: upstream, on: node, facts)
        // Where there is no file, nginx was asked with a new one in place.
        let file = try report.upstreamFile ?? UpstreamFile(parsing: upstream.rendered(live: live))
        let direct = upstream.direct(facts.all("mention").compactMap(PortMention.init), in: file)
        guard direct.isEmpty else { throw NodeFailure(node, .direct(direct, upstream: upstream.name)) }
        if let proof = previewProof(in: facts) { await onLine(NodeLine(node: node, text: proof)) }
        guard facts["staged"] == "yes" else { throw NodeFailure(node, .notUnderstood(what: "staging without an end")) }
        if !isAccepted { await memory.rememberAcceptance(at: began, for: plan.token, of: upstream, on: node) }
        return report
    }

    /// What staging needs no candidate for: the node's configuration tested, the assets fetched and unpacked.
    ///
    /// - Throws: as `stage`.
    package func prepare(_ upstream: Upstream, on node: Node, _ plan: StagePlan) async throws {
        var plan = plan
        plan.probe = nil
        plan.postDeploy = nil
        _ = try await stage(upstream, on: node, plan)
        await memory.rememberPreparation(for: plan.token, of: upstream, on: node)
    }

    private func stageObstacle(in facts: Facts, _ plan: StagePlan) -> NodeFailure.Reason? {
        if let refusal = facts["refused"].flatMap(NodeFailure.Refusal.init) {
            return .refused(by: refusal, words: facts.said, putBack: true)
        }
        if facts["included"] == "no" { return .notIncluded(file: facts["path"] ?? "") }
        if facts["master"] == "none" { return .notRunning }
        if facts["probe"] == "failed" { return .noAnswer(port: plan.port, words: facts.said) }
        if facts["artifact"] == "failed" { return .artifact(words: facts.said) }
        if facts["file"] == "unreadable" {
            return .unreadable(file: facts["path"] ?? "", why: facts.said.first ?? "for no known reason")
        }
        if facts["expired"] != nil { return .expired }
        if let status = facts["post"].flatMap({ Int($0) }), status != 0 {
            return .postDeploy(status: status, lastWords: facts.all("out"))
        }
        return nil
    }

    private func previewProof(in facts: Facts) -> String? {
        switch facts["preview"] {
        case "ok":
            let visits = facts.all("visited").compactMap(Visit.init)
            return "the candidate answers through nginx: " + visits.map(\.description).joined(separator: "; ")
        case "unknown":
            return "not tried through nginx: no server of its configuration passes to the preview's upstream"
        case "other":
            return
                "not tried through nginx: its file has the candidate's colour up already, so that the preview shows the other"
        default: return nil
        }
    }

    func wholeSeconds(_ duration: Duration) -> Int64 {
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
