import Fleet
import Foundation
import Kubernetes
import Nginx
import Processes
import Sandbox
import TextTemplates
import ViridianConfiguration

/// The demo's environment: an embedded cluster, nginx nodes and a configuration for them, in a directory of its own.
struct DemoEnvironment: Sendable {
    let directory: String
    let nodes: [LocalNginx]
    /// The URL of each node's nginx.
    let sites: [String]
    let ports: PortPair
    /// The port of the server's pages; `nil` if there is no server.
    let pagePort: Int?
    /// The host and port at which the first node serves the colour that is not live.
    let preview: String

    var configurationFile: String { directory + "/viridian.yaml" }

    /// Starts the environment, runs `body` in it, and removes it completely.
    ///
    /// Ports are taken from `firstPort` on: the first one for the pages, if any, then one for each node.
    static func with<Value: Sendable>(
        nodes count: Int,
        firstPort: Int,
        withPages: Bool,
        _ body: @escaping @Sendable (DemoEnvironment) async throws -> Value
    ) async throws -> Value {
        // Private, because the configurations in it name commands and are read by nginx, possibly as root.
        let home = try PrivateDirectory(prefix: "viridian-demo-")
        defer { home.remove() }
        let directory = home.path
        try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: false)
        var listening = try FreePorts.some(withPages ? count + 1 : count, from: firstPort)
        let pagePort = withPages ? listening.removeFirst() : nil
        let demo = DemoEnvironment(
            directory: directory,
            nodes: (1...count).map { LocalNginx(directory: "\(directory)/nodes/node-\($0)") },
            sites: listening.map { "http://127.0.0.1:\($0)" },
            ports: try FreePorts.nodePorts(),
            pagePort: pagePort,
            preview: "preview.localhost:\(listening[0])"
        )
        var configuration = SandboxConfiguration()
        configuration.images = SampleApp.images(program: CurrentExecutable.path, registries: ["registry.local:5000/"])
        return try await SandboxCluster.withCluster(configuration) { cluster in
            try cluster.writeKubeconfig(to: demo.directory + "/kubeconfig")
            try demo.write(listening: listening)
            try await demo.createNamespace()
            return try await LocalNginx.withRunning(demo.nodes[...]) { try await body(demo) }
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
            // As configuration management writes it first: blue is up.
            let upstream = UpstreamFile.rendered(upstream: "blogLB", ports: ports, live: ports.blue, preview: true)
            try upstream.write(toFile: nginx.backends + "/blog.conf", atomically: true, encoding: .utf8)
        }
        let configuration = DemoConfiguration(self)
        try configuration.text.write(toFile: configurationFile, atomically: true, encoding: .utf8)
        try DemoApp(self).text.write(toFile: directory + "/apps/blog.yaml", atomically: true, encoding: .utf8)
        try DemoApp.podTemplate.write(toFile: directory + "/apps/blog-pod.yaml", atomically: true, encoding: .utf8)
    }
}

extension FreePorts {
    /// A free pair of NodePorts, of which blue's ends in 0 and green's in 1.
    static func nodePorts() throws -> PortPair {
        guard let blue = stride(from: 30_000, to: 32_760, by: 10).first(where: { isFree($0) && isFree($0 + 1) }) else {
            throw NoPorts()
        }
        return PortPair(blue: blue, green: blue + 1)
    }
}
