import AWS
import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// The controller's `Nodes` for one app, backed by the fleet.
struct FleetNodes: Nodes {
    let fleet: Fleet
    let app: AppConfiguration
    private let artifacts: NodeArtifacts
    private let batch: ReadingsBatch?
    private let readiness: @Sendable (Color) async -> ReadinessProbe?
    private let probes = MemoizedResult<Int, ReadinessProbe?>()

    /// `readiness` returns the readiness probe of a colour's pods. With `batch`, the nodes are read for all its apps at once.
    init(
        fleet: Fleet,
        app: AppConfiguration,
        batch: ReadingsBatch? = nil,
        readiness: @escaping @Sendable (Color) async -> ReadinessProbe? = { _ in nil }
    ) {
        self.fleet = fleet
        self.app = app
        self.batch = batch
        self.readiness = readiness
        artifacts = NodeArtifacts(app: app)
    }

    var upstream: Upstream { Upstream(app) }

    static func ports(of app: AppConfiguration) -> PortPair { PortPair(blue: app.ports.blue, green: app.ports.green) }

    func list() async throws -> [String] { try await fleet.listed() }

    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading] {
        if let batch, fence == nil { return await batch.read(app.name.text, on: addresses) }
        let nodes = addresses.map { Node($0) }
        let token: Int
        do {
            token = try fence?.token ?? 0
        } catch {
            return addresses.map { NodeReading(node: $0, color: nil, message: error.message) }
        }
        let upstream = upstream
        return await fleet.read(upstream, on: nodes, claiming: token).map { NodeReading(of: upstream, $0) }
    }

    func lastRelease() async throws -> Int {
        let tokens = try await fleet.read(upstream).compactMap { try? $0.outcome.get().token }
        return Fence.release(ofToken: tokens.max() ?? 0)
    }

    func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws {
        let plan = try await plan(for: order, survey)
        try await translatingFailures(node) { try await fleet.prepare(upstream, on: Node(node), plan) }
    }

    func stage(
        _ node: String,
        _ order: Order,
        _ survey: Survey,
        log: @escaping @Sendable (LogMessage) async -> Void
    ) async throws {
        let plan = try await plan(for: order, survey)
        try await translatingFailures(node, plan.probe) {
            _ = try await fleet.stage(upstream, on: Node(node), plan) { line in
                await log(LogMessage(source: node, line.text))
            }
        }
    }

    func stageAndRoute(_ node: String, to live: LiveVersion, fence: Fence) async throws {
        if app.artifact != nil || app.postDeploy != nil {
            let plan = try await plan(live, fence, release: "\(app.name)/\(fence.release)")
            try await translatingFailures(node, plan.probe) {
                _ = try await fleet.stage(upstream, on: Node(node), plan)
            }
        }
        try await route(node, to: live.color, fence: fence)
    }

    private func plan(for order: Order, _ survey: Survey) async throws -> StagePlan {
        let version = LiveVersion(color: survey.candidate, version: order.version)
        var plan = try await plan(version, Fence(release: order.number, isBack: false), release: order.name)
        plan.probeConnections = CandidateProbe.connections(toMeet: survey.replicas)
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
            postDeploy: app.postDeploy.map { PostDeployCommand(command: $0.command, timeout: $0.timeout) },
            artifact: try await artifacts.plan(version.version, release: fence.release)
        )
    }

    /// A request in the app's protocol for the configured path, or else for the readiness probe's path, with the readiness probe's
    /// headers, scheme and timeout. Without either path, any answer that is not a server error is accepted.
    private func probe(_ color: Color, release: Int) async throws -> CandidateProbe {
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
                kubelet: kubelet.map(description(ofKubelet:))
            ))
    }

    /// The kubelet sends its request to the pod's address, which is the Host unless a header sets another (kubernetes/pkg/probe/http).
    private func description(ofKubelet probe: ReadinessProbe) -> String {
        let headers = probe.headers.map { HTTPProbe.Header($0.name, $0.value) }
        let request = HTTPProbe(path: probe.path, host: "<the pod's address>:\(app.ports.container)", headers: headers)
        return
            "the kubelet's probe sends \(request.description) and accepts the answer. To fix: let the app answer both, or set the Host "
            + "that it expects in httpHeaders of its readinessProbe"
    }

    func route(_ node: String, to color: Color, fence: Fence) async throws {
        let token = try fence.token
        try await translatingFailures(node) {
            _ = try await fleet.switch(upstream, on: Node(node), to: app.port(of: color), token: token)
        }
    }

    func moveVisitors(_ node: String, _ order: Order, _ survey: Survey) async throws -> VisitorEvidence? {
        let plan = try await plan(for: order, survey)
        return try await translatingFailures(node, plan.probe) {
            let report = try await fleet.switch(
                upstream, on: Node(node), to: plan.port, token: plan.token, proving: plan)
            return report.proof.map { VisitorEvidence("\($0)", isProof: $0.evidence == .visit) }
        }
    }

    func openConnections(_ node: String, to color: Color) async throws -> DrainEvidence.Open {
        let report = try await fleet.drain(upstream, on: Node(node), port: app.port(of: color))
        var arrivals = report.arrivals ?? [:]
        // Connections from the node itself may be the preview's, or those of files in allowDirect: they do not count.
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

    /// Runs `body` and throws its `NodeFailure` as a `NodeProblem`. `probe` is the request that was sent to the candidate, if any.
    private func translatingFailures<Value>(
        _ node: String,
        _ probe: CandidateProbe? = nil,
        _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let failure as NodeFailure {
            var message = "\(failure.reason)"
            if case .fenced(let seen, _) = failure.reason {
                let newer = "\(app.name)/\(Fence.release(ofToken: seen))"
                message =
                    "refused: the node has seen \(newer), which is newer than this release. If there was no such release, remove "
                    + ".viridian/\(app.name).token next to the upstream file on that node"
            }
            if case .noAnswer(_, let output) = failure.reason, case .http(let request) = probe,
                let advice = request.advice(on: output)
            {
                message += "; \(advice)"
            }
            throw NodeProblem(node: node, isUnreachable: failure.isUnreachable, message: message)
        }
    }
}

extension Upstream {
    init(_ app: AppConfiguration) {
        self.init(
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
}

extension Fleet {
    /// The addresses in the inventory now.
    /// - Throws: `Refusal` for an inventory that cannot be used; the inventory's own errors where a retry may help.
    func listed() async throws -> [String] {
        do {
            return try await nodes().map(\.address)
        } catch let error as InventoryError {
            throw Refusal(error.description)
        } catch let error as AWSError where !error.isTemporary {
            throw Refusal(error.description)
        }
    }
}

extension Fence {
    /// The highest release number that nodes accept: a shell can compare and add it, and JSON numbers represent it exactly. It is never
    /// reached in practice.
    static let highestRelease = Order.highestNumber

    /// The fencing token for the node: a release's way back is above its way forward, and the next release is above both.
    /// - Throws: `Refusal` for a release beyond `highestRelease`. The number comes from the app's Lease, a node or the journal.
    var token: Int {
        get throws(Refusal) {
            guard (0...Self.highestRelease).contains(release) else {
                throw Refusal(
                    "release number \(release) is out of range (0 to 2^52) and was not assigned by Viridian. To fix: remove the "
                        + "annotations viridian.dev/last-release and viridian.dev/release from the app's Lease, and start a new journal "
                        + "if this one contains that release")
            }
            return release * 2 + (isBack ? 1 : 0)
        }
    }

    static func release(ofToken token: Int) -> Int { token / 2 }
}

extension NodeReading {
    /// With the newest release of the app that the node has seen.
    init(of upstream: Upstream, _ reading: NodeReadResult) {
        self.init(reading, ports: upstream.ports)
        newestRelease = reading.report.map { Fence.release(ofToken: $0.token) }
    }

    /// What a node was verified to route to or, if that was not possible, what its file says.
    init(_ reading: NodeReadResult, ports: PortPair) {
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
            message =
                "current points to \(report.assets?.current ?? "nothing"), but the assets of \(color) are \(wanted)"
        } else if let color, let assets = report.assets, assets.lacks(ports.port(of: color)) {
            message = "has no static assets for \(color) yet"
        } else if report.loaded == .no {
            message = "\(report.path) was edited and nginx has not loaded it: \(report.loadedReason)"
        } else if color == nil {
            message = "\(report.path) has \(file) up"
        }
        self.init(node: address, color: color, isDown: report.master == nil ? true : nil, message: message)
    }
}

extension PortPair {
    fileprivate func port(of color: Color) -> Int { color == .blue ? blue : green }
}
