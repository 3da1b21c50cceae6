import Controller
import Foundation
import Integrations
import ReleaseMachine

/// The state of apps, for people in Slack.
extension SlackWording {
    /// One app in some lines. `latest` is its newest release.
    func status(_ app: AppView, latest: Release?) -> SlackText {
        var lines = [headline(app)]
        if let latest { lines.append(.plain("• ") + line(latest)) }
        if let latest, latest.state == .paused, let preview = latest.order.rules.previewURL {
            lines.append(.plain("• try it: ") + .link(preview, preview))
        }
        if !app.drifted.isEmpty {
            lines.append(
                sentence(
                    "• drifted: \(list(app.drifted)); to fix: `viridian repair \(app.app)`"))
        }
        lines += app.holds.map { sentence("• \($0.sentence)") }
        if let queued = app.queued {
            lines.append(.plain("• ") + .code(queued.version) + .plain(" waits: ") + sentence(queued.waits))
        }
        if let problem = app.problem { lines.append(.plain("• the cluster could not be read: \(problem.cut(300))")) }
        return lines.joined(separator: "\n")
    }

    /// One app in one line.
    func shortStatus(_ app: AppView, latest: Release?) -> SlackText {
        var parts = [headline(app)]
        if let latest, !latest.state.hasEnded { parts.append(line(latest)) }
        if !app.drifted.isEmpty { parts.append(.plain("drifted: \(counted(app.drifted.count, "node"))")) }
        if !app.holds.isEmpty {
            parts.append(.plain(app.holds.allSatisfy(\.automatic) ? "locked for automatic releases" : "locked"))
        }
        if let queued = app.queued { parts.append(.code(queued.version) + .plain(" waits")) }
        if app.problem != nil { parts.append("the cluster could not be read") }
        return parts.joined(separator: " · ")
    }

    /// *blog*: `v1` on blue (blog/41), 2/2 pods
    private func headline(_ app: AppView) -> SlackText {
        guard let live = app.live else {
            return .bold(app.app) + .plain(app.problem == nil ? ": nothing is live yet" : ": what is live is unknown")
        }
        var text: SlackText = .bold(app.app) + .plain(": ") + .code(live.version) + .plain(" on \(live.color)")
        if let number = live.release { text += .plain(" (") + name(app: app.app, number: number) + .plain(")") }
        if let pods = app.colors[live.color.rawValue], pods.ready < pods.replicas {
            text += .plain(", only \(pods.ready) of \(pods.replicas) pods are ready")
        }
        return text
    }

    /// blog/42 (`v2`) awaits promotion until 14:03 (1 of 2: ann), requested by mike: fix of prices
    private func line(_ release: Release) -> SlackText {
        var text = name(release) + version(release) + .plain(" ")
        switch release.state {
        case .paused:
            text += "awaits promotion"
            if let deadline = release.verifyDeadline {
                text += .plain(" until ") + .time(deadline, format: "{time}", fallback: deadline.clockTime)
            }
            if let count = release.approvalCount { text += .plain(" (\(count))") }
            if release.needsApprovals { text += .plain("; \(release.missingApprovals)") }
        case .running:
            text += .plain(release.isBackingOut ? "is going back" : "is \(release.phase)")
            if let progress = ReleaseProgress(release).sentence { text += .plain(": \(progress)") }
        case .live: text += "is live"
        case .failed:
            text += .plain(
                "failed" + (release.failure.map { " in phase \($0.phase): \($0.message.safeLine.cut(300))" } ?? ""))
        case .aborted: text += "was aborted"
        case .rolledBack: text += "was rolled back"
        case .superseded: text += "was superseded"
        }
        text += .plain(", requested by \(release.order.requestedBy)")
        if let reason = release.order.reason { text += .plain(": \(reason.safeLine.cut(200))") }
        return text
    }

    private func list(_ nodes: [String]) -> String {
        nodes.prefix(5).joined(separator: ", ") + (nodes.count > 5 ? " and \(nodes.count - 5) more" : "")
    }
}
