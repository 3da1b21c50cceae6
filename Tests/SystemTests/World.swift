import Fleet
import Foundation
import Kubernetes
import Nginx
import Processes
import Sandbox
import Testing

/// The environment of a test: an embedded cluster, nginx nodes and a configuration for `blog`, on this machine.
struct World: Sendable {
    let directory: String
    let cluster: SandboxCluster
    let client: KubernetesClient
    let nodes: [LocalNginx]
    /// The URL of each node's nginx.
    let sites: [String]
    let ports: PortPair
    let viridian: Program

    /// The values in the app's file, except its ports.
    struct App: Sendable {
        var namespace = "blog"
        var replicas = 1
        var ready = "{timeout: 30s}"
        var drain = "{least: 0s, most: 20s}"
        /// Further lines.
        var more = ""
    }

    var configurationFile: String { directory + "/viridian.yaml" }
    var journal: String { directory + "/viridian.sqlite" }

    func deploy(_ version: String, _ words: String...) async throws -> Program.Said {
        try await viridian.run(["deploy", "blog", "--version", version] + words)
    }

    /// Deploys a version that has to go live.
    @discardableResult
    func release(_ version: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Program.Said {
        let said = try await deploy(version)
        try #require(said.status == 0, "\(said)", sourceLocation: sourceLocation)
        // No connection is kept for long here.
        #expect(!said.output.contains("The drain's time is over"), "\(said)", sourceLocation: sourceLocation)
        return said
    }

    func status() async throws -> JSON {
        let said = try await viridian("status", "blog", "-o", "json")
        return try #require(said.json, "\(said)")
    }

    /// Each node's answer to one request: `v1 blue blog-blue-x1y2z`.
    func answers() async throws -> [String] {
        var answers: [String] = []
        for site in sites { answers.append(try await fetch(site)) }
        return answers
    }

    /// The version that answers on each node.
    func served() async throws -> [String] {
        try await answers().map { $0.split(separator: " ").first.map(String.init) ?? "" }
    }

    func workloads() async throws -> [String] {
        try await client.list(.replicationControllers, namespace: "blog").items
            .compactMap { $0[at: "metadata.name"]?.string }.sorted()
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }

    func read(_ name: String) throws -> String {
        try String(contentsOfFile: directory + "/" + name, encoding: .utf8)
    }

    func write(_ app: App) throws {
        try write(
            """
            app: blog
            namespace: \(app.namespace)
            ports: {container: 9000, blue: \(ports.blue), green: \(ports.green)}
            image: registry.local:5000/blog
            replicas: \(app.replicas)
            template: ../blog-pod.yaml
            ready: \(app.ready)
            drain: \(app.drain)
            \(app.more)

            """,
            to: "apps/blog.yaml"
        )
    }

    /// Reloads nginx by hand, and waits until only new workers are left.
    func reloadByHand(_ node: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let before = try workers(of: node)
        let reload = try await Command("sh", ["-c", nodes[node - 1].reload]).run(deadline: .seconds(600))
        #expect(reload.succeeded, "\(reload.error)", sourceLocation: sourceLocation)
        let isLoaded = try await eventually {
            let now = try workers(of: node)
            return !now.isEmpty && now.isDisjoint(with: before)
        }
        #expect(isLoaded, sourceLocation: sourceLocation)
    }

    private func workers(of node: Int) throws -> Set<String> {
        let master = try read("nodes/node-\(node)/nginx.pid").trimmingCharacters(in: .whitespacesAndNewlines)
        let children = try String(contentsOfFile: "/proc/\(master)/task/\(master)/children", encoding: .utf8)
        return Set(children.split(separator: " ").map(String.init))
    }

    /// The node that `viridian.yaml` names `node-1`, `node-2`.
    func upstreamFile(_ node: Int) -> String { "nodes/node-\(node)/backends.d/blog.conf" }
}

/// Creates a world, runs `body` in it, and removes it.
func withWorld<Value: Sendable>(
    nodes count: Int = 2,
    _ app: World.App = .init(),
    runningNginx: Bool = true,
    _ body: @escaping @Sendable (World) async throws -> Value
) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.path + "/viridian-system-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let ports = try await Ports.shared.nodePorts()
    let listening = try await Ports.shared.some(count)
    var configuration = SandboxConfiguration()
    configuration.images = SampleApp.images(program: Program.path, registries: ["registry.local:5000/"])
    return try await SandboxCluster.withCluster(configuration) { cluster in
        try cluster.writeKubeconfig(to: directory + "/kubeconfig")
        let client = KubernetesClient(try ClusterAccess.discover(kubeconfig: directory + "/kubeconfig"))
        let world = World(
            directory: directory,
            cluster: cluster,
            client: client,
            nodes: (1...count).map { LocalNginx(directory: "\(directory)/nodes/node-\($0)") },
            sites: listening.map { "http://127.0.0.1:\($0)" },
            ports: ports,
            viridian: try Program(in: directory)
        )
        try world.furnish(listening)
        try world.write(app)
        do {
            _ = try await client.create(.namespaces, ["metadata": ["name": "blog"]])
            let value = try await LocalNginx.withRunning(runningNginx ? world.nodes[...] : []) { try await body(world) }
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

extension World {
    fileprivate func furnish(_ listening: [Int]) throws {
        for (nginx, port) in zip(nodes, listening) {
            try nginx.write(hosts: [VirtualHost(listen: "127.0.0.1:\(port)", upstream: "blogLB")])
            // As configuration management writes it first: blue is up.
            try nginx.write(
                Upstream(app: "blog", name: "blogLB", bluePort: ports.blue, greenPort: ports.green),
                live: ports.blue
            )
        }
        let any = LocalNginx(directory: directory + "/nodes/{node}")
        let names = (1...nodes.count).map { "node-\($0)" }.joined(separator: ", ")
        try write(
            """
            journal: viridian.sqlite
            kubernetes: {kubeconfig: kubeconfig}
            nodes:
              inventory: static
              static: [\(names)]
              transport: local
              sudo: false
              backends: \(any.backends)
              test: \(any.test)
              reload: \(any.reload)
              pid: \(any.pidFile)
            apps: apps/*.yaml

            """,
            to: "viridian.yaml"
        )
        try write(
            """
            spec:
              terminationGracePeriodSeconds: 5
              containers:
                - name: blog
                  image: registry.local:5000/blog
                  ports: [{containerPort: 9000}]
                  env:
                    - {name: APP_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.labels['name']"}}}
                    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
                  readinessProbe:
                    httpGet: {path: /healthz, port: 9000}
                    periodSeconds: 1

            """,
            to: "blog-pod.yaml"
        )
    }
}
