import Controller
import ReleaseMachine

/// The steps that each node has done, with times, from the events of a release.
struct NodeMarks: Sendable {
    private(set) var steps: [String: [Step: Mark]] = [:]

    enum Step: Int, CaseIterable {
        case answers, staged, switched, drained, readBack

        var label: String {
            switch self {
            case .answers: "Answers"
            case .staged: "Staged"
            case .switched: "Switched"
            case .drained: "Drained"
            case .readBack: "Read back"
            }
        }

        /// The phase of this step.
        var phase: Phase {
            switch self {
            case .answers: .discovering
            case .staged: .staging
            case .switched: .switching
            case .drained: .draining
            case .readBack: .retiring
            }
        }
    }

    struct Mark: Sendable {
        var style: String
        /// The visible text: a time, or what went wrong.
        var text: String?
        /// Read by screen readers before `text`.
        var label: String

        static func done(_ time: String) -> Mark { Mark(style: "done", text: time, label: "done at") }
    }

    /// Adds an event. `release` is the release after it.
    mutating func add(_ recorded: RecordedEvent, _ release: Release) {
        func mark(_ node: String, _ step: Step, _ mark: Mark) { steps[node, default: [:]][step] = mark }
        var time: String { (recorded.at - release.createdAt).short }
        switch recorded.event {
        case .discovered(let survey):
            let time = time
            for node in survey.nodes { mark(node, .answers, .done(time)) }
            for problem in survey.unreachable {
                mark(problem.node, .answers, Mark(style: "fail", text: "no answer", label: "failed:"))
            }
        case .nodeStaged(let node): mark(node, .staged, .done(time))
        case .nodeSwitched(let node): mark(node, .switched, .done(time))
        case .nodeReverted(let node):
            mark(node, .switched, Mark(style: "back", text: time, label: "reverted at"))
        case .nodeFailed(let step, let problem):
            let text = problem.isUnreachable ? "no answer" : step == .revert ? "not reverted" : "failed"
            mark(
                problem.node, step == .stage ? .staged : .switched, Mark(style: "fail", text: text, label: "failed:"))
        case .drained(let evidence):
            let time = time
            let open = Dictionary(evidence.open.map { ($0.node, $0.connections) }) { $1 }
            for node in release.nodes where node.state == .switched {
                let left = open[node.address].map { $0 < 0 ? "no answer" : "\($0) open" }
                mark(
                    node.address, .drained,
                    left.map { Mark(style: "fail", text: $0, label: "drain timed out:") } ?? .done(time))
            }
        case .readBack(let readings):
            let time = time
            let drifted = Set(release.needRepair.map(\.node))
            for reading in readings {
                let text = reading.color?.rawValue ?? "unknown"
                mark(
                    reading.node, .readBack,
                    drifted.contains(reading.node) ? Mark(style: "fail", text: text, label: "failed:") : .done(time))
            }
        default: break
        }
    }
}
