import Controller
import Foundation
import ReleaseMachine

/// Shows a release on a terminal: a block of lines, one a phase with its elapsed time, that is redrawn in place.
actor ProgressView {
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

    var hasDrawn: Bool { release != nil }

    /// Redraws the elapsed times until cancelled.
    func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(200))
            if release?.state.hasEnded == false { redraw() }
        }
    }

    /// Draws the block a last time; later output goes below it.
    func finish() {
        redraw()
        drawn = 0
    }

    private func redraw() {
        guard let release else { return }
        let lines = ProgressBlock(release: release, now: clock(), terminal: terminal).lines
        erase()
        write(lines)
        drawn = lines.count
    }

    private func erase() {
        // Moves to the block's first line and clears to the end of the screen. Starts with \r: the terminal may have printed ^C.
        if drawn > 0 { printText("\r\u{1b}[\(drawn)A\u{1b}[J") }
        drawn = 0
    }

    private func write(_ lines: [TerminalLine]) {
        printText(lines.map { $0.written + "\n" }.joined())
    }
}

/// The lines of the progress block, each at most as wide as the terminal.
struct ProgressBlock {
    var release: Release
    var now: Timestamp
    var terminal: Terminal

    var lines: [TerminalLine] {
        let phases = Phase.allCases.filter { $0 != .done }
        let all = [header] + cause + phases.flatMap(lines)
        // Lines that scrolled off the screen could not be redrawn.
        guard let room = terminal.height.map({ $0 - 1 }), all.count > room else { return all }
        let started = phases.filter { phase in release.spans.contains { $0.phase == phase } }.flatMap(lines)
        let top = [header] + cause.prefix(1)
        return (top + started.suffix(max(1, room - top.count))).prefix(max(1, room)).map(\.self)
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

    /// The cause of a failure, or the current problem, shown below the header.
    private var cause: [TerminalLine] {
        if let failure = release.failure {
            return ([failure.message] + failure.details.suffix(8)).enumerated().map { index, text in
                terminal.styled(((index == 0 ? "✖ " : "    ") + text.safe).cut(terminal.width), .red)
            }
        }
        if let problem = release.problem {
            return [terminal.styled(("! \(problem.safe)").cut(terminal.width), .yellow)]
        }
        return []
    }

    private func lines(_ phase: Phase) -> [TerminalLine] {
        let span = release.spans.last { $0.phase == phase }
        if phase == .verifying, span == nil, !release.order.verify { return [] }
        guard phase == .verifying, release.state == .paused, let preview = release.order.rules.previewURL else {
            return [line(phase, span)]
        }
        let text = "\(String(repeating: " ", count: 24))try it at \(preview)"
        return [line(phase, span), TerminalLine(text.safe.cut(terminal.width))]
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
            let then = release.order.rules.promotesByItself ? "promotes" : "aborts"
            let count = release.approvalCount.map { "\($0); " } ?? ""
            return "\(count)awaiting `viridian promote \(release.order.app)`; in \((deadline - now).short) it \(then)"
        case .switching: return count { $0.state == .switched }
        case .draining:
            guard let bounds = release.drainBounds, release.phase == .draining, release.previous != nil else {
                return ""
            }
            return bounds.lowerBound > now
                ? "at least \((bounds.lowerBound - now).short) left" : "waiting for open connections"
        case .retiring: return release.previous.map { "\(release.order.app)-\($0.color) (\($0.version))" } ?? ""
        case .done: return ""
        }
    }

    private func count(_ isDone: (Release.Node) -> Bool) -> String {
        let bad = release.nodes.filter { $0.problem != nil }.map(\.address)
        let named = bad.isEmpty ? "" : "  problems: \(bad.prefix(3).joined(separator: ", "))"
        return "nodes \(release.nodes.filter(isDone).count)/\(release.nodes.count)\(named)"
    }
}
