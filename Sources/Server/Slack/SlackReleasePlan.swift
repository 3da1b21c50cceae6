import Controller
import Integrations
import ReleaseMachine

/// The phases of a release, each with how far it is.
struct SlackReleasePlan {
    let text: SlackReleaseText

    private var release: Release { text.release }

    var plan: SlackPlan {
        SlackPlan(
            title: "\(text.name): \(text.state)",
            tasks: phases.map { phase in
                SlackPlan.Task(id: phase.rawValue, title: title(of: phase), status: status(of: phase))
            })
    }

    /// The same as lines.
    var lines: [SlackText] {
        phases.map { phase in
            let mark =
                switch status(of: phase) {
                case .pending: "○"
                case .inProgress: "▸"
                case .complete: "●"
                case .error: "✕"
                }
            return .plain("\(mark) \(title(of: phase))")
        }
    }

    private var phases: [Phase] {
        Phase.allCases.filter { phase in
            switch phase {
            case .verifying: release.order.verify || release.spans.contains { $0.phase == .verifying }
            case .done: false
            default: true
            }
        }
    }

    private func span(of phase: Phase) -> PhaseSpan? { release.spans.last { $0.phase == phase } }

    /// The phase in which a release ended, or is.
    private var last: Phase { release.spans.last { $0.phase != .done }?.phase ?? .discovering }

    private func status(of phase: Phase) -> SlackPlan.Status {
        guard let span = span(of: phase) else { return .pending }
        if release.isBackingOut, phase == last { return .error }
        return span.endedAt == nil ? .inProgress : .complete
    }

    /// `switching: 18/20 nodes (4.2s)`
    private func title(of phase: Phase) -> String {
        guard let span = span(of: phase) else { return "\(phase)" }
        let detail = detail(of: phase)
        let time = span.endedAt.map { " (\(($0 - span.startedAt).short))" } ?? ""
        return "\(phase)\(detail.isEmpty ? "" : ": \(detail)")\(time)"
    }

    private func detail(of phase: Phase) -> String {
        switch phase {
        case .verifying where release.state == .paused: return text.state
        case .verifying: return decision
        default: return text.progress(of: phase)
        }
    }

    /// What ended the pause.
    private var decision: String {
        if let by = release.promotedBy {
            let how = release.forcedReason == nil ? "" : " without the approvals that it needed"
            return "promoted by \(SlackReleaseText.shown(by, 100))\(how)"
        }
        return release.isBackingOut && last == .verifying ? "not promoted" : "promoted at the end of the pause"
    }
}
