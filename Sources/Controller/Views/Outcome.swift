import ReleaseMachine

/// How a release ended, what serves now, and what to do, as text.
package struct Outcome: Sendable {
    package var release: Release

    package init(_ release: Release) {
        self.release = release
    }

    package var sentence: String {
        let order = release.order
        let took = release.elapsed(at: release.updatedAt).short
        let before =
            release.survey == nil
            ? "nothing was touched"
            : release.previous.map { "\($0.version) on \($0.color) serves, as before" }
                ?? "nothing serves yet"
        switch release.state {
        case .live, .superseded:
            // The tag alone would not say which image serves now.
            let version =
                release.previous?.version == order.version ? RollbackTarget(order).fullName : order.version
            let place = release.candidate.map { " on \($0)" } ?? ""
            let but =
                release.needRepair.isEmpty
                ? leftovers
                : "; \(counted(release.needRepair.count, "node")) \(release.needRepair.count == 1 ? "needs" : "need") repair"
            return "-- DEPLOY DONE -- \(order.name) is live: \(version) serves\(place)\(but) (\(took))"
        case .failed: return "-- DEPLOY FAILED -- \(order.name) (\(order.version)): \(before)\(leftovers) (\(took))"
        case .aborted: return "-- DEPLOY ABORTED -- \(order.name) (\(order.version)): \(before)\(leftovers) (\(took))"
        case .rolledBack:
            guard release.replacedBy == nil else { return "\(order.name) (\(order.version)) was rolled back" }
            return "-- DEPLOY ROLLED BACK -- \(order.name) (\(order.version)): \(before)\(leftovers) (\(took))"
        case .paused:
            let deadline = release.verifyDeadline.map { " until \($0.clockTime)" } ?? ""
            let then = order.rules.promotesByItself ? "promotes" : "aborts"
            let approvals = release.approvalCount.map { " (\($0))" } ?? ""
            return
                "\(order.name) is paused for verification\(deadline)\(approvals); then it \(then) if viridian serve or the same "
                + "deploy command is running"
        case .running: return "\(order.name) is \(release.state) in phase \(release.phase)"
        }
    }

    /// `; left behind: blog-green (v2)`
    private var leftovers: String {
        let names = release.leftovers.map { $0.name(of: release.order.app) }
        return names.isEmpty ? "" : "; left behind: \(names.joined(separator: ", "))"
    }

    /// What needs repair and what was left behind, one line each, then the command that fixes it; empty when there is nothing to fix.
    package var fix: [String] {
        let nodes = release.needRepair.map { "\($0.node): \($0.statusText)" }
        guard nodes.isEmpty else {
            return nodes + left + ["nothing that these nodes may route to was deleted; to fix: \(repairAdvice)"]
        }
        return left.isEmpty
            ? [] : left + ["the next release or `viridian serve` cleans this up; to do it now: \(repairAdvice)"]
    }

    private var left: [String] {
        release.leftovers.map { leftover in
            let why = leftover.message.map { ": \($0)" } ?? ""
            switch leftover.kind {
            case .workload:
                let pods = (["its pods"] + leftover.pods).joined(separator: " ")
                return "\(leftover.name(of: release.order.app)) and \(pods) were not deleted\(why)"
            case .record:
                return
                    "the cluster may not have recorded \(leftover.version.color) (\(leftover.version.version)) as live\(why)"
            }
        }
    }
}

extension Leftover {
    /// `blog-green (v2)`
    func name(of app: String) -> String {
        switch kind {
        case .workload: "\(app)-\(version.color) (\(version.version))"
        case .record: "the cluster's record of the live colour"
        }
    }
}
