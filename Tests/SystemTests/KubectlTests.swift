import Foundation
import Nginx
import Processes
import Testing

extension ShortCommands {
    /// `viridian sandbox`, and the real kubectl.
    @Suite struct KubectlTests {
        @Test("kubectl applies the article's services, and creates, scales, watches, reads and deletes a controller")
        func kubectl() async throws {
            try await withSandbox { kubectl in
                #expect(try await kubectl("version").contains("Server Version: v1."))
                try await kubectl("create", "namespace", "blog")
                let ports = try await Ports.shared.nodePorts()
                let applied = try await kubectl("apply", "-f", "-", input: services(ports))
                #expect(applied == "service/blog-blue created\nservice/blog-green created\n")
                let again = try await kubectl("apply", "-f", "-", input: services(ports))
                #expect(again == "service/blog-blue unchanged\nservice/blog-green unchanged\n")

                try await kubectl("create", "-f", "-", input: controller)
                try await kubectl("wait", "-n", "blog", "--for=condition=Ready", "pod", "--all", "--timeout=20s")
                #expect(try await fetch("http://127.0.0.1:\(ports.blue)").hasPrefix("20151025.143403 blue blog-blue-"))

                // The output of `get -w` while the controller is scaled from one pod to two.
                let lines = try await kubectl.watching("get", "pods", "-n", "blog", "-w") {
                    try await kubectl("scale", "rc", "blog-blue", "-n", "blog", "--replicas=2")
                } until: { lines in
                    Set(lines.filter { $0.contains("1/1") && $0.contains("Running") }.map { $0.prefix(15) }).count == 2
                }
                #expect(lines.first?.hasPrefix("NAME") == true, "\(lines)")
                #expect(try await kubectl("get", "rc", "-n", "blog").contains("blog-blue   2         2         2"))

                let pods = try await kubectl("get", "pods", "-n", "blog", "-o", "name").split(separator: "\n")
                #expect(pods.count == 2)
                for pod in pods {
                    #expect(try await kubectl("logs", "-n", "blog", String(pod)).contains("20151025.143403 listens on"))
                }
                try await kubectl("delete", "rc", "blog-blue", "-n", "blog", "--cascade=foreground", "--timeout=20s")
                #expect(try await kubectl("get", "pods", "-n", "blog", "-o", "name") == "")
            }
        }

        @Test("a sandbox whose port is in use is refused, and a stopped one ends its pods")
        func sandbox() async throws {
            let (directory, pods) = try await withSandbox { kubectl in
                let port = try #require(kubectl.server.split(separator: ":").last.map(String.init))
                let second = try await kubectl.viridian("sandbox", "--port", port)
                #expect(second.status == 1, "\(second)")
                #expect(second.error == "viridian: port \(port) is in use: choose another with --port\n")
                try await kubectl("create", "namespace", "blog")
                try await kubectl("create", "-f", "-", input: controller)
                try await kubectl("wait", "-n", "blog", "--for=condition=Ready", "pod", "--all", "--timeout=20s")
                let pods = try processes(naming: kubectl.viridian.directory).filter { $0.value.contains("sample-app") }
                #expect(pods.count == 1)
                return (kubectl.viridian.directory, pods)
            }
            #expect(try processes(naming: directory).isEmpty, "\(pods)")
        }
    }
}

/// As Salt would apply them.
private func services(_ ports: PortPair) -> String {
    [("blue", ports.blue), ("green", ports.green)].map { color, port in
        """
        apiVersion: v1
        kind: Service
        metadata:
          name: blog-\(color)
          namespace: blog
          labels:
            name: blog-\(color)
        spec:
          type: NodePort
          ports:
          - port: 9000
            nodePort: \(port)
          selector:
            name: blog-\(color)

        """
    }.joined(separator: "---\n")
}

private let controller = """
    apiVersion: v1
    kind: ReplicationController
    metadata:
      name: blog-blue
      namespace: blog
    spec:
      replicas: 1
      selector: {name: blog-blue}
      template:
        metadata:
          labels: {name: blog-blue}
        spec:
          terminationGracePeriodSeconds: 2
          containers:
          - name: blog
            image: registry.local:5000/blog:20151025.143403
            env:
            - {name: APP_NAME, value: blog-blue}
            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            readinessProbe: {httpGet: {path: /healthz, port: 9000}, periodSeconds: 1}

    """

/// The real kubectl with a sandbox's kubeconfig.
private struct Kubectl: Sendable {
    let viridian: Program
    let server: String

    private func command(_ words: [String], input: String?) -> Command {
        Command(
            "kubectl",
            words,
            environment: viridian.environment.merging(["KUBECONFIG": viridian.directory + "/config"]) { $1 },
            input: input
        )
    }

    @discardableResult
    func callAsFunction(
        _ words: String...,
        input: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let done = try await command(words, input: input).run(deadline: .seconds(600))
        #expect(done.succeeded, "kubectl \(words): \(done.error)\(done.output)", sourceLocation: sourceLocation)
        return done.output
    }

    /// Follows a command that does not end by itself until its lines are as expected; `body` runs after the first line.
    func watching(
        _ words: String...,
        body: @escaping @Sendable () async throws -> Void,
        until isEnough: @escaping @Sendable ([String]) -> Bool
    ) async throws -> [String] {
        let (stream, lines) = AsyncStream.makeStream(of: String.self)
        let command = command(words, input: nil)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                _ = try await command.run(deadline: .seconds(600), onLine: { lines.yield($0.text) })
                lines.finish()
            }
            var seen: [String] = []
            for await line in stream {
                seen.append(line)
                if seen.count == 2 { try await body() }
                if isEnough(seen) { return seen }
            }
            Issue.record("kubectl \(words) ended with \(seen)")
            return seen
        }
    }
}

/// Starts `viridian sandbox`, runs `body`, and ends it with Ctrl-C.
private func withSandbox<Value: Sendable>(
    _ body: @escaping @Sendable (Kubectl) async throws -> Value
) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.path + "/viridian-kubectl-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let viridian = try Program(in: directory)
    let (stream, lines) = AsyncStream.makeStream(of: String.self)
    let process = FirstProcess()
    return try await withThrowingTaskGroup(of: Program.Said.self) { group in
        defer { group.cancelAll() }
        group.addTask {
            let said = try await viridian(
                "sandbox", "--port", "0", "--kubeconfig", directory + "/config",
                deadline: .seconds(600),
                onStart: { await process.started($0) },
                onLine: { lines.yield($0) }
            )
            lines.finish()
            return said
        }
        var server = ""
        for await line in stream {
            if let found = line.firstMatch(of: /listens on (https:\S+)/) { server = String(found.1) }
            if line.hasPrefix("Ctrl-C stops the sandbox") { break }
        }
        let mode = try FileManager.default.attributesOfItem(atPath: directory + "/config")[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let value = try await body(Kubectl(viridian: viridian, server: server))
        if let process = await process.id { kill(process, SIGINT) }
        let said = try await group.next()
        #expect(said?.status == 0, "\(String(describing: said))")
        #expect(!FileManager.default.fileExists(atPath: directory + "/config"))
        return value
    }
}

private actor FirstProcess {
    private(set) var id: Int32?
    func started(_ id: Int32) { self.id = id }
}
