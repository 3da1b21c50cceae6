import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration

/// The fleet as the controller asks for it, for one app.
struct FleetNodes: Nodes {
    let fleet: Fleet
    let app: AppConfiguration

    var upstream: Upstream {
        Upstream(
            app: app.name.text,
            name: app.upstream,
            bluePort: app.ports.blue,
            greenPort: app.ports.green
        )
    }

    func list() async throws -> [String] {
        do {
            return try await fleet.nodes().map(\.address)
        } catch let error as InventoryError {
            throw Refusal(error.description)
        }
    }

    func read(_ addresses: [String], claiming fence: Fence?) async -> [ReleaseMachine.NodeReading] {
        let nodes = addresses.map { Node($0) }
        return await fleet.read(upstream, on: nodes, claiming: fence?.token ?? 0).map { reading in
            ReleaseMachine.NodeReading(reading, ports: upstream.ports)
        }
    }

    func stage(
        _ node: String,
        _ order: Order,
        _ survey: Survey,
        say: @escaping @Sendable (Line) async -> Void
    ) async throws {
        let plan = StagePlan(
            port: app.port(of: survey.candidate),
            token: Fence(release: order.number, isBack: false).token,
            version: order.version,
            color: survey.candidate.rawValue,
            release: order.name,
            probe: .tcp,
            postDeploy: app.postDeploy.map { FleetPostDeploy(command: $0.command, timeout: $0.timeout) }
        )
        try await troubled(node) {
            _ = try await fleet.stage(upstream, on: Node(node), plan) { line in
                await say(Line(source: node, line.text))
            }
        }
    }

    func route(_ node: String, to color: Color, fence: Fence) async throws {
        try await troubled(node) {
            _ = try await fleet.switch(upstream, on: Node(node), to: app.port(of: color), token: fence.token)
        }
    }

    func open(_ node: String, to color: Color) async throws -> DrainEvidence.Open {
        let report = try await fleet.drain(upstream, on: Node(node), port: app.port(of: color))
        return DrainEvidence.Open(node: node, connections: report.connections, oldWorkers: report.draining.count)
    }

    private func troubled(_ node: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as NodeFailure {
            var message = "\(failure.reason)"
            if case .fenced(let seen, _) = failure.reason {
                message = "refused: \(app.name)/\(seen / 2) has been there, which is newer than this release"
            }
            throw NodeTrouble(node: node, isUnreachable: failure.isUnreachable, message: message)
        }
    }
}

extension Fence {
    /// One number for the node: a release's way back is above its way forward, and the next release above both.
    var token: Int { release * 2 + (isBack ? 1 : 0) }
}

extension ReleaseMachine.NodeReading {
    /// What a node was proved to route to; where nothing was proved, what its file says.
    init(_ reading: FleetReading, ports: PortPair) {
        let address = reading.node.address
        switch reading.outcome {
        case .failure(let failure):
            self.init(
                node: address,
                color: nil,
                isUnreachable: failure.isUnreachable,
                message: "\(failure.reason)"
            )
        case .success(let report):
            self.init(node: address, report: report, ports: ports)
        }
    }

    init(node address: String, report: NodeReport, ports: PortPair) {
        guard let file = report.routing else {
            self.init(node: address, color: nil, isNew: true, message: "has no \(report.path) yet")
            return
        }
        let port = report.loaded == .unknown ? file.port : report.livePort
        let color: Color? = port == ports.blue ? .blue : port == ports.green ? .green : nil
        var message: String?
        if report.master == nil {
            message = "nginx is not running"
        } else if report.loaded == .no {
            message = "\(report.path) was edited and nginx has not loaded it: \(report.because)"
        } else if color == nil {
            message = "\(report.path) has \(file) up"
        }
        self.init(node: address, color: color, message: message)
    }
}
