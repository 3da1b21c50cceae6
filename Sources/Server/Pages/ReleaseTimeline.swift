import Controller
import ReleaseMachine

/// How long phases usually take: the median of releases that went live.
struct UsualTimes: Sendable {
    private(set) var phases: [Phase: Duration] = [:]
    private(set) var whole: Duration?

    init() {}

    init(_ past: [ReleaseSummary], besides number: Int) {
        let good = past.filter { $0.hasBeenLive && $0.number != number && $0.endedAt != nil }
        for phase in Phase.allCases where phase != .done && phase != .verifying {
            phases[phase] = Self.median(
                good.compactMap { release in
                    release.phases.first { $0.phase == phase }.flatMap { span in
                        span.endedAt.map { $0 - span.startedAt }
                    }
                })
        }
        // Without the pause for verification, and without first releases, which have nothing to drain.
        whole = Self.median(
            good.filter { release in release.phases.contains { $0.phase == .draining } }.compactMap { release in
                release.endedAt.map { end in
                    let pause = release.phases.first { $0.phase == .verifying }
                    return (end - release.createdAt)
                        - (pause.flatMap { span in span.endedAt.map { $0 - span.startedAt } } ?? .zero)
                }
            })
    }

    static func median(_ values: [Duration]) -> Duration? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// The phases of a release, with the time that each took and its usual time.
struct ReleaseTimeline {
    var release: Release
    var usual: UsualTimes
    var path: String
    var view: ReleaseLog.View
    var now: Timestamp

    private enum PhaseState {
        case done, running, paused, failed, aborted, pending, skipped
    }

    func fill(_ model: inout PageValues) {
        model["phases"] = Phase.allCases.filter { $0 != .done }.map(phase)
    }

    private func phase(_ phase: Phase) -> PageValues {
        let span = release.spans.first { $0.phase == phase }
        let state = state(phase, span)
        let taken = span.map { ($0.endedAt ?? end) - $0.startedAt }
        let usually = usual.phases[phase]
        return PageValues {
            $0["key"] = phase.rawValue
            $0["label"] = DisplayText.label(phase)
            $0["href"] = "\(path)?phase=\(phase.rawValue)#log"
            $0["class"] = Self.style(state) + (view.phase == phase ? " shown" : "")
            $0["icon"] = Self.icon(state)
            $0["stateText"] = Self.text(state)
            $0["isCurrent"] = state == .running || state == .paused
            $0["took"] = taken.map(Self.length)
            $0["since"] = state == .running || state == .paused ? span?.startedAt.iso8601 : nil
            $0["usual"] = state == .skipped ? missed(phase) : usually.map { "usually \(Self.length($0))" }
            $0["bar"] =
                phase == .verifying || state == .skipped ? nil : bar(taken, usually, isRunning: state == .running)
        }
    }

    /// Why a phase has no time: it was skipped, or the release ended before it.
    private func missed(_ phase: Phase) -> String {
        release.spans.contains { $0.phase > phase && $0.phase != .done } ? "skipped" : "not reached"
    }

    private var end: Timestamp { release.endedAt ?? now }

    private func state(_ phase: Phase, _ span: PhaseSpan?) -> PhaseState {
        if release.isBackingOut, phase == stopped { return release.failure == nil ? .aborted : .failed }
        guard let span else {
            return release.state.hasEnded || release.isBackingOut || phase < release.phase ? .skipped : .pending
        }
        if span.endedAt != nil { return .done }
        if release.state.hasEnded { return .done }
        return phase == .verifying ? .paused : .running
    }

    /// The phase in which the release failed or was aborted.
    private var stopped: Phase? { release.spans.last { $0.phase != .done }?.phase }

    /// Widths in per cent. The mark of the usual time is at 80 unless the phase took longer.
    private func bar(_ taken: Duration?, _ usually: Duration?, isRunning: Bool) -> PageValues? {
        guard taken != nil || usually != nil else { return nil }
        let took = Double(taken?.milliseconds ?? 0)
        let known = Double(usually?.milliseconds ?? 0)
        let scale = max(known * 1.25, took, 1)
        return PageValues {
            $0["fill"] = Self.percent(took / scale)
            $0["mark"] = usually == nil ? nil : Self.percent(min(known / scale, 0.988))
            $0["scale"] = isRunning ? Int(scale) : nil
        }
    }

    private static func length(_ length: Duration) -> String {
        length < .milliseconds(100) ? "< 0.1s" : length.short
    }

    private static func percent(_ part: Double) -> String {
        let tenths = Int((part * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func style(_ state: PhaseState) -> String {
        switch state {
        case .done: "done"
        case .running: "run"
        case .paused: "held"
        case .failed: "fail"
        case .aborted: "stop"
        case .pending: "wait"
        case .skipped: "skip-it"
        }
    }

    private static func icon(_ state: PhaseState) -> String {
        switch state {
        case .done: "check"
        case .running: "run"
        case .paused: "pause"
        case .failed: "cross"
        case .aborted: "stop"
        case .pending, .skipped: "wait"
        }
    }

    private static func text(_ state: PhaseState) -> String {
        switch state {
        case .done: "done"
        case .running: "running"
        case .paused: "paused"
        case .failed: "failed"
        case .aborted: "aborted"
        case .pending: "pending"
        case .skipped: "not reached"
        }
    }
}
