import Controller
import ReleaseMachine

/// How long phases take when all goes well: the median of releases that went live.
struct UsualTimes: Sendable {
    private(set) var phases: [Phase: Duration] = [:]
    private(set) var whole: Duration?

    init() {}

    init(_ past: [ReleaseDigest], besides number: Int) {
        let good = past.filter { $0.hasBeenLive && $0.number != number && $0.endedAt != nil }
        for phase in Phase.allCases where phase != .done && phase != .verifying {
            phases[phase] = Self.median(
                good.compactMap { release in
                    release.phases.first { $0.phase == phase }.flatMap { span in
                        span.endedAt.map { $0 - span.startedAt }
                    }
                })
        }
        // A person's pause says nothing of how long the rest takes, and a first release, which takes over from nothing, nothing of others.
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

/// The phases of a release, with what each has taken beside what it usually takes.
struct Timeline {
    var release: Release
    var usual: UsualTimes
    var path: String
    var view: ReleaseLog.View
    var now: Timestamp

    private enum Look {
        case done, now, held, failed, aborted, toCome, skipped
    }

    func fill(_ model: inout Model) {
        model["phases"] = Phase.allCases.filter { $0 != .done }.map(phase)
    }

    private func phase(_ phase: Phase) -> Model {
        let span = release.spans.first { $0.phase == phase }
        let look = look(phase, span)
        let taken = span.map { ($0.endedAt ?? end) - $0.startedAt }
        let usually = usual.phases[phase]
        return Model {
            $0["key"] = phase.rawValue
            $0["label"] = Words.label(phase)
            $0["href"] = "\(path)?phase=\(phase.rawValue)#log"
            $0["class"] = Self.style(look) + (view.phase == phase ? " shown" : "")
            $0["icon"] = Self.icon(look)
            $0["words"] = Self.words(look)
            $0["isCurrent"] = look == .now || look == .held
            $0["took"] = taken.map(Self.length)
            $0["since"] = look == .now || look == .held ? span?.startedAt.iso8601 : nil
            $0["usual"] = look == .skipped ? missed(phase) : usually.map { "usually \(Self.length($0))" }
            $0["bar"] = phase == .verifying || look == .skipped ? nil : bar(taken, usually, isRunning: look == .now)
        }
    }

    /// Either the release went on without it, or it ended before.
    private func missed(_ phase: Phase) -> String {
        release.spans.contains { $0.phase > phase && $0.phase != .done } ? "skipped" : "not reached"
    }

    private var end: Timestamp { release.endedAt ?? now }

    private func look(_ phase: Phase, _ span: PhaseSpan?) -> Look {
        if release.isBackingOut, phase == stopped { return release.failure == nil ? .aborted : .failed }
        guard let span else {
            return release.state.hasEnded || release.isBackingOut || phase < release.phase ? .skipped : .toCome
        }
        if span.endedAt != nil { return .done }
        if release.state.hasEnded { return .done }
        return phase == .verifying ? .held : .now
    }

    /// The phase in which the release turned back.
    private var stopped: Phase? { release.spans.last { $0.phase != .done }?.phase }

    /// Widths are of a hundred. The mark of the usual time stands at four fifths unless this one took longer.
    private func bar(_ taken: Duration?, _ usually: Duration?, isRunning: Bool) -> Model? {
        guard taken != nil || usually != nil else { return nil }
        let took = Double(taken?.milliseconds ?? 0)
        let known = Double(usually?.milliseconds ?? 0)
        let scale = max(known * 1.25, took, 1)
        return Model {
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

    private static func style(_ look: Look) -> String {
        switch look {
        case .done: "done"
        case .now: "run"
        case .held: "held"
        case .failed: "fail"
        case .aborted: "stop"
        case .toCome: "wait"
        case .skipped: "skip-it"
        }
    }

    private static func icon(_ look: Look) -> String {
        switch look {
        case .done: "check"
        case .now: "run"
        case .held: "pause"
        case .failed: "cross"
        case .aborted: "stop"
        case .toCome, .skipped: "wait"
        }
    }

    private static func words(_ look: Look) -> String {
        switch look {
        case .done: "done"
        case .now: "now"
        case .held: "paused here"
        case .failed: "failed here"
        case .aborted: "aborted here"
        case .toCome: "to come"
        case .skipped: "not reached"
        }
    }
}
