import ArgumentParser
import Controller
import ReleaseMachine

struct ShowCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one release: phases, pods, nodes, and why it failed.")

    @Argument(help: "The release, such as blog/42; blog is the app's newest release.", completion: .app) var release:
        ReleaseName
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let release = try await client.release(self.release.app, try await self.release.number(at: client))
            if output.output == .json {
                printLine(try ReleaseView(release).jsonLine())
                return .done
            }
            var terminal = Terminal.current()
            if !terminal.isInteractive { terminal.width = 200 }
            for line in ProgressBlock(release: release, now: SystemClock().now, terminal: terminal).lines {
                printLine(line)
            }
            printLine("")
            for (label, text) in ReleaseFacts(release).rows { printLine("\(label.padded(14))\(text)") }
            if release.state.hasEnded {
                printLine(Outcome(release).sentence)
                for line in Outcome(release).fix { printLine("  \(line)") }
            }
            return .done
        }
    }
}

/// The rows that `show` prints below the phases.
private struct ReleaseFacts {
    var rows: [(label: String, text: String)] = []

    init(_ release: Release) {
        let order = release.order
        rows.append(("image", order.image))
        if let commit = order.commit {
            rows.append(("commit", [commit, order.ref.map { "(\($0))" }].compactMap(\.self).joined(separator: " ")))
        }
        let how = order.isAutomatic == true ? ", started by a hook or a script" : ""
        rows.append(("requested by", "\(order.requestedBy) at \(release.createdAt.iso8601)\(how)"))
        if let reason = order.reason { rows.append(("reason", reason)) }
        if order.isOlder == true { rows.append(("older", "than what was live")) }
        if let overrode = order.overrode { rows.append(("in spite of", overrode)) }
        if let changes = release.compareURL { rows.append(("changes", changes)) }
        if release.needsApprovals {
            if release.state == .paused { rows.append(("approvals", release.approvalCount ?? "none")) }
            for approval in release.approvals {
                rows.append(("approved by", "\(approval.by) at \(approval.at.iso8601)"))
            }
        }
        if let by = release.promotedBy {
            let why = release.forcedReason.map { ", without the approvals that it needed: \($0)" } ?? ""
            rows.append(("promoted by", by + why))
        }
        if case .aborted(let by, let reason) = release.cause {
            rows.append(("aborted by", by + (reason.map { ": \($0)" } ?? "")))
        }
        if case .superseded(let version) = release.cause { rows.append(("given up for", version)) }
        for node in release.nodes {
            let problem = node.problem.map { "  \($0)" } ?? ""
            rows.append(
                ("node", "\(node.address)  \(node.state.rawValue)  \(node.color?.rawValue ?? "-")\(problem)"))
        }
        for pod in release.pods?.pods ?? [] {
            let state = pod.isReady ? "ready" : pod.reason ?? "not ready"
            let restarts = pod.restarts > 0 ? "  \(counted(pod.restarts, "restart"))" : ""
            rows.append(("pod", "\(pod.name)  \(state)\(restarts)"))
        }
    }
}
