import ReleaseMachine

/// How a release ended, what serves now, and what to do.
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
                ?? "nothing serves yet, as before"
        switch release.state {
        case .live, .superseded:
            let place = release.candidate.map { " on \($0)" } ?? ""
            let but = release.needRepair.isEmpty ? "" : "; to be repaired: \(counted(release.needRepair.count, "node"))"
            return "-- DEPLOY DONE -- \(order.name) is live: \(order.version) serves\(place)\(but) (\(took))"
        case .failed: return "-- DEPLOY FAILED -- \(order.name) (\(order.version)): \(before) (\(took))"
        case .aborted: return "-- DEPLOY ABORTED -- \(order.name) (\(order.version)): \(before) (\(took))"
        case .rolledBack:
            guard release.replacedBy == nil else { return "\(order.name) (\(order.version)) was rolled back" }
            return "-- DEPLOY ROLLED BACK -- \(order.name) (\(order.version)): \(before) (\(took))"
        case .running, .paused: return "\(order.name) is \(release.state) in phase \(release.phase)"
        }
    }

    package var mend: [String] {
        guard !release.needRepair.isEmpty else { return [] }
        return release.needRepair.map { "\($0.node): \($0.message ?? $0.color.map { "routes to \($0)" } ?? "unknown")" }
            + ["nothing that they may route to was deleted; to end it: viridian repair \(release.order.app)"]
    }
}
