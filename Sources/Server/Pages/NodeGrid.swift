import Controller
import ReleaseMachine

/// The table of nodes and steps: done, running and pending.
struct NodeGrid {
    private typealias Step = NodeMarks.Step
    private typealias Mark = NodeMarks.Mark

    var release: Release
    var marks: NodeMarks
    var path: String

    func fill(_ model: inout PageValues) {
        // Nodes with a problem come first.
        let nodes = release.nodes.sorted { hasProblem($0) && !hasProblem($1) }
        model["hasNodes"] = !nodes.isEmpty
        let progress = ReleaseProgress(release)
        model["nodesDone"] = (progress.isOfNodes ? progress.sentence : nil) ?? counted(nodes.count, "node")
        model["columns"] = Step.allCases.map(\.label)
        model["nodes"] = nodes.map { node in
            PageValues {
                $0["address"] = node.address
                $0["href"] = "\(path)?node=\(ReleaseLog.View.escaped(node.address))#log"
                $0["problem"] = node.problem
                $0["color"] = node.color?.rawValue
                $0["cells"] = Step.allCases.map { cell($0, of: node) }
            }
        }
    }

    private func hasProblem(_ node: Release.Node) -> Bool {
        node.problem != nil || node.state == .failed || node.state == .unreachable
    }

    private func cell(_ step: Step, of node: Release.Node) -> PageValues {
        let mark = marks.steps[node.address]?[step] ?? pending(step, node)
        return PageValues {
            $0["step"] = step.label.lowercased()
            $0["class"] = mark.style
            $0["text"] = mark.text
            $0["label"] = mark.label
        }
    }

    private func pending(_ step: Step, _ node: Release.Node) -> Mark {
        let isOver = release.state.hasEnded || release.phase > step.phase
        let isRunning = release.phase == step.phase && !release.isBackingOut && !release.state.hasEnded
        if step == .switched, release.isBackingOut, release.effects.contains(.revertNode(node: node.address)) {
            return Mark(style: "run", text: "going back", label: "")
        }
        if isRunning, node.state != .failed, node.state != .unreachable {
            return Mark(style: "run", text: "now", label: "")
        }
        return Mark(style: "wait", text: nil, label: isOver || release.isBackingOut ? "not done" : "pending")
    }
}
