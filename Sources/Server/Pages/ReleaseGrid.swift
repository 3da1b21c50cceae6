import Controller
import ReleaseMachine

/// What has happened on each node, and when: step by step, as the events tell it.
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

        /// The phase in which it is this step's turn.
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
        var text: String?
        var words: String

        static func done(_ time: String) -> Mark { Mark(style: "done", text: time, words: "done at") }
    }

    /// Takes an event in, given the release as it is after it.
    mutating func note(_ recorded: RecordedEvent, _ release: Release) {
        func mark(_ node: String, _ step: Step, _ mark: Mark) { steps[node, default: [:]][step] = mark }
        var time: String { (recorded.at - release.createdAt).short }
        switch recorded.event {
        case .discovered(let survey):
            let time = time
            for node in survey.nodes { mark(node, .answers, .done(time)) }
            for trouble in survey.unreachable {
                mark(trouble.node, .answers, Mark(style: "fail", text: "no answer", words: "failed:"))
            }
        case .nodeStaged(let node): mark(node, .staged, .done(time))
        case .nodeSwitched(let node): mark(node, .switched, .done(time))
        case .nodeReverted(let node):
            mark(node, .switched, Mark(style: "back", text: time, words: "brought back at"))
        case .nodeFailed(let step, let trouble):
            let text = trouble.isUnreachable ? "no answer" : step == .revert ? "not back" : "failed"
            mark(
                trouble.node, step == .stage ? .staged : .switched, Mark(style: "fail", text: text, words: "failed:"))
        case .drained(let evidence):
            let time = time
            let open = Dictionary(evidence.open.map { ($0.node, $0.connections) }) { $1 }
            for node in release.nodes where node.state == .switched {
                let left = open[node.address].map { $0 < 0 ? "no answer" : "\($0) open" }
                mark(
                    node.address, .drained,
                    left.map { Mark(style: "fail", text: $0, words: "time was over:") } ?? .done(time))
            }
        case .readBack(let readings):
            let time = time
            let astray = Set(release.needRepair.map(\.node))
            for reading in readings {
                let text = reading.color?.rawValue ?? "not known"
                mark(
                    reading.node, .readBack,
                    astray.contains(reading.node) ? Mark(style: "fail", text: text, words: "failed:") : .done(time))
            }
        default: break
        }
    }
}

/// Node × step: what has happened on each node, what happens now, and what is to come.
struct NodeGrid {
    private typealias Step = NodeMarks.Step
    private typealias Mark = NodeMarks.Mark

    var release: Release
    var marks: NodeMarks
    var path: String

    func fill(_ model: inout Model) {
        // Where something is wrong, one looks first.
        let nodes = release.nodes.sorted { isWrong($0) && !isWrong($1) }
        model["hasNodes"] = !nodes.isEmpty
        let progress = Progress(release)
        model["nodesDone"] = (progress.isOfNodes ? progress.sentence : nil) ?? counted(nodes.count, "node")
        model["columns"] = Step.allCases.map(\.label)
        model["nodes"] = nodes.map { node in
            Model {
                $0["address"] = node.address
                $0["href"] = "\(path)?node=\(ReleaseLog.View.escaped(node.address))#log"
                $0["trouble"] = node.trouble
                $0["color"] = node.color?.rawValue
                $0["cells"] = Step.allCases.map { cell($0, of: node) }
            }
        }
    }

    private func isWrong(_ node: Release.Node) -> Bool {
        node.trouble != nil || node.state == .failed || node.state == .unreachable
    }

    private func cell(_ step: Step, of node: Release.Node) -> Model {
        let mark = marks.steps[node.address]?[step] ?? waiting(step, node)
        return Model {
            $0["label"] = step.label.lowercased()
            $0["class"] = mark.style
            $0["text"] = mark.text
            $0["words"] = mark.words
        }
    }

    private func waiting(_ step: Step, _ node: Release.Node) -> Mark {
        let isOver = release.state.hasEnded || release.phase > step.phase
        let isTurn = release.phase == step.phase && !release.isBackingOut && !release.state.hasEnded
        if step == .switched, release.isBackingOut, release.effects.contains(.revertNode(node: node.address)) {
            return Mark(style: "run", text: "going back", words: "")
        }
        if isTurn, node.state != .failed, node.state != .unreachable {
            return Mark(style: "run", text: "now", words: "")
        }
        return Mark(style: "wait", text: nil, words: isOver || release.isBackingOut ? "not done" : "to come")
    }
}
