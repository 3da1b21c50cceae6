import AWS
import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// The fleet as the controller asks for it, for one app.
struct FleetNodes: Nodes {
    let fleet: Fleet
    let app: AppConfiguration
    private let artifacts: NodeArtifacts
    private let readiness: @Sendable (Color) async -> ReadinessProbe?
    private let probes = AskedOnce<Int, ReadinessProbe?>()

    /// `readiness` tells how the cluster asks a colour's pods whether they are ready.
    init(
        fleet: Fleet,
        app: AppConfiguration,
        readiness: @escaping @Sendable (Color) async -> ReadinessProbe? = { _ in nil }
    ) {
        self.fleet = fleet
        self.app = app
        self.readiness = readiness
        artifacts = NodeArtifacts(app: app)
    }

    var upstream: Upstream {
        Upstream(
            app: app.name.text,
            name: app.upstream,
            bluePort: app.ports.blue,
            greenPort: app.ports.green,
            assets: app.artifact?.to,
            preview: app.preview,
            hosts: app.hosts,
            allowDirect: app.allowDirect
        )
    }

    static func ports(of app: AppConfiguration) -> PortPair { PortPair(blue: app.ports.blue, green: app.ports.green) }

    func list() async throws -> [String] {
        do {
            return try await fleet.nodes().map(\.address)
        } catch let error as InventoryError {
            throw Refusal(error.description)
        } catch let error as AWSError where !error.mayPass {
            throw Refusal(error.description)
        }
    }

    func read(_ addresses: [String], claiming fence: Fence?) async -> [ReleaseMachine.NodeReading] {
        let nodes = addresses.map { Node($0) }
        let token: Int
        do {
            token = try fence?.token ?? 0
        } catch {
            return addresses.map { ReleaseMachine.NodeReading(node: $0, color: nil, message: error.message) }
        }
        return await fleet.read(upstream, on: nodes, claiming: token).map { reading in
            var value = ReleaseMachine.NodeReading(reading, ports: upstream.ports)
            value.newestRelease = (try? reading.outcome.get().token).map(Fence.release(ofToken:))
            return value
        }
    }

    func lastRelease() async throws -> Int {
        let tokens = try await fleet.read(upstream).compactMap { try? $0.outcome.get().token }
        return Fence.release(ofToken: tokens.max() ?? 0)
    }

    func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws {
        let plan = try await plan(for: order, survey)
        try await troubled(node) { try await fleet.prepare(upstream, on: Node(node), plan) }
    }

    func stage(
        _ node: String,
        _ order: Order,
        _ survey: Survey,
        say: @escaping @Sendable (Line) async -> Void
    ) async throws {
        let plan = try await plan(for: order, survey)
        try await troubled(node, plan.probe) {
            _ = try await fleet.stage(upstream, on: Node(node), plan) { line in
                await say(Line(source: node, line.text))
            }
        }
    }

    func bring(_ node: String, to live: LiveVersion, fence: Fence) async throws {
        if app.artifact != nil || app.postDeploy != nil {
            let plan = try await plan(live, fence, release: "\(app.name)/\(fence.release)")
            try await troubled(node, plan.probe) { _ = try await fleet.stage(upstream, on: Node(node), plan) }
        }
        try await route(node, to: live.color, fence: fence)
    }

    private func plan(for order: Order, _ survey: Survey) async throws -> StagePlan {
        let version = LiveVersion(color: survey.candidate, version: order.version)
        var plan = try await plan(version, Fence(release: order.number, isBack: false), release: order.name)
        plan.probeConnections = Probe.connections(toMeet: survey.replicas)
        return plan
    }

    private func plan(_ version: LiveVersion, _ fence: Fence, release: String) async throws -> StagePlan {
        StagePlan(
            port: app.port(of: version.color),
            token: try fence.token,
            version: version.version,
            color: version.color.rawValue,
            release: release,
            probe: try await probe(version.color, release: fence.release),
            visitPath: app.probe?.path ?? "/",
            postDeploy: app.postDeploy.map { FleetPostDeploy(command: $0.command, timeout: $0.timeout) },
            artifact: try await artifacts.plan(version.version, release: fence.release)
        )
    }

    /// In the app's own language, by the path that the configuration names, or else by that of the pods' readiness probe; by whichever
    /// path, with what else that probe sends. Where nobody has named a path, any answer that is no server's error will do.
    private func probe(_ color: Color, release: Int) async throws -> Probe {
        let host = app.hosts.first { !$0.hasPrefix("*") } ?? "localhost"
        if app.protocol == .fastcgi {
            return .fastcgi(path: app.probe?.path ?? "/ping", host: host, isGuess: app.probe == nil)
        }
        let kubelet = try await probes.value(for: release) { await readiness(color) }
        guard let path = app.probe?.path ?? kubelet?.path else {
            return .http(HTTPProbe(path: "/", host: host, isGuess: true))
        }
        return .http(
            HTTPProbe(
                path: path,
                host: host,
                headers: kubelet?.headers.map { HTTPProbe.Header($0.name, $0.value) } ?? [],
                isTLS: kubelet?.isTLS ?? false,
                timeout: kubelet?.timeout ?? .seconds(1),
                kubelet: kubelet.map(inWords)
            ))
    }

    /// The kubelet asks a pod at its own address, and names that as the host unless a header says another (kubernetes/pkg/probe/http).
    private func inWords(_ probe: ReadinessProbe) -> String {
        let headers = probe.headers.map { HTTPProbe.Header($0.name, $0.value) }
        let asked = HTTPProbe(path: probe.path, host: "<the pod's address>:\(app.ports.container)", headers: headers)
        return
            "the kubelet's probe sends \(asked.description), and takes the answer for good. To fix: let the app answer both, or "
            + "name the Host that it wants in httpHeaders of its readinessProbe"
    }

    func route(_ node: String, to color: Color, fence: Fence) async throws {
        let token = try fence.token
        try await troubled(node) {
            _ = try await fleet.switch(upstream, on: Node(node), to: app.port(of: color), token: token)
        }
    }

    func moveVisitors(_ node: String, _ order: Order, _ survey: Survey) async throws -> VisitorEvidence? {
        let plan = try await plan(for: order, survey)
        return try await troubled(node, plan.probe) {
            let report = try await fleet.switch(
                upstream, on: Node(node), to: plan.port, token: plan.token, proving: plan)
            return report.proof.map { VisitorEvidence("\($0)", isProof: $0.evidence == .visit) }
        }
    }

    func open(_ node: String, to color: Color) async throws -> DrainEvidence.Open {
        let report = try await fleet.drain(upstream, on: Node(node), port: app.port(of: color))
        var arrivals = report.arrivals ?? [:]
        // The preview shows the colour that is not live, and some files may name a port themselves: from this machine, that is.
        if app.preview != nil || !app.allowDirect.isEmpty {
            arrivals = arrivals.filter { !$0.key.hasPrefix("127.") && $0.key != "::1" }
        }
        return DrainEvidence.Open(
            node: node,
            connections: report.connections,
            oldWorkers: report.draining.count,
            arriving: arrivals.values.reduce(0, +),
            sources: arrivals.keys.sorted()
        )
    }

    /// `probe` is how the candidate was asked, if it was.
    private func troubled<Value>(
        _ node: String,
        _ probe: Probe? = nil,
        _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let failure as NodeFailure {
            var message = "\(failure.reason)"
            if case .fenced(let seen, _) = failure.reason {
                let newer = "\(app.name)/\(Fence.release(ofToken: seen))"
                message =
                    "refused: \(newer) has been there, which is newer than this release. If there was no such release, remove "
                    + ".viridian/\(app.name).token beside the upstream file on that node"
            }
            if case .noAnswer(_, let words) = failure.reason, case .http(let asked) = probe,
                let advice = asked.advice(on: words)
            {
                message += "; \(advice)"
            }
            throw NodeTrouble(node: node, isUnreachable: failure.isUnreachable, message: message)
        }
    }
}

extension Fence {
    /// The highest release that nodes are told of: a shell there has to be able to compare and add its numbers, and every program that
    /// reads them as JSON to tell them apart. Years of releases every second do not come near.
    static let mostReleases = Order.highestNumber

    /// One number for the node: a release's way back is above its way forward, and the next release above both.
    /// - Throws: `Refusal` for a release beyond `mostReleases`. Its number comes from outside: the app's Lease, a node, the journal.
    var token: Int {
        get throws(Refusal) {
            guard (0...Self.mostReleases).contains(release) else {
                throw Refusal(
                    "release number \(release) is none that nodes can compare (at most 2^52), so it was not Viridian that counted up "
                        + "to it. To fix: remove the annotations viridian.dev/last-release and viridian.dev/release from the app's "
                        + "Lease, and begin a new journal if this one holds that release")
            }
            return release * 2 + (isBack ? 1 : 0)
        }
    }

    static func release(ofToken token: Int) -> Int { token / 2 }
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
        } else if let color, let wanted = report.assets?.missing(for: ports.port(of: color)) {
            message = "current points at \(report.assets?.current ?? "nothing"), and \(wanted) belongs to \(color)"
        } else if let color, let assets = report.assets, assets.lacks(ports.port(of: color)) {
            message = "has no static assets of \(color) yet"
        } else if report.loaded == .no {
            message = "\(report.path) was edited and nginx has not loaded it: \(report.because)"
        } else if color == nil {
            message = "\(report.path) has \(file) up"
        }
        self.init(node: address, color: color, isDown: report.master == nil ? true : nil, message: message)
    }
}

extension PortPair {
    fileprivate func port(of color: Color) -> Int { color == .blue ? blue : green }
}
