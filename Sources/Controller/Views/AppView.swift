import ReleaseMachine
import ViridianConfiguration

/// One app at a moment, from the cluster, the nodes and the journal: what `status` shows and the API answers.
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

    package var app: String
    package var namespace: String
    package var live: LiveView?
    /// By colour; a colour without a workload is left out.
    package var colors: [String: ColorView]
    package var nodes: [NodeView]
    /// The newest release.
    package var release: ReleaseView?
    package var awaiting: String?
    /// What a person should do, each in one sentence.
    package var advice: [String]
    /// Nodes that do not route as the cluster has recorded.
    package var astray: [String]
    /// When cluster and nodes were looked at; `nil` when they could not be.
    package var seenAt: String?
    /// Why they could not be looked at, the last time it was tried.
    package var trouble: String?

    /// `sight` is what cluster and nodes said, `nil` when they have not been asked or could not be (then `trouble` is why), `latest`
    /// the newest release in the journal. `readings` are what the nodes said where the cluster said nothing. With `isServed` a server runs releases, so that nobody has to take one up by hand.
    package init(
        app configuration: AppConfiguration,
        sight: AppSight?,
        latest: Release?,
        readings: [NodeReading] = [],
        trouble: String? = nil,
        isServed: Bool = false,
        now: Timestamp = SystemClock().now
    ) {
        app = configuration.name.text
        namespace = configuration.namespace
        colors = [:]
        for (color, workload) in sight?.survey.workloads ?? [:] {
            colors[color.rawValue] = ColorView(
                version: workload.version,
                image: workload.image,
                replicas: workload.replicas,
                ready: workload.ready,
                release: workload.release
            )
        }
        nodes = (sight?.readings ?? readings).map {
            NodeView(address: $0.node, color: $0.routed, message: $0.message)
        }
        live = sight?.survey.recorded.map { live in
            // A release that went back has recorded the colour, and is not the one that made it.
            let made = sight?.survey.workloads[live.color]?.release
            return LiveView(color: live.color, version: live.version, release: made ?? sight?.survey.recordedBy)
        }
        release = latest.map { ReleaseView($0) }
        awaiting = release?.awaiting
        // While a release moves the nodes, none of them is astray.
        astray = latest?.state.hasEnded == false ? [] : (sight?.astray ?? []).map(\.node)
        advice = AppView.advice(configuration, sight, latest, isServed: isServed, now: now)
        seenAt = sight?.at.iso8601
        self.trouble = trouble
    }

    private static func advice(
        _ app: AppConfiguration, _ sight: AppSight?, _ latest: Release?, isServed: Bool, now: Timestamp
    ) -> [String] {
        let name = app.name.text
        var advice: [String] = []
        // Whoever ran it would have ended the pause.
        if let latest, !isServed, latest.isOverdue(at: now + .seconds(-5)), let end = latest.verifyDeadline {
            let then = latest.order.rules.afterVerifyTimeout == .abort ? "aborts" : "promotes"
            advice.append(
                "\(latest.order.name) is overdue since \(end.clockTime), and nothing runs it: viridian serve, or "
                    + "\(latest.order.deployCommand(for: app)), \(then) it; viridian abort \(name) gives it up now"
            )
        } else if let latest, latest.state == .paused {
            let until = latest.verifyDeadline.map { " until \($0.clockTime)" } ?? ""
            advice.append("\(latest.order.name) waits\(until): viridian promote \(name), or viridian abort \(name)")
        } else if let latest, latest.state == .running, !isServed {
            let order = latest.order
            advice.append(
                "\(order.name) has not ended (\(latest.phase)): if nothing runs it, "
                    + "\(order.deployCommand(for: app)) finishes it"
            )
        }
        guard let sight, latest?.state.hasEnded != false, let live = sight.survey.recorded?.color else { return advice }
        func names(_ readings: [NodeReading]) -> String {
            readings.prefix(5).map(\.node).joined(separator: ", ")
                + (readings.count > 5 ? " and \(readings.count - 5) more" : "")
        }
        // Each with what helps: repair orders nginx to load a file, which needs one that runs and a file that can be told.
        let down = sight.astray.filter { $0.isDown == true }
        let silent = sight.astray.filter(\.isUnreachable)
        let unclear = sight.astray.filter { $0.isUnclear }
        let others = sight.astray.filter { !$0.isUnclear && !$0.isUnreachable && $0.isDown != true }
        if !down.isEmpty { advice.append("nginx does not run on \(names(down)): start it") }
        if !silent.isEmpty {
            advice.append("no answer from \(names(silent)): when they answer again, viridian repair \(name)")
        }
        if !others.isEmpty { advice.append("drifted: \(names(others)): viridian repair \(name)") }
        if !unclear.isEmpty {
            advice.append(
                "what \(names(unclear)) routes to cannot be told: viridian repair \(name), and where that does not help "
                    + "viridian check says what to correct")
        }
        for leftover in sight.left(by: latest) {
            advice.append("left behind: \(leftover.name(of: name)): viridian repair \(name)")
        }
        if let workload = sight.survey.workloads[live], workload.ready < workload.replicas {
            advice.append("only \(workload.ready) of \(workload.replicas) pods of the live colour are ready")
        }
        return advice
    }
}

/// What one node routes to for one app: a row of `nodes`.
package struct NodeRoute: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable, Hashable {
        case ok
        /// It routes rightly, and would not after its next reload.
        case edited
        /// It routes to the colour that is not live.
        case astray
        /// It has no upstream file of the app yet.
        case new
        case unclear
        /// nginx does not run there: it routes nothing.
        case down
        case unreachable
    }

    package var app: String
    package var address: String
    package var color: Color?
    /// What the cluster has recorded as live.
    package var live: Color?
    package var state: State
    package var message: String?

    package init(app: String, reading: NodeReading, live: Color?) {
        self.app = app
        address = reading.node
        color = reading.routed
        self.live = live
        state = NodeRoute.state(of: reading, live: live)
        message = reading.message
        if state == .astray, let color, let live {
            message = ["routes to \(color), and \(live) is live: viridian repair \(app)", message]
                .compactMap { $0 }.joined(separator: "; ")
        }
    }

    private static func state(of reading: NodeReading, live: Color?) -> State {
        if reading.isUnreachable { return .unreachable }
        if reading.isDown == true { return .down }
        guard let color = reading.color else { return reading.isNew ? .new : .unclear }
        if let live, color != live { return .astray }
        return reading.message == nil ? .ok : .edited
    }
}
