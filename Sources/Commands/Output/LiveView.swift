import Controller
import Foundation
import ReleaseMachine

/// A release on a terminal: a block of lines that is drawn anew in place, a phase a line with its elapsed time.
actor LiveView {
    private let terminal: Terminal
    private let clock: @Sendable () -> Timestamp
    private var drawn = 0
    private var release: Release?

    init(terminal: Terminal, clock: @escaping @Sendable () -> Timestamp) {
        self.terminal = terminal
        self.clock = clock
    }

    func show(_ recorded: RecordedEvent, _ release: Release) {
        self.release = release
        if case .said(let line) = recorded.event {
            erase()
            write([TerminalLine("[\(line.source ?? release.order.app)] out: \(line.text)".safe.cut(terminal.width))])
        }
        redraw()
    }

    /// Draws the elapsed times anew until cancelled.
    func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(200))
            if release?.state.hasEnded == false { redraw() }
        }
    }

    /// Leaves the block as it is; what follows is written below it.
    func finish() {
        redraw()
        drawn = 0
    }

    private func redraw() {
        guard let release else { return }
        let lines = LiveBlock(release: release, now: clock(), terminal: terminal).lines
        erase()
        write(lines)
        drawn = lines.count
    }

    private func erase() {
        // Up to the block's first line, and clear from there to the end of the screen. From the line's beginning: the terminal may have
        // written ^C there.
        if drawn > 0 { put("\r\u{1b}[\(drawn)A\u{1b}[J") }
        drawn = 0
    }

    private func write(_ lines: [TerminalLine]) {
        put(lines.map { $0.written + "\n" }.joined())
    }
}

/// The lines of the block, each at most as wide as the terminal.
struct LiveBlock {
    var release: Release
    var now: Timestamp
    var terminal: Terminal

    var lines: [TerminalLine] {
        let phases = Phase.allCases.filter { $0 != .done }
        let all = [header] + cause + phases.flatMap(lines)
        // What scrolled away could not be drawn anew.
        guard let room = terminal.height.map({ $0 - 1 }), all.count > room else { return all }
        let begun = phases.filter { phase in release.spans.contains { $0.phase == phase } }.flatMap(lines)
        let top = [header] + cause.prefix(1)
        return (top + begun.suffix(max(1, room - top.count))).prefix(max(1, room)).map(\.self)
    }

    private var header: TerminalLine {
        let order = release.order
        let from = release.previous.map { "\($0.version) → " } ?? ""
        let color = release.candidate.map { " on \($0)" } ?? ""
        let text = "\(order.name)  \(from)\(order.version)\(color)".safe
        let right =
            "\(release.isBackingOut && !release.state.hasEnded ? "going back" : release.state.rawValue)  "
            + release.elapsed(at: now).short
        let room = terminal.isInteractive ? terminal.width - text.count - right.count : 2
        let gap = String(repeating: " ", count: max(2, room))
        return terminal.styled((text + gap + right).cut(terminal.width), .bold)
    }

    /// The first cause of a failure, pinned on top.
    private var cause: [TerminalLine] {
        if let failure = release.failure {
            return ([failure.message] + failure.details.suffix(8)).enumerated().map { index, text in
                terminal.styled(((index == 0 ? "✖ " : "    ") + text.safe).cut(terminal.width), .red)
            }
        }
        if let trouble = release.trouble {
            return [terminal.styled(("! \(trouble.safe)").cut(terminal.width), .yellow)]
        }
        return []
    }

    private func lines(_ phase: Phase) -> [TerminalLine] {
        let span = release.spans.last { $0.phase == phase }
        if phase == .verifying, span == nil, !release.order.verify { return [] }
        guard phase == .verifying, release.state == .paused, let preview = release.order.rules.previewURL else {
            return [line(phase, span)]
        }
        let words = "\(String(repeating: " ", count: 24))try it at \(preview)"
        return [line(phase, span), TerminalLine(words.safe.cut(terminal.width))]
    }

    private func line(_ phase: Phase, _ span: PhaseSpan?) -> TerminalLine {
        let isCurrent = release.phase == phase && !release.state.hasEnded
        let failed = release.isBackingOut && release.spans.last { $0.phase != .done }?.phase == phase
        let mark = failed ? "✖" : isCurrent ? (release.state == .paused ? "‖" : "▸") : span == nil ? " " : "✔"
        let elapsed = span.map { (($0.endedAt ?? now) - $0.startedAt).short } ?? ""
        let text = "\(mark) \(phase.rawValue.padded(12)) \(elapsed.padded(8)) \(detail(phase).safe)".cut(terminal.width)
        if failed { return terminal.styled(text, .red) }
        return span == nil ? terminal.styled(text, .dim) : TerminalLine(text)
    }

    private func detail(_ phase: Phase) -> String {
        guard release.spans.contains(where: { $0.phase == phase }) else { return "" }
        switch phase {
        case .discovering:
            guard let survey = release.survey else { return "" }
            let live = survey.live.map { "\($0.color) is live with \($0.version)" } ?? "no colour is live yet"
            return "\(live), \(counted(survey.nodes.count, "node"))"
        case .creating: return release.candidate.map { "\(release.order.app)-\($0)" } ?? ""
        case .starting:
            guard let pods = release.pods else { return "" }
            let waiting = pods.warnings.first ?? pods.pods.first { $0.reason != nil && !$0.isReady }?.reason
            return "pods \(pods.ready)/\(pods.desired)\(waiting.map { "  \($0)" } ?? "")"
        case .staging: return count { $0.state != .pending && $0.state != .failed && $0.state != .unreachable }
        case .verifying:
            guard let deadline = release.verifyDeadline else {
                return release.promotedBy.map { "promoted by \($0)" } ?? ""
            }
            let then = release.order.rules.afterVerifyTimeout == .abort ? "aborts" : "promotes"
            return "awaiting `viridian promote \(release.order.app)`; in \((deadline - now).short) it \(then)"
        case .switching: return count { $0.state == .switched }
        case .draining:
            guard let bounds = release.drainBounds, release.phase == .draining, release.previous != nil else {
                return ""
            }
            return bounds.lowerBound > now
                ? "at least \((bounds.lowerBound - now).short) more" : "waiting for open connections"
        case .retiring: return release.previous.map { "\(release.order.app)-\($0.color) (\($0.version))" } ?? ""
        case .done: return ""
        }
    }

    private func count(_ isDone: (Release.Node) -> Bool) -> String {
        let bad = release.nodes.filter { $0.trouble != nil }.map(\.address)
        let named = bad.isEmpty ? "" : "  trouble: \(bad.prefix(3).joined(separator: ", "))"
        return "nodes \(release.nodes.filter(isDone).count)/\(release.nodes.count)\(named)"
    }
}
