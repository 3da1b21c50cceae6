import Fleet
import Foundation
import HTTPTransport
import Kubernetes
import Nginx
import Sandbox
import Testing

/// Two clusters of this machine under one configuration, each with an app and an nginx before it. Both apps have the same ports: those of
/// the cluster east are at 127.0.0.1, those of west at 127.0.0.2.
struct TwoClusters: Sendable {
    struct Site: Sendable {
        let name: String
        let app: String
        let cluster: SandboxCluster
        /// The URL of its nginx.
        let url: String
    }

    let directory: String
    let ports: PortPair
    let east: Site
    let west: Site
    let viridian: Program

    func token() async throws -> String {
        let said = try await viridian("token", "create", "--role", "admin", "--name", "anna", "-o", "json")
        return try #require(said.json?["token"]?.string, "\(said)")
    }

    /// The version that an app's nginx serves.
    func served(_ site: Site) async throws -> String? {
        try await fetch(site.url).split(separator: " ").first.map(String.init)
    }
}

extension Serving {
    /// Asks for a release, and returns its number.
    func release(_ version: String, of app: String, _ token: String) async throws -> Int {
        let answer = try await post("/api/v1/apps/\(app)/releases", #"{"version": "\#(version)"}"#, token: token)
        return try #require(
            try JSON(parsing: answer.body)["number"]?.integer, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    /// Whether a release gets into a state.
    func becomes(_ state: String, _ app: String, _ number: Int, _ token: String) async throws -> Bool {
        try await eventually(within: .seconds(600)) {
            let answer = try await get("/api/v1/apps/\(app)/releases/\(number)", token: token)
            return try JSON(parsing: answer.body)["state"]?.string == state
        }
    }

    func json(_ path: String, _ token: String? = nil) async throws -> JSON {
        try JSON(parsing: try await get(path, token: token).body)
    }
}

/// Creates two clusters, runs `body` with them, and removes them.
func withTwoClusters<Value: Sendable>(
    _ body: @escaping @Sendable (TwoClusters) async throws -> Value
) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.path + "/viridian-system-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let ports = try await Ports.shared.nodePorts()
    let listening = try await Ports.shared.some(2)
    func configuration(_ host: String) -> SandboxConfiguration {
        var configuration = SandboxConfiguration()
        configuration.host = host
        configuration.images = SampleApp.images(program: Program.path, registries: ["registry.local:5000/"])
        return configuration
    }
    return try await SandboxCluster.withCluster(configuration("127.0.0.1")) { east in
        try await SandboxCluster.withCluster(configuration("127.0.0.2")) { west in
            let world = TwoClusters(
                directory: directory, ports: ports,
                east: .init(name: "east", app: "blog", cluster: east, url: "http://127.0.0.1:\(listening[0])"),
                west: .init(name: "west", app: "shop", cluster: west, url: "http://127.0.0.1:\(listening[1])"),
                viridian: try Program(in: directory))
            let nginx = try [(world.east, listening[0], "127.0.0.1"), (world.west, listening[1], "127.0.0.2")].map {
                try world.furnish($0, listening: $1, host: $2)
            }
            try world.write(
                "journal: viridian.sqlite\nclusters:\n" + world.nodes(of: world.east) + world.nodes(of: world.west),
                to: "viridian.yaml")
            try world.write(podTemplate, to: "pod.yaml")
            for site in [world.east, world.west] { try await createNamespace(of: site, in: world) }
            return try await LocalNginx.withRunning(nginx[...]) { try await body(world) }
        }
    }
}

private func createNamespace(of site: TwoClusters.Site, in world: TwoClusters) async throws {
    let client = KubernetesClient(
        try ClusterAccess.discover(kubeconfig: "\(world.directory)/\(site.name).kubeconfig"))
    do {
        _ = try await client.create(.namespaces, ["metadata": ["name": .string(site.app)]])
        await client.shutdown()
    } catch {
        await client.shutdown()
        throw error
    }
}

extension TwoClusters {
    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }

    /// Writes the kubeconfig, the app's file and nginx's files.
    fileprivate func furnish(_ site: Site, listening: Int, host: String) throws -> LocalNginx {
        try site.cluster.writeKubeconfig(to: "\(directory)/\(site.name).kubeconfig")
        try write(
            """
            app: \(site.app)
            cluster: \(site.name)
            ports: {container: 9000, blue: \(ports.blue), green: \(ports.green)}
            image: registry.local:5000/\(site.app)
            template: ../pod.yaml
            ready: {timeout: 2m}
            drain: {least: 0s, most: 5s}

            """, to: "apps/\(site.app).yaml")
        let nginx = LocalNginx(directory: "\(directory)/nodes/\(site.name)-1")
        try nginx.write(hosts: [VirtualHost(listen: "127.0.0.1:\(listening)", upstream: "\(site.app)LB")])
        let upstream = Upstream(
            app: site.app, name: "\(site.app)LB", bluePort: ports.blue, greenPort: ports.green)
        // Where the cluster's node ports are.
        let text = String(decoding: upstream.rendered(live: ports.blue), as: UTF8.self)
        try write(
            text.replacing("127.0.0.1:", with: host + ":"), to: "nodes/\(site.name)-1/backends.d/\(site.app).conf")
        return nginx
    }

    fileprivate func nodes(of site: Site) -> String {
        let any = LocalNginx(directory: directory + "/nodes/{node}")
        return """
              - name: \(site.name)
                kubeconfig: \(site.name).kubeconfig
                nodes:
                  inventory: static
                  static: [\(site.name)-1]
                  transport: local
                  sudo: false
                  backends: \(any.backends)
                  test: \(any.test)
                  reload: \(any.reload)
                  pid: \(any.pidFile)

            """
    }
}

private let podTemplate = """
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: app
          image: registry.local:5000/app
          ports: [{containerPort: 9000}]
          env:
            - {name: APP_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.labels['name']"}}}
            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
          readinessProbe:
            httpGet: {path: /healthz, port: 9000}
            periodSeconds: 1

    """
