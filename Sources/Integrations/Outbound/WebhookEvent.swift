import ReleaseMachine
import ViridianConfiguration

/// What receivers of webhooks are told of a release.
package struct WebhookEvent: Sendable, Hashable {
    package var trigger: NotifyConfiguration.Trigger
    /// When it happened, or happens.
    package var at: Timestamp
    /// The newest milestone by then, with the release at that moment.
    package var milestone: Milestone
    /// Tells the messages about one release apart: `paused`, `approved-1`.
    package var name: String

    package var release: Release { milestone.release }

    /// Whether a receiver of these is told. What was rolled back because it failed or was aborted is told to receivers of those, too.
    package func isAmong(_ triggers: Set<NotifyConfiguration.Trigger>) -> Bool {
        if triggers.contains(trigger) { return true }
        guard trigger == .rolledBack, milestone.kind != .replaced else { return false }
        return triggers.contains(release.failure == nil ? .aborted : .failed)
    }
}

extension WebhookEvent {
    /// Everything that is to be told of a release so far, in order.
    package static func all(_ history: Milestones) -> [WebhookEvent] {
        history.all.map { milestone in
            let trigger = NotifyConfiguration.Trigger(milestone)
            let count = milestone.kind == .approved ? "-\(milestone.release.approvals.count)" : ""
            return WebhookEvent(
                trigger: trigger, at: milestone.at, milestone: milestone, name: trigger.rawValue + count)
        } + [deadlineNear(history)].compactMap { $0 }
    }

    /// Three quarters of the time to promote have passed.
    private static func deadlineNear(_ history: Milestones) -> WebhookEvent? {
        guard let paused = history.all.first(where: { $0.kind == .paused }), let end = paused.release.verifyDeadline
        else { return nil }
        let at = paused.at + (end - paused.at) * 3 / 4
        let latest = history.all.last { [.paused, .approved].contains($0.kind) && $0.at <= at } ?? paused
        return WebhookEvent(
            trigger: .deadlineNear, at: at, milestone: latest, name: NotifyConfiguration.Trigger.deadlineNear.rawValue)
    }
}

extension NotifyConfiguration.Trigger {
    init(_ milestone: Milestone) {
        self =
            switch milestone.kind {
            case .requested: .requested
            case .started: .started
            case .paused: .paused
            case .approved: .approved
            case .promoted: .promoted
            case .live: .live
            case .failed: .failed
            case .aborted: milestone.release.state == .rolledBack ? .rolledBack : .aborted
            case .replaced: milestone.release.state == .rolledBack ? .rolledBack : .superseded
            }
    }
}

extension WebhookEvent {
    /// `blog/42 (v17 → v18): ready, awaiting promotion until 2026-11-26 14:20 UTC, then it is aborted`
    package var sentence: String { "\(release.order.name) (\(versions)): \(what)" }

    /// `v17 → v18`
    package var versions: String {
        let version = release.order.version
        guard let previous = release.previous?.version, previous != version else { return version }
        return "\(previous) → \(version)"
    }

    private var what: String {
        switch trigger {
        case .paused: "\(milestone.sentence)\(end.map { " until \($0)" } ?? "")"
        case .deadlineNear: "still awaiting promotion\(end.map { ", until \($0)" } ?? "")"
        case .failed, .aborted: "\(milestone.sentence)\(serving.map { "; \($0) serves" } ?? "")"
        default: milestone.sentence
        }
    }

    private var end: String? {
        release.verifyDeadline.map {
            "\($0.minuteTime), then it is \(release.order.rules.promotesByItself ? "promoted" : "aborted")"
        }
    }

    /// The version that visitors get although the release ended.
    private var serving: String? { release.previous?.version }
}
