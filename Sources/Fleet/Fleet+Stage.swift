import Nginx

/// The operator's command that runs on every node before traffic moves.
package struct PostDeployCommand: Sendable, Hashable {
    package var command: String
    package var timeout: Duration

    package init(command: String, timeout: Duration = .seconds(300)) {
        self.command = command
        self.timeout = timeout
    }
}

/// The candidate to stage. The strings become `VIRIDIAN_VERSION`, `_COLOR` and `_RELEASE` in the post-deploy command's environment.
package struct StagePlan: Sendable, Hashable {
    /// The candidate's NodePort.
    package var port: Int
    /// The release's number.
    package var token: Int
    package var version: String
    package var color: String
    package var release: String
    /// `nil`: the candidate is not probed.
    package var probe: CandidateProbe?
    /// The path of the request through nginx.
    package var visitPath: String
    /// The number of consecutive connections that the candidate must accept. Each may reach a different pod.
    package var probeConnections: Int
    /// The time limit until the candidate answers.
    package var probeTimeout: Duration
    package var postDeploy: PostDeployCommand?
    /// The static assets for the upstream's assets directory.
    package var artifact: ArtifactPlan?

    package init(
        port: Int,
        token: Int,
        version: String,
        color: String,
        release: String,
        probe: CandidateProbe? = .tcp,
        visitPath: String = "/",
        probeConnections: Int = 1,
        // kube-proxy may be slow to update after an outage of the API server.
        probeTimeout: Duration = .seconds(30),
        postDeploy: PostDeployCommand? = nil,
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
    /// The number of lines of a post-deploy command that are passed on.
    private static let lineLimit = 5000

    /// Ensures that the node can switch: its file can be edited, nginx runs and accepts its configuration, the candidate answers from
    /// the node, its assets are unpacked beside those in use, and the post-deploy command has run. Traffic is not affected.
    ///
    /// Steps that `prepare` has done for the same release are skipped.
    ///
    /// On a node without the upstream file, nginx's test runs with a new file in place and without a reload, as its `include` may name
    /// that file.
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
        let isAccepted = await cache.isAccepted(for: plan.token, upstream, on: node)
        if isAccepted { arguments.append("accepted=yes") }
        let isPrepared = await cache.isPrepared(for: plan.token, upstream, on: node)
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
        let lines = OutputLineLimit(Self.lineLimit)
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
        if let reason = stageFailure(in: facts, plan) { throw NodeFailure(node, reason) }
        let report = try await report(of: upstream, on: node, facts)
        // Without a file, nginx's test ran with a new one in place.
        let file = try report.upstreamFile ?? UpstreamFile(parsing: upstream.rendered(live: live))
        let direct = upstream.direct(facts.all("mention").compactMap(PortMention.init), in: file)
        guard direct.isEmpty else { throw NodeFailure(node, .direct(direct, upstream: upstream.name)) }
        if let proof = previewProof(in: facts) { await onLine(NodeLine(node: node, text: proof)) }
        guard facts["staged"] == "yes" else {
            throw NodeFailure(node, .invalidOutput(problem: "the end of staging is not reported"))
        }
        if !isAccepted { await cache.storeAcceptance(at: began, for: plan.token, of: upstream, on: node) }
        return report
    }

    /// The part of staging that needs no candidate: tests the node's configuration, fetches and unpacks the assets.
    ///
    /// - Throws: as `stage`.
    package func prepare(_ upstream: Upstream, on node: Node, _ plan: StagePlan) async throws {
        var plan = plan
        plan.probe = nil
        plan.postDeploy = nil
        _ = try await stage(upstream, on: node, plan)
        await cache.storePreparation(for: plan.token, of: upstream, on: node)
    }

    private func stageFailure(in facts: Facts, _ plan: StagePlan) -> NodeFailure.Reason? {
        if let refusal = facts["refused"].flatMap(NodeFailure.Refusal.init) {
            return .refused(by: refusal, output: facts.messages, putBack: true)
        }
        if facts["included"] == "no" { return .notIncluded(file: facts["path"] ?? "") }
        if facts["master"] == "none" { return .notRunning }
        if facts["probe"] == "failed" { return .noAnswer(port: plan.port, output: facts.messages) }
        if facts["artifact"] == "failed" { return .artifact(output: facts.messages) }
        if facts["file"] == "unreadable" {
            return .unreadable(file: facts["path"] ?? "", why: facts.messages.first ?? "unknown reason")
        }
        if facts["expired"] != nil { return .expired }
        if let status = facts["post"].flatMap({ Int($0) }), status != 0 {
            return .postDeploy(status: status, output: facts.all("out"))
        }
        return nil
    }

    private func previewProof(in facts: Facts) -> String? {
        switch facts["preview"] {
        case "ok":
            let visits = facts.all("visited").compactMap(Visit.init)
            return "the candidate answers through nginx: " + visits.map(\.description).joined(separator: "; ")
        case "unknown":
            return "not tried through nginx: no server in its configuration passes requests to the preview's upstream"
        case "other":
            return
                "not tried through nginx: its upstream file already routes to the candidate, so that the preview shows the other colour"
        default: return nil
        }
    }

    func wholeSeconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return max(1, attoseconds > 0 ? seconds + 1 : seconds)
    }
}

/// Passes a number of lines, then one line that reports the omission.
private actor OutputLineLimit {
    private var remaining: Int

    init(_ count: Int) {
        remaining = count
    }

    func pass(_ line: NodeLine) -> NodeLine? {
        remaining -= 1
        if remaining > 0 { return line }
        return remaining == 0 ? NodeLine(node: line.node, text: "… further lines are omitted") : nil
    }
}
