import Fleet
import Foundation
import Nginx
import Processes
import TestSupport
import Testing

extension Releases.ContainerTests {
    /// Runs `viridian sandbox` with a folder of images, and an nginx as its node, with the configuration of an example; only ports, nodes
    /// and the length of the drain are this machine's. `body` gets the address of nginx.
    static func release(
        example: String, from images: String, _ viridian: Program,
        _ body: @escaping @Sendable (_ site: String) async throws -> Void
    ) async throws {
        let directory = viridian.directory
        let files = RepositoryFile.path("Examples/\(example)/viridian")
        let ports = try await Ports.shared.nodePorts()
        let listening = try await Ports.shared.some(1)[0]
        let nginx = LocalNginx(directory: directory + "/nodes/node-1")
        let any = LocalNginx(directory: directory + "/nodes/{node}")
        func write(_ text: String, to name: String) throws {
            let file = URL(filePath: directory + "/" + name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try write(
            """
            journal: viridian.sqlite
            kubernetes: {kubeconfig: kubeconfig}
            nodes: {inventory: static, static: [node-1], transport: local, sudo: false, backends: '\(any.backends)', \
            test: '\(any.test)', reload: '\(any.reload)', pid: '\(any.pidFile)'}
            apps: apps/*.yaml

            """, to: "viridian.yaml")
        let app = try String(contentsOfFile: files + "/apps/\(example).yaml", encoding: .utf8)
        try write(
            app.replacing(#/blue: \d+, green: \d+/#, with: "blue: \(ports.blue), green: \(ports.green)")
                .replacing(#/drain: \{[^}]*\}/#, with: "drain: {least: 0s, most: 20s}"),
            to: "apps/\(example).yaml")
        try write(String(contentsOfFile: files + "/\(example)-pod.yaml", encoding: .utf8), to: "\(example)-pod.yaml")
        let upstream = "\(example)LB"
        try nginx.write(hosts: [VirtualHost(listen: "127.0.0.1:\(listening)", upstream: upstream)])
        try nginx.write(
            Upstream(app: example, name: upstream, bluePort: ports.blue, greenPort: ports.green), live: ports.blue)

        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let sandbox = Task {
            defer { line.finish() }
            return try await viridian.run(
                ["sandbox", "--port", "0", "--kubeconfig", "kubeconfig", "--images", images], deadline: .seconds(600),
                onLine: { line.yield($0) })
        }
        let isListening = await lines.contains { $0.contains("API listens on") }
        do {
            try #require(isListening)
            let objects = try await viridian("render", "kubernetes", example)
            let applied = try await Command(
                "kubectl", ["--kubeconfig", directory + "/kubeconfig", "apply", "-f", "-"],
                environment: viridian.environment, input: objects.output
            ).run(deadline: .seconds(600))
            try #require(applied.succeeded, "\(applied)")
            try await nginx.withRunning { try await body("http://127.0.0.1:\(listening)") }
        } catch {
            sandbox.cancel()
            _ = await sandbox.result
            throw error
        }
        sandbox.cancel()
        _ = await sandbox.result
    }
}
