import Controller
import Foundation
import Integrations
import ReleaseMachine

/// What is said of a release in Slack, in sentences. Text of people, pods and nodes is shown as it is, without control characters, and cut.
struct SlackReleaseText {
    let release: Release
    /// The order of the release that replaced this one; `nil` where none did.
    var successor: Order?

    var order: Order { release.order }
    var name: String { order.name }
    var version: String { Self.shown(order.version, 128) }

    static func shown(_ text: String, _ limit: Int) -> String { text.safe.cut(utf16: limit) }

    // MARK: - What it is

    /// `v17 → v18`, `rollback v18 → v17`, `v18` where nothing was live.
    var change: SlackText {
        let old = release.previous?.version ?? order.live?.version
        let prefix: SlackText = if order.isRollback { "rollback " } else { "" }
        guard let old else { return prefix + .code(version) }
        return prefix + .code(Self.shown(old, 128)) + " → " + .code(version)
    }

    /// `Requested by mike: fix login`
    var origin: SlackText {
        let by = Self.shown(order.requestedBy, 120)
        let what = order.isAutomatic == true ? "Started by a hook: \(by)" : "Requested by \(by)"
        let why = order.reason.map { ": \(Self.shown($0, 300))" } ?? ""
        let despite = order.overrode.map { ", in spite of: \(Self.shown($0, 300))" } ?? ""
        return SlackText(what + why + despite)
    }

    // MARK: - How it stands

    var symbol: String {
        switch release.state {
        case .running: release.isBackingOut ? "⏪" : "▶️"
        case .paused: "⏸️"
        case .live: "✅"
        case .failed: "❌"
        case .aborted: "⏹️"
        case .rolledBack: "↩️"
        case .superseded: "☑️"
        }
    }

    /// A few words, which also say how far it is: `switching, 18/20 nodes`.
    var state: String {
        switch release.state {
        case .paused: return "awaiting promotion" + (release.approvalCount.map { ", \(Self.shown($0, 200))" } ?? "")
        case .running where release.isBackingOut: return "going back"
        case .running:
            let progress = progress(of: release.phase)
            return "\(release.phase)" + (progress.isEmpty ? "" : ", \(progress)")
        case .live: return "live"
        case .failed: return "failed"
        case .aborted: return "aborted"
        case .rolledBack: return "rolled back"
        case .superseded: return "replaced"
        }
    }

    /// `2/3 pods ready`, `18/20 nodes`; empty for phases that are not counted.
    func progress(of phase: Phase) -> String {
        switch phase {
        case .starting:
            return release.pods.map { "\($0.ready)/\($0.desired) pods ready" } ?? ""
        case .staging:
            guard release.phase == .staging else {
                let staged = release.nodes.count { ![.unreachable, .failed].contains($0.state) }
                return counted(staged, "node")
            }
            return "\(release.nodes.count { $0.state == .staged })/\(counted(release.nodes.count, "node"))"
        case .switching:
            return "\(release.nodes.count { $0.state == .switched })/\(counted(release.nodes.count, "node"))"
        case .discovering, .creating, .verifying, .draining, .retiring, .done: return ""
        }
    }

    /// What serves, after a release that did not go live.
    var serving: String {
        guard release.survey != nil else { return "Nothing was touched" }
        guard let previous = release.previous else { return "Nothing serves yet" }
        return "\(Self.shown(previous.version, 128)) on \(previous.color) serves, as before"
    }

    /// What is wrong at present and may still come right; `nil` when nothing is.
    var problem: String? {
        guard !release.state.hasEnded else { return nil }
        if let problem = release.problem { return Self.shown("Retrying: \(problem)", 500) }
        if let node = release.nodes.first(where: { $0.problem != nil }) {
            return Self.shown("\(node.address): \(node.problem ?? "")", 500)
        }
        guard release.phase == .starting, !release.isBackingOut, let pods = release.pods else { return nil }
        if let warning = pods.warnings.first { return Self.shown(warning, 500) }
        return pods.pods.first { !$0.isReady && $0.reason != nil }
            .map { Self.shown("\($0.name): \($0.reason ?? "")", 500) }
    }

    /// Why it goes back or went back.
    var cause: String? {
        switch release.cause {
        case .failure(let failure): Self.shown("Failed in phase \(failure.phase): \(failure.message)", 700)
        case .aborted(let by, let reason):
            Self.shown("Aborted by \(by)\(reason.map { ": \($0)" } ?? "")", 500)
        case .verificationExpired:
            Self.shown("Aborted: not promoted in time" + (release.approvalCount.map { ", \($0)" } ?? ""), 500)
        case .superseded(let version): Self.shown("Given up for \(version)", 200)
        case nil: nil
        }
    }

    // MARK: - The pause

    /// `aborts`
    var expiry: String {
        order.rules.afterVerifyTimeout == .promote && !order.rules.asksOthers ? "goes live by itself" : "aborts"
    }

    /// The deadline in the time zone of the reader.
    var deadline: SlackText? {
        release.verifyDeadline.map { .time($0, format: "{date_short_pretty} at {time}", fallback: $0.minuteTime) }
    }

    var preview: SlackText? {
        order.rules.previewURL.map { .link(Self.shown($0, 1000), Self.shown($0, 200)) }
    }

    // MARK: - As one sentence

    /// The notification: useful without the rest of the message.
    var sentence: SlackText {
        let place = release.candidate.map { " on \($0)" } ?? ""
        switch release.state {
        case .running:
            return .plain("\(name) ") + change + .plain(": \(cause.map { "\(state). \($0)" } ?? state)")
        case .paused:
            let preview = preview.map { "; try it at " + $0 } ?? ""
            let deadline = deadline.map { .plain("; unless promoted, it \(expiry) on ") + $0 } ?? ""
            return .plain("\(name): ") + .code(version) + .plain("\(place) is \(state)") + preview + deadline
        case .live:
            let repair =
                release.needRepair.isEmpty ? "" : ", but \(counted(release.needRepair.count, "node")) not repaired yet"
            return .plain("\(name) is live: ") + .code(version) + .plain(" serves\(place)\(repair) (\(duration))")
        case .failed, .aborted:
            return .plain("\(name) (") + .code(version)
                + .plain(") \(state). \(cause.map { "\($0). " } ?? "")\(serving)")
        case .rolledBack where release.replacedBy == nil:
            return .plain("\(name) (") + .code(version)
                + .plain(") was rolled back. \(cause.map { "\($0). " } ?? "")\(serving)")
        case .rolledBack: return .plain("\(name) (") + .code(version) + .plain(") was rolled back") + replacement
        case .superseded: return .plain("\(name) (") + .code(version) + .plain(") was replaced") + replacement
        }
    }

    /// ` by blog/43: v17 is live`
    var replacement: SlackText {
        guard let number = release.replacedBy else { return "" }
        let live = successor.map { ": " + .code(Self.shown($0.version, 128)) + " is live" } ?? ""
        return .plain(" by \(order.app)/\(number)") + live
    }

    var duration: String { release.elapsed(at: release.updatedAt).short }
}
