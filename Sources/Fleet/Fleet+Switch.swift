import Nginx

extension Fleet {
    /// Reattempts are needed only when the file is edited at the same time.
    private static let attempts = 5

    /// Routes the node's new requests to `port`, and returns when that is verified: nginx's master is the same, it has new workers, and
    /// no old worker accepts connections. If nginx refuses the configuration, the file is restored.
    ///
    /// A switch is reverted the same way. Idempotent: a switch to the current port changes nothing.
    ///
    /// `token` is the release's number (the fence): a node that has seen a higher one refuses.
    ///
    /// With `plan`, nothing is switched unless the candidate still answers, and the switch is reverted unless nginx then serves
    /// visitors from it: nginx answers requests as well as before, and its error log has no errors.
    /// - Throws: `NodeFailure`, `CancellationError`.
    package func `switch`(
        _ upstream: Upstream,
        on node: Node,
        to port: Int,
        token: Int,
        proving plan: StagePlan? = nil
    ) async throws -> SwitchReport {
        var known = await cache.known(upstream, on: node)
        let isFresh = await cache.isAccepted(for: token, upstream, on: node)
        var path = upstream.app
        for _ in 0..<Self.attempts {
            let text = try switched(known?.file, upstream, to: port, on: node)
            let facts: Facts
            do {
                facts = try await converse(
                    "switch",
                    of: upstream,
                    with: node,
                    arguments: [
                        "port=\(port)", "expect=\(known.map { $0.file == nil ? "no" : "yes" } ?? "unread")",
                        "verify=\(verifyLimit(for: node))",
                    ] + (plan.map { proofArguments($0, upstream, isFresh: isFresh) } ?? [])
                        + (isFresh ? ["accepted=yes"] : []),
                    payload: .texts([.init("old", known?.file?.bytes ?? []), .init("new", text)]),
                    token: token,
                    extra: plan.map(\.probeTimeout) ?? .zero
                )
            } catch {
                await cache.remove(upstream, on: node)
                throw error
            }
            path = facts["path"] ?? path
            // The node has rebooted since the last conversation; now its clock is known again.
            if facts["expired"] == "reboot", facts["putback"] != "no" { continue }
            if let failure = failure(in: facts, of: node, to: port) {
                await cache.remove(upstream, on: node)
                throw failure
            }
            if facts["changed"] == "yes" || facts["verified"] == nil {
                // The file was edited at the same time.
                await cache.remove(upstream, on: node)
                // Throws if the file cannot be read or edited.
                _ = try await report(of: upstream, on: node, facts)
                known = await cache.known(upstream, on: node)
                continue
            }
            return try await switchReport(facts, text: text, upstream, on: node, to: port, token: token)
        }
        throw NodeFailure(node, .keepsChanging(file: path))
    }

    /// A candidate that was probed from the node just before is not probed again, as many probes would delay the visitors of the nodes
    /// that switched first.
    private func proofArguments(_ plan: StagePlan, _ upstream: Upstream, isFresh: Bool) -> [String] {
        (isFresh ? nil : plan.probe).arguments + upstream.visitArguments(path: plan.visitPath) + [
            "prove=yes", "seconds=\(wholeSeconds(plan.probeTimeout))", "connections=\(plan.probeConnections)",
        ]
    }

    /// The new text of the file; without a file, the text of `render nginx`.
    private func switched(_ file: UpstreamFile?, _ upstream: Upstream, to port: Int, on node: Node) throws -> [UInt8] {
        guard let file else { return upstream.rendered(live: port) }
        do {
            return try file.switching(upstream.name, up: port, down: upstream.ports.other(than: port)).bytes
        } catch {
            throw NodeFailure(
                node,
                .unparsable(file: upstream.app + ".conf", line: error.line, problem: error.description)
            )
        }
    }

    private func failure(in facts: Facts, of node: Node, to port: Int) -> NodeFailure? {
        let putBack = facts["putback"] == "yes"
        if facts["master"] == "none" { return NodeFailure(node, .notRunning) }
        if let refusal = facts["refused"].flatMap(NodeFailure.Refusal.init) {
            return NodeFailure(node, .refused(by: refusal, output: facts.messages, putBack: putBack))
        }
        if facts["probe"] == "failed" { return NodeFailure(node, .noAnswer(port: port, output: facts.messages)) }
        if let why = facts["stuck"] { return NodeFailure(node, .assets(why: why, putBack: putBack)) }
        guard facts["verified"] == "no" else { return nil }
        let evidence: String
        if facts["changed"] == "during" {
            evidence = "the file was edited while nginx was loading it"
        } else if let master = facts["master_gone"] {
            evidence =
                "its master process \(master) has ended, so that connections were cut; the reload command must not restart nginx"
        } else if let workers = facts["still"], !workers.isEmpty {
            evidence =
                "old workers still accept connections (\(facts.numbers("still").map(String.init).joined(separator: ", ")))"
        } else {
            evidence = "no worker accepts connections"
        }
        return NodeFailure(node, .unverified(evidence: evidence, output: facts.messages, putBack: putBack))
    }

    private func switchReport(
        _ facts: Facts,
        text: [UInt8],
        _ upstream: Upstream,
        on node: Node,
        to port: Int,
        token: Int
    ) async throws -> SwitchReport {
        guard let file = try? UpstreamFile(parsing: text),
            let routing = try? file.routing(of: upstream.name, ports: upstream.ports)
        else { throw NodeFailure(node, .invalidOutput(problem: "the text of the upstream file is invalid")) }
        let report = NodeReport(
            path: facts["path"] ?? upstream.app,
            file: .present(file, routing: routing),
            loaded: .yes,
            loadedReason: "verified workers are still running",
            serving: routing,
            token: max(facts.number("token") ?? 0, token),
            master: facts.number("master"),
            workers: facts.numbers("workers"),
            draining: facts.numbers("draining"),
            assets: facts.assets
        )
        if let wanted = report.assets?.missing(for: port) {
            throw NodeFailure(node, .assets(why: "current does not point at \(wanted)", putBack: false))
        }
        await cache.store(NodeCache.Known(file: file), of: upstream, on: node)
        return SwitchReport(
            node: node,
            port: port,
            wasAlreadySwitched: facts["reloaded"] == "no",
            replaced: facts.numbers("replaced"),
            report: report,
            proof: VisitorProof(facts)
        )
    }
}
