import Controller
import ReleaseMachine

/// Node × step: what has happened on each node, and when.
struct NodeGrid {
    var release: Release
    var path: String
    private var steps: [String: [Step: Mark]] = [:]

    private enum Step: Int, CaseIterable {
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

    private struct Mark {
        var style: String
        var text: String?
        var words: String
    }

    init(release: Release, events: [EventView], path: String) {
        self.release = release
        self.path = path
        for event in events { note(event) }
    }

    private mutating func note(_ event: EventView) {
        func at() -> String? { Timestamp(iso8601: event.at).map { ($0 - release.createdAt).short } }
        switch event.event {
        case .discovered(let survey):
            let time = at()
            for node in survey.nodes {
                steps[node, default: [:]][.answers] = Mark(style: "done", text: time, words: "done at")
            }
            for trouble in survey.unreachable {
                steps[trouble.node, default: [:]][.answers] = Mark(style: "fail", text: "no answer", words: "failed:")
            }
        case .nodeStaged(let node):
            steps[node, default: [:]][.staged] = Mark(style: "done", text: at(), words: "done at")
        case .nodeSwitched(let node):
            steps[node, default: [:]][.switched] = Mark(style: "done", text: at(), words: "done at")
        case .nodeReverted(let node):
            steps[node, default: [:]][.switched] = Mark(style: "back", text: at(), words: "brought back at")
        case .nodeFailed(let step, let trouble):
            let place = step == .stage ? Step.staged : .switched
            let text = trouble.isUnreachable ? "no answer" : step == .revert ? "not back" : "failed"
            steps[trouble.node, default: [:]][place] = Mark(style: "fail", text: text, words: "failed:")
        case .drained(let evidence):
            let time = at()
            let open = Dictionary(evidence.open.map { ($0.node, $0) }) { $1 }
            for node in release.nodes where node.state == .switched {
                let left = open[node.address]
                steps[node.address, default: [:]][.drained] =
                    left.map { open in
                        Mark(
                            style: "fail", text: open.connections < 0 ? "no answer" : "\(open.connections) open",
                            words: "time was over:")
                    } ?? Mark(style: "done", text: time, words: "done at")
            }
        case .readBack(let readings):
            let time = at()
            let astray = Set(release.needRepair.map(\.node))
            for reading in readings {
                steps[reading.node, default: [:]][.readBack] =
                    astray.contains(reading.node)
                    ? Mark(style: "fail", text: reading.color?.rawValue ?? "not known", words: "failed:")
                    : Mark(style: "done", text: time, words: "done at")
            }
        default: break
        }
    }

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
        let mark = steps[node.address]?[step] ?? waiting(step, node)
        return Model {
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
