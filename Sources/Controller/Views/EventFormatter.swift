import ReleaseMachine

/// Formats the events of a release as lines of text: the output of a deploy without a terminal, of `logs`, and of the pages' log.
///
/// One value formats one release, from its first event on: it leaves out what it has reported before.
package struct EventFormatter: Sendable {
    private var startedAt: Timestamp?
    private var phase: Phase?
    private var podCount = ""
    private var podReasons: [String: String] = [:]
    private var warnings: Set<String> = []
    private var wasBackingOut = false

    package init() {}

    /// The lines for one event: `blog/42 +4.2s …`, safe for a terminal. `release` is the release after the event.
    package mutating func lines(_ recorded: RecordedEvent, _ release: Release) -> [String] {
        let started = startedAt ?? release.createdAt
        startedAt = started
        var texts = texts(recorded.event, release)
        if release.isBackingOut, !wasBackingOut {
            wasBackingOut = true
            texts += backingOut(release)
        }
        if release.phase != phase {
            phase = release.phase
            if !release.isBackingOut { texts += entering(release) }
        }
        if release.state.hasEnded, !isReplacement(recorded.event) { texts += ending(release) }
        let clock = (recorded.at - started).short
        return texts.map { "\(release.order.name) +\(clock) \($0.safe)" }
    }

    private func isReplacement(_ event: Event) -> Bool {
        if case .replaced = event { true } else { false }
    }

    private mutating func texts(_ event: Event, _ release: Release) -> [String] {
        let order = release.order
        switch event {
        case .requested:
            let what = order.isRollback ? "rollback to" : "deploy of"
            let why = order.reason.map { ": \($0)" } ?? ""
            return [
                "--- Starting \(what) \(order.version) for \(order.app), requested by \(order.requestedBy)\(why) ---"
            ]
        case .discovered(let survey):
            return discovered(survey)
        case .candidateCreated:
            return ["Created \(order.app)-\(candidate(release)) at version \(order.version) (\(order.image))"]
        case .podsObserved(let report):
            return observed(report)
        case .podsChanged:
            return release.pods.map { observed($0) } ?? []
        case .podsReady:
            return ["All pods are online!" + running(release.pods?.images ?? [])]
        case .nodeStaged(let node):
            let done = release.nodes.filter { $0.state == .staged }.count
            return ["[\(node)] staged: \(candidate(release)) answers on this node (\(done)/\(release.nodes.count))"]
        case .nodePrepared, .candidateConfirmed, .candidateDelayed:
            return []
        case .nodeSwitched(let node):
            let done = release.nodes.filter { $0.state == .switched }.count
            return ["[\(node)] routes to \(candidate(release)), verified (\(done)/\(release.nodes.count))"]
        case .nodeReverted(let node):
            return ["[\(node)] routes to \(release.previous?.color.rawValue ?? "its previous colour") again, verified"]
        case .nodeFailed(let step, let problem):
            let what =
                switch step {
                case .stage: "cannot be staged"
                case .change: "cannot be switched"
                case .revert: "cannot be switched back"
                }
            return ["[\(problem.node)] \(what): \(problem.message)"]
        case .nodesLeft(let nodes):
            return nodes.map { "[\($0)] is no longer in the inventory: the release goes on without it" }
        case .liveRecorded(let color):
            return ["Set the live colour of \(order.app) to \(color)"]
        case .drained(let evidence):
            return drained(evidence, release)
        case .readBack(let readings):
            guard release.needRepair.isEmpty else { return release.needRepair.map { "[\($0.node)] \($0.statusText)" } }
            let colors = Set(readings.compactMap(\.color?.rawValue)).sorted()
            return colors.isEmpty ? [] : ["Read back from every node: \(colors.joined(separator: ", "))"]
        case .oldRemoved:
            return release.previous.map { ["Deleted \(order.app)-\($0.color) (\($0.version)) and its pods"] } ?? []
        case .oldRetained(let until):
            return release.previous.map {
                ["Keeping \(order.app)-\($0.color) (\($0.version)) until \(until.clockTime) for an instant rollback"]
            } ?? []
        case .candidateRemoved:
            return release.candidate.map { ["Deleted \(order.app)-\($0) (\(order.version)) and its pods"] } ?? []
        case .promoted(let by): return ["Promoted by \(by)"]
        case .approved(let by):
            let count = "\(release.approvals.count) of \(release.order.rules.neededApprovals)"
            return ["Approved by \(by), \(count): \(release.missingApprovals)"]
        case .promotionForced(let by, let reason):
            return ["Promoted by \(by) without the approvals that it needed: \(reason)"]
        case .abortRequested(let by, let reason):
            return ["Abort requested by \(by)\(reason.map { ": \($0)" } ?? "")"]
        case .supersedeRequested(let version, _): return ["\(version) arrived, and is to be released instead"]
        case .lossAccepted(let by, let reason, let isLive, let readings):
            let what = isLive ? "the cluster has it recorded as live" : "it is given up as it is"
            return ["\(by) accepted that the journal has lost the end of this release: \(reason); \(what)"]
                + readings.map { "[\($0.node)] \($0.statusText)" }
        case .refused: return []
        case .troubled(let effect, let message): return ["\(name(effect)) failed: \(message); retrying"]
        case .deadlinePassed(let phase):
            return phase == .draining && release.phase == .retiring
                ? ["The drain's time is over; not every node reported its open connections"] : []
        case .takenUp(let by): return ["Resumed by \(by)"]
        case .resumed(let milliseconds):
            let absence = Duration.milliseconds(milliseconds).short
            return ["No process ran this release for \(absence); it continues, and its deadlines count from now"]
        case .said(let line): return [line.source.map { "[\($0)] out: \(line.text)" } ?? line.text]
        case .replaced(let number, let rolledBack):
            return ["\(order.app)/\(number) \(rolledBack ? "rolled this release back" : "superseded this release")"]
        }
    }

    private func candidate(_ release: Release) -> String { release.candidate?.rawValue ?? "the candidate" }

    private func discovered(_ survey: Survey) -> [String] {
        let live = survey.live.map { "\($0.color) is live with \($0.version)" } ?? "no colour is live yet"
        return [
            "Found \(counted(survey.nodes.count + survey.unreachable.count, "node")); \(live)",
            "Deploying to colour \(survey.candidate) with \(counted(survey.replicas, "replica"))",
        ] + survey.unreachable.map { "[\($0.node)] cannot be reached: \($0.message)" }
    }

    private mutating func observed(_ report: PodsReport) -> [String] {
        var lines: [String] = []
        let count = "\(report.ready)/\(report.desired)"
        if count != podCount { lines.append("Waiting for all pods to come online. \(count) are now online") }
        podCount = count
        for pod in report.pods {
            guard let reason = pod.reason, podReasons[pod.name] != reason else { continue }
            podReasons[pod.name] = reason
            // Shortened here: when the reason makes the release fail, the failure has it in full.
            lines.append("  \(pod.name): \(reason.cut(160))")
        }
        for warning in report.warnings where warnings.insert(warning).inserted { lines.append("  \(warning)") }
        return lines
    }

    /// ` They run registry.local:5000/blog:v2 (sha256:0d1c9f1e7b1f)`: evidence that the pods belong to this release.
    private func running(_ images: [RunningImage]) -> String {
        guard !images.isEmpty else { return "" }
        return " They run "
            + images.map { $0.id.isEmpty ? $0.image : "\($0.image) (\($0.id.prefix(19)))" }.joined(separator: " and ")
    }

    private func drained(_ evidence: DrainEvidence, _ release: Release) -> [String] {
        guard let old = release.previous else { return [] }
        guard !evidence.open.isEmpty else { return ["Drained: no connection to \(old.color) is left"] }
        return ["The drain's time is over; still open to \(old.color):"]
            + evidence.open.map { open in
                open.connections < 0
                    ? "[\(open.node)] does not answer"
                    : "[\(open.node)] \(counted(open.connections, "connection")), \(counted(open.oldWorkers, "old nginx worker"))"
                        + (open.isStillArriving
                            ? ", new connections from \((open.sources ?? []).joined(separator: ", "))" : "")
            }
    }

    private func name(_ effect: Effect) -> String {
        switch effect {
        case .survey: "Reading the cluster and the nodes"
        case .createCandidate: "Creating the candidate"
        case .awaitPods: "Watching the pods"
        case .prepare(let node): "Preparing \(node)"
        case .stage(let node): "Staging \(node)"
        case .confirmCandidate: "Checking the candidate before the switch"
        case .switchNode(let node): "Switching \(node)"
        case .revertNode(let node): "Switching \(node) back"
        case .recordLive: "Recording the live colour"
        case .drain: "Draining"
        case .readBack: "Reading the nodes back"
        case .removeOld: "Deleting the old colour"
        case .retainOld: "Keeping the old colour"
        case .removeCandidate: "Deleting the candidate"
        }
    }

    // MARK: Phases

    private func entering(_ release: Release) -> [String] {
        let order = release.order
        switch release.phase {
        case .discovering: return ["Collecting nodes and the live colour"]
        case .creating: return []
        case .starting: return ["Waiting for the pods to come online fully before moving on"]
        case .staging:
            return ["--- Staging \(counted(release.nodes.count { $0.state == .pending }, "node")) ---"]
        case .verifying:
            let deadline = release.verifyDeadline.map { " until \($0.clockTime)" } ?? ""
            let outcome = order.rules.promotesByItself ? "promotes" : "aborts"
            return [
                "--- Paused for verification\(deadline); then it \(outcome) if viridian serve or the same deploy command "
                    + "is running ---",
                order.rules.previewURL.map { "Try \(order.version) at \($0)" },
                release.needsApprovals ? "It needs approvals: \(release.missingApprovals)" : nil,
                "To promote: viridian promote \(order.app)    To abort: viridian abort \(order.app)",
            ].compactMap { $0 }
        case .switching:
            let nodes = release.nodes.filter { $0.state == .staged }.count
            return ["--- Switching \(counted(nodes, "node")) to \(candidate(release)) ---"]
        case .draining:
            guard let old = release.previous else { return ["All nodes route to \(candidate(release))"] }
            return [
                "All nodes route to \(candidate(release)); "
                    + "draining connections to \(old.color) for at least \(order.rules.drainLeast.short)"
            ]
        case .retiring: return release.previous == nil ? [] : ["--- Running the cleanup ---"]
        case .done: return []
        }
    }

    private func backingOut(_ release: Release) -> [String] {
        let order = release.order
        switch release.cause {
        case .failure(let failure):
            return ["FAILED in phase \(failure.phase): \(failure.message)"] + failure.details.map { "  \($0)" }
        case .verificationExpired: return ["\(order.name) was not promoted in time: aborting"]
        case .superseded(let version): return ["\(order.name) is given up for \(version)"]
        case .aborted, nil: return []
        }
    }

    private func ending(_ release: Release) -> [String] {
        [Outcome(release).sentence] + Outcome(release).fix.map { "  \($0)" }
    }
}
