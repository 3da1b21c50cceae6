import ReleaseMachine
import ViridianConfiguration

/// One app at a moment, from the cluster, the nodes and the journal: what `status` prints and the API returns.
package struct AppView: Codable, Sendable, Hashable {
    package struct ColorView: Codable, Sendable, Hashable {
        package var version: String
        package var image: String
        package var replicas: Int
        package var ready: Int
        package var release: Int?
    }

    package struct NodeView: Codable, Sendable, Hashable {
        package var address: String
        package var color: Color?
        package var message: String?
    }

    package struct LiveView: Codable, Sendable, Hashable {
        package var color: Color
        package var version: String
        package var release: Int?
    }

    /// The version that waits to be released.
    package struct QueuedView: Codable, Sendable, Hashable {
        package var version: String
        package var since: String
        /// What it waits for, one sentence.
        package var waits: String

        package init(version: String, since: Timestamp, waits: String) {
            self.version = version
            self.since = since.iso8601
            self.waits = waits
        }
    }

    package var app: String
    /// The cluster that it runs in, where that has a name.
    package var cluster: String?
    package var namespace: String
    package var live: LiveView?
    /// By colour; a colour without a workload is left out.
    package var colors: [String: ColorView]
    package var nodes: [NodeView]
    /// The newest release.
    package var release: ReleaseView?
    package var awaiting: String?
    /// The number of people who have to promote its next release; left out where anybody can.
    package var approvalsNeeded: Int?
    /// `others`: not the person who requests it; left out where anybody counts.
    package var approvers: Rules.Approvers?
    /// The locks and freezes that hold its releases now.
    package var holds: [HoldView]
    package var queued: QueuedView?
    /// What to do, one sentence each.
    package var advice: [String]
    /// Nodes that do not route to the colour that the cluster has recorded as live.
    package var drifted: [String]
    /// When cluster and nodes were read; `nil` when they could not be.
    package var seenAt: String?
    /// Why the last attempt to read them failed.
    package var problem: String?

    /// `observation` is what cluster and nodes reported; `nil` when they were not read or could not be, with the reason in `problem`.
    /// `readings` are what the nodes reported when the cluster did not answer. `latest` is the newest release in the journal. With
    /// `isServed` a server runs releases, and no person has to resume one.
    package init(
        app configuration: AppConfiguration,
        observation: AppObservation?,
        latest: Release?,
        holds: [Admission.Hold] = [],
        queued: QueuedView? = nil,
        readings: [NodeReading] = [],
        problem: String? = nil,
        isServed: Bool = false,
        now: Timestamp = SystemClock().now
    ) {
        app = configuration.name.text
        cluster = configuration.cluster
        namespace = configuration.namespace
        colors = [:]
        for (color, workload) in observation?.survey.workloads ?? [:] {
            colors[color.rawValue] = ColorView(
                version: workload.version,
                image: workload.image,
                replicas: workload.replicas,
                ready: workload.ready,
                release: workload.release
            )
        }
        nodes = (observation?.readings ?? readings).map {
            NodeView(address: $0.node, color: $0.routed, message: $0.message)
        }
        live = observation?.survey.recorded.map { live in
            // A rolled back release recorded the colour too; the one that created the workload counts.
            let made = observation?.survey.workloads[live.color]?.release
            return LiveView(color: live.color, version: live.version, release: made ?? observation?.survey.recordedBy)
        }
        if let found = observation?.unrecorded {
            live = LiveView(color: found.color, version: found.version, release: nil)
        }
        release = latest.map { ReleaseView($0) }
        awaiting = release?.awaiting
        if configuration.verify.asksOthers {
            approvalsNeeded = configuration.verify.approvals
            if configuration.verify.by == .others { approvers = .others }
        }
        self.holds = holds.map { HoldView($0) }
        self.queued = queued
        // While a release switches the nodes, none of them is drifted.
        drifted = latest?.state.hasEnded == false ? [] : (observation?.drifted ?? []).map(\.node)
        advice = AppView.advice(configuration, observation, latest, isServed: isServed, now: now)
        seenAt = observation?.at.iso8601
        self.problem = problem
    }

    private static func advice(
        _ app: AppConfiguration, _ observation: AppObservation?, _ latest: Release?, isServed: Bool, now: Timestamp
    ) -> [String] {
        let name = app.name.text
        // Before what would be done for a release that may not be the newest one.
        var advice = observation?.lost.map { ["\($0.sentence); to fix: \($0.fix)"] } ?? []
        // A process that ran it would have ended the pause.
        if let latest, !isServed, latest.isOverdue(at: now + .seconds(-5)), let end = latest.verifyDeadline {
            let then = latest.order.rules.promotesByItself ? "promotes" : "aborts"
            advice.append(
                "\(latest.order.name) is overdue since \(end.clockTime), and no process runs it: viridian serve, or "
                    + "\(latest.order.deployCommand(for: app)), \(then) it; viridian abort \(name) aborts it now"
            )
        } else if let latest, latest.state == .paused {
            let until = latest.verifyDeadline.map { " until \($0.clockTime)" } ?? ""
            let needs = latest.needsApprovals ? " (\(latest.missingApprovals))" : ""
            advice.append(
                "\(latest.order.name) awaits promotion\(until)\(needs): viridian promote \(name), or viridian abort \(name)"
            )
        } else if let latest, latest.state == .running, !isServed {
            let order = latest.order
            advice.append(
                "\(order.name) has not ended (\(latest.phase)): if no process runs it, "
                    + "\(order.deployCommand(for: app)) resumes it"
            )
        }
        guard let observation, latest?.state.hasEnded != false, let live = observation.survey.recorded?.color else {
            return advice
        }
        func names(_ readings: [NodeReading]) -> String {
            readings.prefix(5).map(\.node).joined(separator: ", ")
                + (readings.count > 5 ? " and \(readings.count - 5) more" : "")
        }
        // Each with its own fix: repair makes nginx load a file, which needs a running nginx and a file that is understood.
        let down = observation.drifted.filter { $0.isDown == true }
        let silent = observation.drifted.filter(\.isUnreachable)
        let unclear = observation.drifted.filter { $0.isUnclear }
        let others = observation.drifted.filter { !$0.isUnclear && !$0.isUnreachable && $0.isDown != true }
        if !down.isEmpty { advice.append("nginx is not running on \(names(down)): start it") }
        if !silent.isEmpty {
            advice.append("no answer from \(names(silent)): when they answer again, viridian repair \(name)")
        }
        if !others.isEmpty { advice.append("drifted: \(names(others)); to fix: viridian repair \(name)") }
        if !unclear.isEmpty {
            advice.append(
                "what \(names(unclear)) routes to is unclear; to fix: viridian repair \(name); if that does not help, "
                    + "viridian check shows what to fix")
        }
        for leftover in observation.leftovers(of: latest) {
            advice.append("left behind: \(leftover.name(of: name)); to fix: viridian repair \(name)")
        }
        if let workload = observation.survey.workloads[live], workload.ready < workload.replicas {
            advice.append("only \(workload.ready) of \(workload.replicas) pods of the live colour are ready")
        }
        return advice
    }
}

/// What one node routes to for one app: a row of `nodes`.
package struct NodeRoute: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable, Hashable {
        case ok
        /// It routes to the live colour, and would not after its next reload.
        case edited
        /// It routes to the colour that is not live.
        case drifted
        /// It has no upstream file of the app yet.
        case new
        /// Its upstream file does not route to exactly one colour.
        case unclear
        /// nginx is not running: it routes nothing.
        case down
        case unreachable
    }

    package var app: String
    /// The cluster that the node is one of, where that has a name.
    package var cluster: String?
    package var address: String
    package var color: Color?
    /// What the cluster has recorded as live.
    package var live: Color?
    package var state: State
    package var message: String?

    package init(app: String, cluster: String? = nil, reading: NodeReading, live: Color?) {
        self.app = app
        self.cluster = cluster
        address = reading.node
        color = reading.routed
        self.live = live
        state = NodeRoute.state(of: reading, live: live)
        message = reading.message
        if state == .drifted, let color, let live {
            message = ["routes to \(color), but \(live) is live; to fix: viridian repair \(app)", message]
                .compactMap { $0 }.joined(separator: "; ")
        }
    }

    private static func state(of reading: NodeReading, live: Color?) -> State {
        if reading.isUnreachable { return .unreachable }
        if reading.isDown == true { return .down }
        guard let color = reading.color else { return reading.isNew ? .new : .unclear }
        if let live, color != live { return .drifted }
        return reading.message == nil ? .ok : .edited
    }
}
