import Controller
import Foundation
import Integrations
import ReleaseMachine

/// The lines of the thread below a release's message.
struct SlackThread {
    /// A line, which a release has at most once.
    enum Line: Sendable, Hashable {
        /// It entered a phase.
        case phase(Phase)
        /// It ended.
        case ended(Release.State)

        /// Its name in the outbox: `thread creating`.
        var message: String {
            switch self {
            case .phase(.verifying): "thread paused"
            case .phase(let phase): "thread \(phase)"
            case .ended(let state): "thread \(state)"
            }
        }

        /// It is for everybody in the channel, not only for those who follow the thread.
        var isForEverybody: Bool { [.phase(.verifying), .ended(.failed), .ended(.rolledBack)].contains(self) }
    }

    /// All lines so far, in order: the same events always give the same lines.
    let lines: [(line: Line, at: Timestamp)]
    private let text: SlackReleaseText
    private let site: SlackSite

    init(_ history: Milestones, replacedBy successor: Order? = nil, _ site: SlackSite) {
        text = SlackReleaseText(release: history.release, successor: successor)
        self.site = site
        let phases = history.release.spans.filter { $0.phase != .discovering && $0.phase != .done }
            .map { (Line.phase($0.phase), $0.startedAt) }
        let endings = history.all.filter { $0.release.state.hasEnded && $0.release.state != .superseded }
            .map { (Line.ended($0.release.state), $0.at) }
        lines = phases + endings
    }

    /// What a line says, with its time.
    func content(_ line: Line, at time: Timestamp) -> SlackText {
        SlackText.time(time, format: "{time_secs}", fallback: time.clockTime) + " " + sentence(line)
    }

    private func sentence(_ line: Line) -> SlackText {
        let release = text.release
        let color = release.candidate?.rawValue ?? "the candidate"
        switch line {
        case .phase(.creating): return .plain("Creating \(color). \(text.serving)")
        case .phase(.starting):
            return .plain(
                "Starting \(counted(release.survey?.replicas ?? release.order.rules.replicas, "pod")) on \(color)")
        case .phase(.staging): return .plain("All pods are ready; staging \(counted(release.nodes.count, "node"))")
        case .phase(.verifying):
            return release.state == .paused ? text.sentence : .plain("Paused for verification on \(color)")
        case .phase(.switching):
            let by =
                release.promotedBy.map { "Promoted by \(SlackReleaseText.shown($0, 100)); switching" } ?? "Switching"
            return .plain("\(by) to \(color)")
        case .phase(.draining):
            let old = release.previous.map { "; draining connections to \($0.color)" } ?? ""
            return .plain("All nodes route to \(color)\(old)")
        case .phase(.retiring):
            return .plain(release.previous.map { "Drained; retiring \($0.color)" } ?? "Completing the release")
        case .phase(let phase): return .plain("\(phase)")
        case .ended(.live):
            // What became of it later is told by its message.
            return .code(text.version) + .plain(" is live on \(color), after \(text.duration)")
        case .ended: return text.sentence
        }
    }

    /// Asks the person who requested the release for a decision.
    var reminder: SlackText {
        let who = site.id(of: text.release.requester).map { SlackText.user($0) + " " } ?? ""
        let missing =
            text.release.needsApprovals ? "; \(SlackReleaseText.shown(text.release.missingApprovals, 300))" : ""
        return who + text.sentence + .plain(missing)
    }

    /// When the reminder is due: three quarters of the pause. `nil` for a release that has not paused.
    static func reminder(of release: Release) -> Timestamp? {
        release.spans.first { $0.phase == .verifying }
            .map { $0.startedAt + .milliseconds(release.order.rules.verifyTimeout.milliseconds * 3 / 4) }
    }
}
