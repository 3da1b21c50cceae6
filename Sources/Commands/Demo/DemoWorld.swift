import Fleet
import Foundation
import Kubernetes
import Nginx
import Processes
import Sandbox
import ViridianConfiguration

/// The demo's machine room: an embedded cluster, nginx nodes, and a configuration that names them, in a folder of its own.
struct DemoWorld: Sendable {
    let directory: String
    let nodes: [LocalNginx]
    /// Where each node's nginx answers.
    let sites: [String]
    let ports: PortPair
    /// Where the server's pages are to be; `nil` where there is no server.
    let pagePort: Int?
    /// The host, with its port, at which the first node shows the colour that is not live.
    let preview: String

    var configurationFile: String { directory + "/viridian.yaml" }

    /// Builds it, runs `body` in it, and leaves nothing behind.
    ///
    /// Ports are taken from `firstPort` on: the first one for the pages, where there are to be any, then one a node.
    static func with<Value: Sendable>(
        nodes count: Int,
        firstPort: Int,
        withPages: Bool,
        _ body: @escaping @Sendable (DemoWorld) async throws -> Value
    ) async throws -> Value {
        // Its configuration names commands, and nginx reads its own there, as root where this is root: it has to be nobody else's.
        let home = try PrivateDirectory(prefix: "viridian-demo-")
        defer { home.remove() }
        let directory = home.path
        try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: false)
        var listening = try FreePorts.some(withPages ? count + 1 : count, from: firstPort)
        let pagePort = withPages ? listening.removeFirst() : nil
        let world = DemoWorld(
            directory: directory,
            nodes: (1...count).map { LocalNginx(directory: "\(directory)/nodes/node-\($0)") },
            sites: listening.map { "http://127.0.0.1:\($0)" },
            ports: try FreePorts.nodePorts(),
            pagePort: pagePort,
            preview: "preview.localhost:\(listening[0])"
        )
        var configuration = SandboxConfiguration()
        configuration.images = SampleApp.images(program: OwnProgram.path, registries: ["registry.local:5000/"])
        return try await SandboxCluster.withCluster(configuration) { cluster in
            try cluster.writeKubeconfig(to: world.directory + "/kubeconfig")
            try world.write(listening: listening)
            try await world.createNamespace()
            return try await LocalNginx.withRunning(world.nodes[...]) { try await body(world) }
        }
    }

    private func createNamespace() async throws {
        let client = KubernetesClient(try ClusterAccess.discover(kubeconfig: directory + "/kubeconfig"))
        _ = try await client.create(.namespaces, ["metadata": ["name": "blog"]])
        await client.shutdown()
    }

    private func write(listening: [Int]) throws {
        for (nginx, port) in zip(nodes, listening) {
            let preview = UpstreamFile.previewName(of: "blogLB")
            try nginx.write(hosts: [
                VirtualHost(listen: "127.0.0.1:\(port)", upstream: "blogLB"),
                VirtualHost(listen: "127.0.0.1:\(port)", names: ["preview.localhost"], upstream: preview),
            ])
            // As configuration management seeds it: blue is up.
            let upstream = UpstreamFile.rendered(upstream: "blogLB", ports: ports, live: ports.blue, preview: true)
            try upstream.write(toFile: nginx.backends + "/blog.conf", atomically: true, encoding: .utf8)
        }
        let any = LocalNginx(directory: directory + "/nodes/{node}")
        let names = (1...nodes.count).map { "node-\($0)" }.joined(separator: ", ")
        try """
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
        apps: apps/blog.yaml

        """.write(toFile: configurationFile, atomically: true, encoding: .utf8)
        try """
        app: blog
        ports: {container: 9000, blue: \(ports.blue), green: \(ports.green)}
        image: registry.local:5000/blog
        replicas: 3
        template: blog-pod.yaml
        preview: \(preview)
        ready: {timeout: 60s}
        drain: {least: 1s, most: 30s}

        """.write(toFile: directory + "/apps/blog.yaml", atomically: true, encoding: .utf8)
        try """
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

        """.write(toFile: directory + "/apps/blog-pod.yaml", atomically: true, encoding: .utf8)
    }
}

extension FreePorts {
    /// A pair as the article's convention has it: blue ends in 0, green in 1.
    static func nodePorts() throws -> PortPair {
        guard let blue = stride(from: 30_000, to: 32_760, by: 10).first(where: { isFree($0) && isFree($0 + 1) }) else {
            throw NoPorts()
        }
        return PortPair(blue: blue, green: blue + 1)
    }
}
