import Controller
import Foundation
import Integrations
import ReleaseMachine

/// A release as its message in Slack shows it: the same release always gives the same message.
struct SlackReleaseMessage {
    let text: SlackReleaseText
    let site: SlackSite

    private var release: Release { text.release }
    private var order: Order { release.order }

    init(_ release: Release, replacedBy successor: Order? = nil, _ site: SlackSite) {
        text = SlackReleaseText(release: release, successor: successor)
        self.site = site
    }

    /// Slack does not take more, all blocks of a message as JSON: https://github.com/slackapi/bolt-js/issues/2509
    private static let largest = 12_000

    func content(_ style: SlackMessageStyle) throws -> SlackContent {
        let revision = "\(order.name).\(release.sequence)"
        guard style != .text else { return SlackContent(text.sentence) }
        for logSize in [2500, 1000, 300, 0] {
            let content = SlackContent(
                text.sentence, blocks: blocks(style, log: log(upTo: logSize)), revision: revision)
            if (try content.blocksJSON() ?? "").utf8.count <= Self.largest { return content }
        }
        return SlackContent(text.sentence)
    }

    private func blocks(_ style: SlackMessageStyle, log: String?) -> [SlackBlock] {
        let plan = SlackReleasePlan(text: text)
        var blocks: [SlackBlock] = []
        if style == .plan {
            blocks = [.richText([.line(head.joined(separator: "\n"))]), .plan(plan.plan)]
            var parts: [SlackRichText] = []
            if !status.isEmpty { parts.append(.line(status.joined(separator: "\n"))) }
            if let log { parts.append(.preformatted(log)) }
            if !parts.isEmpty { blocks.append(.richText(parts)) }
        } else {
            blocks = [.section(head.joined(separator: "\n")), .section(plan.lines.joined(separator: "\n"))]
            if !status.isEmpty { blocks.append(.section(status.joined(separator: "\n"))) }
            if let log { blocks.append(.code(log)) }
        }
        if !buttons.isEmpty { blocks.append(.actions(buttons)) }
        return blocks
    }

    // MARK: - The head

    private var head: [SlackText] {
        let name: SlackText = site.page(of: order).map { .link($0, order.name) } ?? .bold(order.name)
        let color: SlackText = release.candidate.map { .plain(" · \($0)") } ?? ""
        var second = text.origin
        if let url = release.compareURL { second += " · " + .link(url, "what changes") }
        return [
            .plain("\(text.symbol) ") + name + " · " + text.change + color + " · " + .bold(text.state), second,
        ]
    }

    // MARK: - How it stands

    /// What is wrong, who decided what, what serves now and what to do.
    private var status: [SlackText] {
        var lines: [SlackText] = []
        if release.state == .paused { lines += pause }
        lines += decisions
        if let cause = text.cause {
            lines.append(.plain(cause) + (release.backingOutSince.map { ", " + Self.time($0) } ?? ""))
        }
        if let problem = text.problem { lines.append(.plain(problem)) }
        switch release.state {
        case .running, .paused: break
        case .live: lines.append(.code(text.version) + .plain(" serves, after \(text.duration)"))
        case .failed, .aborted: lines.append(.plain("\(text.serving). It took \(text.duration)."))
        case .rolledBack where release.replacedBy == nil:
            lines.append(.plain("\(text.serving). It took \(text.duration)."))
        case .rolledBack: lines.append("Rolled back" + text.replacement)
        case .superseded: lines.append("Replaced" + text.replacement)
        }
        return lines + repairs
    }

    private var pause: [SlackText] {
        var lines: [SlackText] = []
        let pods = release.pods.map { " with \(counted($0.ready, "pod"))" } ?? ""
        lines.append(.code(text.version) + .plain(" runs\(release.candidate.map { " on \($0)" } ?? "")\(pods)."))
        if let preview = text.preview { lines.append("Try it: " + preview) }
        if let deadline = text.deadline {
            lines.append("Unless promoted by " + deadline + .plain(", it \(text.expiry)."))
        }
        if let count = release.approvalCount {
            lines.append("Approvals: " + .plain(SlackReleaseText.shown(count, 300)))
        }
        if release.needsApprovals {
            let missing = SlackReleaseText.shown(release.missingApprovals, 300)
            lines.append(.plain(missing.prefix(1).uppercased() + missing.dropFirst() + "."))
        }
        if !site.takesRequests {
            lines.append(
                "To promote: " + .code("viridian promote \(order.app)") + ". To abort: "
                    + .code("viridian abort \(order.app)") + ".")
        }
        return lines
    }

    /// In the time zone of the reader.
    private static func time(_ time: Timestamp) -> SlackText {
        .time(time, format: "{date_short_pretty} at {time}", fallback: time.minuteTime)
    }

    /// Who promoted it, and when.
    private var decisions: [SlackText] {
        guard let since = release.spans.first(where: { $0.phase == .switching })?.startedAt, order.verify else {
            return []
        }
        let time = Self.time(since)
        guard let by = release.promotedBy else { return ["Promoted at the end of its pause, " + time] }
        var line = SlackText("Promoted by \(SlackReleaseText.shown(by, 100)), ") + time
        if let reason = release.forcedReason {
            line += .plain(", without the approvals that it needed: \(SlackReleaseText.shown(reason, 300))")
        } else if release.approvals.count > 1 {
            let names = release.approvals.map { SlackReleaseText.shown($0.by, 100) }.joined(separator: ", ")
            line += .plain(". Approved by \(names.cut(utf16: 300))")
        }
        return [line]
    }

    /// Nodes that need repair and what was left behind; the last line is what to do.
    private var repairs: [SlackText] {
        guard release.state.hasEnded, release.replacedBy == nil else { return [] }
        let fix = Outcome(release).fix
        guard let advice = fix.last else { return [] }
        let lines = fix.dropLast()
        let more = lines.count > 5 ? ["… and \(lines.count - 5) more"] : []
        return (lines.prefix(5) + more + [advice]).map { .plain(SlackReleaseText.shown($0, 200)) }
    }

    /// The last lines of the evidence of a failure.
    private func log(upTo size: Int) -> String? {
        guard let details = release.failure?.details, !details.isEmpty, size > 0 else { return nil }
        let all = details.flatMap {
            $0.split(whereSeparator: \.isNewline).map { SlackReleaseText.shown(String($0), 300) }
        }
        var lines: [String] = []
        var rest = size
        for line in all.suffix(30).reversed() {
            rest -= line.utf8.count + 1
            guard rest >= 0 || lines.isEmpty else { break }
            lines.insert(line.cut(utf16: size), at: 0)
        }
        guard !lines.isEmpty else { return nil }
        let left = all.count - lines.count
        return (left > 0 ? ["… \(counted(left, "line")) before"] : []).joined() + (left > 0 ? "\n" : "")
            + lines.joined(separator: "\n")
    }

    // MARK: - Buttons

    private var buttons: [SlackButton] {
        guard site.takesRequests, release.state == .paused else { return [] }
        let isApproval = release.needsApprovals && release.order.rules.neededApprovals - release.approvals.count > 1
        let nodes = counted(release.nodes.count { $0.state == .staged }, "node")
        let new = "\(text.version.cut(utf16: 60))\(release.candidate.map { " on \($0)" } ?? "")"
        let old = release.previous.map { "\(SlackReleaseText.shown($0.version, 60)) on \($0.color)" }
        return [
            SlackButton(
                action: "promote", text: isApproval ? "Approve" : "Promote", value: order.name, style: .primary,
                confirmation: .init(
                    title: "\(isApproval ? "Approve" : "Promote") \(text.version)?".cut(utf16: 100),
                    text: (isApproval
                        ? "\(order.name): yours is approval \(release.approvals.count + 1) of "
                            + "\(order.rules.neededApprovals). No node switches before the last one."
                        : "\(order.name): \(nodes) switch\(nodes == "1 node" ? "es" : "") to \(new)"
                            + "\(old.map { ", from \($0)" } ?? "").").cut(utf16: 300),
                    confirm: isApproval ? "Approve" : "Promote", deny: "Not now")),
            SlackButton(
                action: "abort", text: "Abort", value: order.name, style: .danger,
                confirmation: .init(
                    title: "Abort \(text.version)?".cut(utf16: 100),
                    text:
                        "\(order.name) ends, and its pods are deleted. \(old.map { "\($0) serves, as before." } ?? "")"
                        .cut(utf16: 300),
                    confirm: "Abort", deny: "Not now")),
        ]
    }
}
