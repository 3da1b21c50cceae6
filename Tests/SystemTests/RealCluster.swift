import Fleet
import Foundation
import Kubernetes
import Nginx
import Processes
import Testing

/// A standard Kubernetes cluster, configured by `script/e2e`.
enum RealCluster {
    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// An administrator's kubeconfig.
    static let kubeconfig = variable("VIRIDIAN_REAL_CLUSTER")
    /// The repository of the sample images, available to the cluster's nodes: v1, v2, v3, crash, deaf.
    static let image = variable("VIRIDIAN_REAL_IMAGE") ?? "localhost/viridian-e2e"
    /// The tool that runs the cluster and can restart a killed API server; `nil` if there is none.
    static let tool = variable("VIRIDIAN_REAL_KUBERNETES")
    /// Addresses of nodes with their own nginx and sshd, and the ssh configuration for them.
    static let nodes = (variable("VIRIDIAN_REAL_NODE_LIST") ?? "").split(separator: " ").map(String.init)
    static let sshConfiguration = variable("VIRIDIAN_REAL_SSH_CONFIG")

    static var isThere: Bool { kubeconfig != nil }
    static let missing: Comment = "no real cluster: script/e2e runs this"
    static let missingTool: Comment = "the cluster's API server is not ours to kill: script/e2e runs this with its own"

    static func client() throws -> KubernetesClient {
        KubernetesClient(try ClusterAccess.discover(kubeconfig: kubeconfig))
    }

    /// kubectl as the administrator.
    @discardableResult
    static func kubectl(
        _ arguments: String..., input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let command = Command("kubectl", ["--kubeconfig", kubeconfig ?? ""] + arguments, input: input)
        let completed = try await command.run(deadline: .seconds(120))
        try #require(
            completed.succeeded, "kubectl \(arguments): \(completed.output)\(completed.error)",
            sourceLocation: sourceLocation)
        return completed.output
    }

    /// `kill -9`; returns the id of the process that is ending.
    static func killAPIServer() throws -> Int32 {
        let home = variable("RK_HOME") ?? "/tmp/real-kubernetes"
        let file = try String(contentsOfFile: home + "/run/kube-apiserver.pid", encoding: .utf8)
        let process = try #require(Int32(file.trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(process, SIGKILL)
        return process
    }

    /// Returns when it is ready again.
    static func startAPIServer(after killed: Int32) async throws {
        // The tool starts only what is not running, so the old process must have ended.
        let isGone = try await eventually { !FileManager.default.fileExists(atPath: "/proc/\(killed)") }
        try #require(isGone)
        let completed = try await Command(try #require(tool), ["control"]).run(deadline: .seconds(90))
        try #require(completed.succeeded, "\(completed.error)")
    }
}

/// All tests with a real cluster. Serialized: each keeps the machine busy.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(if: RealCluster.isThere, RealCluster.missing)
)
enum RealClusterTests {}

/// An app in a separate namespace of a real cluster, released by an account with exactly the rights of `render rbac`.
struct RealWorld: Sendable {
    struct App: Sendable {
        var workload = "ReplicationController"
        var replicas = 2
        var ready = "{timeout: 60s}"
        var drain = "{least: 0s, most: 20s}"
        /// Whether releases use a template or mirror the live colour.
        var hasTemplate = true
        var hasPreview = true
        /// The pods' grace period in seconds. With 0 the API server deletes them at once, and a release takes ten seconds less.
        var grace = 0
        var more = ""
    }

    let directory: String
    let admin: KubernetesClient
    let namespace: String
    let ports: PortPair
    let nodes: [LocalNginx]
    /// The URL of each node's nginx, and the app's host.
    let sites: [String]
    let host: String
    let viridian: Program

    func deploy(_ version: String, _ words: String..., deadline: Duration = .seconds(120)) async throws -> Program.Said
    {
        try await viridian.run(["deploy", "blog", "--version", version] + words, deadline: deadline)
    }

    @discardableResult
    func release(_ version: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Program.Said {
        let said = try await deploy(version)
        try #require(said.status == 0, "\(said)", sourceLocation: sourceLocation)
        return said
    }

    @discardableResult
    func kubectl(
        _ arguments: String..., input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let command = Command(
            "kubectl", ["--kubeconfig", RealCluster.kubeconfig ?? "", "-n", namespace] + arguments, input: input)
        let completed = try await command.run(deadline: .seconds(120))
        try #require(
            completed.succeeded, "kubectl \(arguments): \(completed.output)\(completed.error)",
            sourceLocation: sourceLocation)
        return completed.output
    }

    func status() async throws -> JSON {
        let said = try await viridian("status", "blog", "-o", "json")
        return try #require(said.json, "\(said)")
    }

    /// The answer of each node.
    func served() async throws -> [String] {
        var answers: [String] = []
        for site in sites { answers.append(try await fetch(site, host: host)) }
        return answers
    }

    /// The answer at a colour's NodePort.
    func answer(of color: String) async throws -> String {
        try await fetch("http://127.0.0.1:\(color == "blue" ? ports.blue : ports.green)", host: host)
    }

    func workloads(_ resource: Resource = .replicationControllers) async throws -> [String] {
        try await admin.list(resource, namespace: namespace).items
            .compactMap { $0[at: "metadata.name"]?.string }.sorted()
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }

    func write(_ app: App) throws {
        try write(
            """
            spec:
              terminationGracePeriodSeconds: \(app.grace)
              containers:
                - name: blog
                  image: \(RealCluster.image)
                  imagePullPolicy: IfNotPresent
                  ports: [{containerPort: 9000}]
                  readinessProbe: {httpGet: {path: /, port: 9000}, periodSeconds: 1}

            """,
            to: "blog-pod.yaml"
        )
        try write(
            """
            app: blog
            namespace: \(namespace)
            ports: {container: 9000, blue: \(ports.blue), green: \(ports.green)}
            image: \(RealCluster.image)
            workload: \(app.workload)
            replicas: \(app.replicas)
            hosts: [\(host)]
            \(app.hasPreview ? "preview: preview.\(host)" : "# no preview")
            \(app.hasTemplate ? "template: ../blog-pod.yaml" : "# mirrors the live colour")
            ready: \(app.ready)
            drain: \(app.drain)
            \(app.more)

            """,
            to: "apps/blog.yaml"
        )
    }

    /// Expects this version on this colour in every output and for visitors, and nothing of the other colour.
    func expectLive(
        _ version: String, on color: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(try await served() == sites.map { _ in version }, sourceLocation: sourceLocation)
        let status = try await status()
        #expect(status[at: "live.version"]?.string == version, "\(status.text)", sourceLocation: sourceLocation)
        #expect(status[at: "live.color"]?.string == color, "\(status.text)", sourceLocation: sourceLocation)
        #expect(status["advice"] == [], "\(status.text)", sourceLocation: sourceLocation)
        let all = try await workloads() + workloads(.deployments)
        #expect(all.filter { $0.hasPrefix("blog-") } == ["blog-\(color)"], sourceLocation: sourceLocation)
        // The old colour's pods may still be terminating.
        let serving = try await admin.list(.pods, namespace: namespace).items.filter {
            $0[at: "metadata.deletionTimestamp"] == nil
        }
        let pods = serving.compactMap { $0[at: "metadata.labels.name"]?.string }
        #expect(pods.filter { $0 != "blog-\(color)" && $0 != "redis" } == [], sourceLocation: sourceLocation)
        let said = try await viridian("nodes", "blog", "-o", "json")
        let rows = try said.jsonLines
        #expect(rows.count == sites.count, "\(said)", sourceLocation: sourceLocation)
        let areRight = rows.allSatisfy { $0["state"] == "ok" && $0["color"]?.string == color }
        #expect(areRight, "\(said)", sourceLocation: sourceLocation)
    }

    /// Creates the objects of `viridian render` as the administrator.
    func apply(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let said = try await viridian("render", what, "blog")
        try #require(said.status == 0, "\(said)", sourceLocation: sourceLocation)
        try await RealCluster.kubectl("apply", "-f", "-", input: said.output, sourceLocation: sourceLocation)
        return said.output
    }

    /// Deletes the NodePorts at once, because the next world may use them; the namespace is deleted without waiting.
    fileprivate func remove() async throws {
        try await RealCluster.kubectl("delete", "service", "--all", "--namespace", namespace)
        try await RealCluster.kubectl("delete", "namespace", namespace, "--wait=false")
    }

    /// From now on `viridian` uses the account of `render rbac`.
    func useLeastRights() async throws {
        let rendered = try await apply("rbac")
        let name = try #require(
            rendered.firstMatch(of: /kind: ServiceAccount[\s\S]*?name: ([a-z0-9.-]+)/).map { String($0.1) },
            "\(rendered)")
        let request = """
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
            """
        let home = try #require(
            rendered.firstMatch(of: /kind: ServiceAccount\nmetadata:\n  name: \S+\n  namespace: (\S+)/).map {
                String($0.1)
            },
            "\(rendered)")
        let path = "/api/v1/namespaces/\(home)/serviceaccounts/\(name)/token"
        let answer = try JSON(
            parsing: try await RealCluster.kubectl("create", "--raw", path, "-f", "-", input: request))
        let token = try #require(answer[at: "status.token"]?.string)
        var config = try JSON(
            parsing: try await RealCluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        let user = config["users"]?[0]?["name"] ?? "viridian"
        config["users"] = [["name": user, "user": ["token": .string(token)]]]
        try write(config.text, to: "kubeconfig")
    }
}

/// One answer over a new connection.
func fetch(_ site: String, host: String) async throws -> String {
    let command = Command("curl", ["-sS", "--max-time", "5", "-H", "Host: \(host)", site + "/"])
    let completed = try await command.run(deadline: .seconds(10))
    return (completed.succeeded ? completed.output : completed.error).trimmingCharacters(in: .whitespacesAndNewlines)
}

/// An app in a new namespace, with the account of `render rbac`, and nginx: on the real nodes where `usesRealNodes` and there are
/// some, otherwise on two local ones. Everything is removed at the end.
func withRealWorld<Value: Sendable>(
    _ app: RealWorld.App = .init(),
    usesRealNodes: Bool = false,
    _ body: @escaping @Sendable (RealWorld) async throws -> Value
) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.path + "/viridian-real-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let areReal = usesRealNodes && !RealCluster.nodes.isEmpty
    let admin = try RealCluster.client()
    let namespace = "blog-" + UUID().uuidString.prefix(8).lowercased()
    let listening = try await Ports.shared.some(2)
    let world = RealWorld(
        directory: directory,
        admin: admin,
        namespace: namespace,
        // The real nodes' nginx is configured for these.
        ports: areReal ? PortPair(blue: 30000, green: 30001) : try await freeNodePorts(admin),
        nodes: areReal ? [] : (1...2).map { LocalNginx(directory: "\(directory)/nodes/node-\($0)") },
        sites: areReal ? RealCluster.nodes.map { "http://\($0)" } : listening.map { "http://127.0.0.1:\($0)" },
        host: "blog.domain.com",
        viridian: try Program(in: directory)
    )
    do {
        try world.furnish(listening)
        try world.write(app)
        try await RealCluster.kubectl("create", "namespace", namespace)
        try await world.useLeastRights()
        let value = try await LocalNginx.withRunning(world.nodes[...]) { try await body(world) }
        try await world.remove()
        await admin.shutdown()
        return value
    } catch {
        _ = try? await world.remove()
        await admin.shutdown()
        throw error
    }
}

/// A pair of ports that no service of the cluster uses.
func freeNodePorts(_ admin: KubernetesClient) async throws -> PortPair {
    let taken = Set(
        try await admin.list(.services).items.flatMap { $0[at: "spec.ports"]?.array ?? [] }
            .compactMap { $0["nodePort"]?.integer })
    while true {
        let pair = try await Ports.shared.nodePorts()
        if taken.isDisjoint(with: [pair.blue, pair.green]) { return pair }
    }
}

extension RealWorld {
    fileprivate func furnish(_ listening: [Int]) throws {
        for (nginx, port) in zip(nodes, listening) {
            try nginx.write(hosts: [VirtualHost(listen: "127.0.0.1:\(port)", upstream: "blogLB")])
            try nginx.write(
                Upstream(app: "blog", name: "blogLB", bluePort: ports.blue, greenPort: ports.green), live: ports.blue)
        }
        let any = LocalNginx(directory: directory + "/nodes/{node}")
        let local = """
            static: [\((1...2).map { "node-\($0)" }.joined(separator: ", "))]
              transport: local
              sudo: false
              backends: \(any.backends)
              test: \(any.test)
              reload: \(any.reload)
              pid: \(any.pidFile)
            """
        let real = """
            static: [\(RealCluster.nodes.joined(separator: ", "))]
              transport: ssh
              ssh: {config: \(RealCluster.sshConfiguration ?? "")}
              sudo: true
              backends: /etc/nginx/backends.d
              reload: nginx -s reload
            """
        // The administrator's kubeconfig, until `useLeastRights`.
        try write(
            """
            journal: viridian.sqlite
            kubernetes: {kubeconfig: kubeconfig}
            nodes:
              inventory: static
              \(nodes.isEmpty ? real : local)
            apps: apps/*.yaml

            """,
            to: "viridian.yaml"
        )
    }
}

/// The results of wrk.
struct LoadReport: Sendable, CustomStringConvertible {
    var requests = 0
    var errors = 0
    var reports: [String] = []

    var description: String { "\(requests) requests, \(errors) errors" }

    mutating func add(_ report: String) {
        reports.append(report)
        requests += report.firstMatch(of: /([0-9]+) requests in/).flatMap { Int($0.1) } ?? 0
        errors += report.firstMatch(of: /Non-2xx or 3xx responses: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
        if let match = report.firstMatch(
            of: /Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)/)
        {
            errors += [match.1, match.2, match.3, match.4].compactMap { Int($0) }.reduce(0, +)
        }
    }
}

extension RealWorld {
    /// Runs `body` while wrk sends some hundred requests a second to three nodes, or those named, each over a new connection.
    ///
    /// Not more: nodes on one machine connect to the NodePort from one address, whose 28,000 ports are in TIME_WAIT for a minute each.
    /// Reusing a port earlier takes a second, with or without a release.
    func underLoad(
        _ loaded: [String]? = nil,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> LoadReport {
        try write("function delay() return 40 end\n", to: "delay.lua")
        return try await withThrowingTaskGroup(of: String?.self) { group in
            defer { group.cancelAll() }
            let started = LoadProcesses()
            for site in loaded ?? Array(sites.prefix(3)) {
                let command = Command(
                    "wrk",
                    [
                        "-t1", "-c2", "-d900s", "-s", directory + "/delay.lua", "-H", "Connection: close",
                        "-H", "Host: \(host)", site + "/",
                    ]
                )
                group.addTask { try await command.run(onStart: { await started.add($0) }).output }
            }
            try await body()
            for process in await started.all { kill(process, SIGINT) }
            var report = LoadReport()
            for try await words in group { if let words { report.add(words) } }
            // nginx's log about failed requests is deleted with the directory, so it is recorded here.
            if report.errors > 0 { report.reports += nodes.map(refusedRequests) }
            return report
        }
    }
}

extension RealWorld {
    fileprivate func refusedRequests(_ node: LocalNginx) -> String {
        let log = (try? String(contentsOfFile: node.errorLog, encoding: .utf8)) ?? ""
        return log.split(separator: "\n").filter { $0.contains("[error]") }.suffix(20).joined(separator: "\n")
    }
}

private actor LoadProcesses {
    private(set) var all: [Int32] = []
    func add(_ process: Int32) { all.append(process) }
}
