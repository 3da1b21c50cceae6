import Nginx

extension Fleet {
    /// Another try is needed only when someone edits the file in the same moment.
    private static let tries = 5

    /// Sends the node's new requests to `port`, and returns when that is proved: nginx's master is the same, it has new workers, and
    /// none of those from before accepts connections any more. What nginx does not take is put back.
    ///
    /// This is also how a switch is reverted. To switch to where the node is already changes nothing.
    ///
    /// `token` is the release's number: a node that has seen a higher one refuses. Throws `NodeFailure`, `CancellationError`.
    ///
    /// With `plan`, nothing is switched unless the candidate still answers, and the switch is put back unless nginx then serves
    /// visitors from it: by requests that nginx answers as well as before, and by its error log.
    package func `switch`(
        _ upstream: Upstream,
        on node: Node,
        to port: Int,
        token: Int,
        proving plan: StagePlan? = nil
    ) async throws -> SwitchReport {
        var known = await memory.known(upstream, on: node)
        let isFresh = await memory.isAccepted(for: token, upstream, on: node)
        var path = upstream.app
        for _ in 0..<Self.tries {
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
                await memory.forget(upstream, on: node)
                throw error
            }
            path = facts["path"] ?? path
            // The node was started anew since it was heard of last; now its clock is known again.
            if facts["expired"] == "reboot", facts["putback"] != "no" { continue }
            if let failure = failure(in: facts, of: node, to: port) {
                await memory.forget(upstream, on: node)
                throw failure
            }
            if facts["changed"] == "yes" || facts["verified"] == nil {
                // Others are at work there.
                await memory.forget(upstream, on: node)
                // Where the file cannot be read or edited, this says so.
                _ = try await report(of: upstream, on: node, facts)
                known = await memory.known(upstream, on: node)
                continue
            }
            return try await switchReport(facts, text: text, upstream, on: node, to: port, token: token)
        }
        throw NodeFailure(node, .keepsChanging(file: path))
    }

    /// A candidate that was asked from there a moment ago is not asked again: visitors of nodes that were switched first would wait
    /// behind the crowd.
    private func proofArguments(_ plan: StagePlan, _ upstream: Upstream, isFresh: Bool) -> [String] {
        (isFresh ? nil : plan.probe).arguments + upstream.visitArguments(path: plan.visitPath) + [
            "prove=yes", "seconds=\(wholeSeconds(plan.probeTimeout))", "connections=\(plan.probeConnections)",
        ]
    }

    /// The text that the node is to have; where there is no file, that of `render nginx`.
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
            return NodeFailure(node, .refused(by: refusal, words: facts.said, putBack: putBack))
        }
        if facts["probe"] == "failed" { return NodeFailure(node, .noAnswer(port: port, words: facts.said)) }
        if let why = facts["stuck"] { return NodeFailure(node, .assets(why: why, putBack: putBack)) }
        guard facts["verified"] == "no" else { return nil }
        let seen: String
        if facts["changed"] == "during" {
            seen = "the file was edited by someone else while nginx was loading it"
        } else if let master = facts["master_gone"] {
            seen = "its master process \(master) is gone, so connections were cut; a reload must not be a restart"
        } else if let workers = facts["still"], !workers.isEmpty {
            seen =
                "workers from before still accept connections (\(facts.numbers("still").map(String.init).joined(separator: ", ")))"
        } else {
            seen = "no worker accepts connections"
        }
        return NodeFailure(node, .unverified(seen: seen, words: facts.said, putBack: putBack))
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
        else { throw NodeFailure(node, .notUnderstood(what: "a switch to a text that is none")) }
        let report = NodeReport(
            path: facts["path"] ?? upstream.app,
            file: .present(file, routing: routing),
            loaded: .yes,
            because: "verified workers are still running",
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
        await memory.remember(NodeMemory.Known(file: file), of: upstream, on: node)
        return SwitchReport(
            node: node,
            port: port,
            wasThere: facts["reloaded"] == "no",
            replaced: facts.numbers("replaced"),
            report: report,
            proof: VisitorProof(facts)
        )
    }
}
