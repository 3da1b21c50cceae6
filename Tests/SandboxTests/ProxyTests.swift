import Foundation
import Kubernetes
import Logging
import NIOCore
import NIOPosix
import Processes
import Testing

@testable import Sandbox

@Suite("node ports", .serialized)
struct ProxyTests {
    /// A proxy with one service, whose endpoints a test sets.
    private func withProxy(
        _ body: (ServiceProxy, Int, (_ addresses: [String], _ target: Int) async -> Void) async throws -> Void
    ) async throws {
        let proxy = ServiceProxy(host: "127.0.0.1", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let key = ObjectKey(namespace: "blog", name: "blog-blue")
        var port = 0
        while port == 0 {
            let candidate = Int.random(in: 30_000...32_767)
            if (try? await proxy.reserve(candidate, for: key)) == true { port = candidate }
        }
        await proxy.serviceChanged([
            "metadata": ["namespace": "blog", "name": "blog-blue"],
            "spec": ["type": "NodePort", "ports": [["port": 9000, "nodePort": .int(port)]]],
        ])
        let revisions = AsyncStream<Int> { continuation in
            for number in 1...100 { continuation.yield(number) }
        }
        var iterator = revisions.makeAsyncIterator()
        do {
            try await body(proxy, port) { addresses, target in
                let revision = await iterator.next() ?? 0
                await proxy.endpointsChanged([
                    "metadata": [
                        "namespace": "blog", "name": "blog-blue", "resourceVersion": .string(String(revision)),
                    ],
                    "subsets": [
                        ["addresses": .array(addresses.map { ["ip": .string($0)] }), "ports": [["port": .int(target)]]]
                    ],
                ])
            }
        } catch {
            await proxy.closeAll()
            throw error
        }
        await proxy.closeAll()
    }

    /// A web server with keep-alive, on its own address.
    private func server(_ address: String, port: Int = 0) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answers(address))
                }
            }
            .bind(host: address, port: port).get()
    }

    @Test("connections go to the ready pods in turn, and past one that refuses")
    func turns() async throws {
        try await withProxy { _, port, route in
            let first = try await server("127.3.0.1")
            let target = try #require(first.localAddress?.port)
            let second = try await server("127.3.0.2", port: target)
            await route(["127.3.0.1", "127.3.0.2", "127.3.0.3"], target)
            var answers: [String: Int] = [:]
            for _ in 0..<12 { answers[try await fetch(port), default: 0] += 1 }
            #expect(answers.keys.sorted() == ["127.3.0.1", "127.3.0.2"])
            #expect(answers.values.reduce(0, +) == 12)
            try await first.close()
            try await second.close()
        }
    }

    @Test("without a ready pod a connection is reset, not held", .timeLimit(.minutes(10)))
    func nobody() async throws {
        try await withProxy { _, port, route in
            await route([], 9000)
            // Without a limit of its own, it would wait for a connection that is held.
            let asked = try await Command("curl", ["--silent", "--show-error", "http://127.0.0.1:\(port)/"]).run()
            #expect(asked.error.contains("Connection reset by peer"), "\(asked)")
        }
    }

    @Test("data reaches the other side completely, also after one side has stopped sending")
    func halfClose() async throws {
        try await withProxy { _, port, route in
            // Counts the bytes it reads until the client closes its output, and then answers.
            let script = #"""
                use IO::Socket::INET; $| = 1;
                my $s = IO::Socket::INET->new(LocalAddr => "127.3.0.9", LocalPort => 0, Listen => 8) or die $!;
                print $s->sockport . "\n";
                while (my $c = $s->accept) {
                    my $n = 0;
                    while (sysread($c, my $b, 65536)) { $n += length $b; select(undef, undef, undef, 0.001) }
                    print $c "read $n\n" . ("x" x 3000000) . "\nend\n"; close $c;
                }
                """#
            let (ports, found) = AsyncStream.makeStream(of: Int.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    _ = try? await Command("perl", ["-e", script]).run(onLine: { found.yield(Int($0.text) ?? 0) })
                }
                var iterator = ports.makeAsyncIterator()
                await route(["127.3.0.9"], try #require(await iterator.next()))
                let client = #"""
                    use IO::Socket::INET; use Socket;
                    my $c = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!;
                    print $c "y" x 5000000; $c->flush; shutdown($c, 1);
                    my $t = join "", <$c>; print length($t), " ", substr($t, 0, 12), substr($t, -5);
                    """#
                let said = try await Command("perl", ["-e", client, String(port)]).run(deadline: .seconds(600))
                #expect(said.output == "3000018 read 5000000\nend\n", "\(said)")
                group.cancelAll()
            }
        }
    }

    @Test("under load not one request is lost while pods come and go", .timeLimit(.minutes(10)))
    func load() async throws {
        try #require(Executable.find("wrk") != nil, "this test needs wrk")
        try await withProxy { _, port, route in
            let first = try await server("127.3.0.5")
            let target = try #require(first.localAddress?.port)
            let second = try await server("127.3.0.6", port: target)
            await route(["127.3.0.5"], target)
            // A slow answer is not a lost one.
            let load = Command("wrk", ["-t1", "-c16", "-d3s", "--timeout", "600s", "http://127.0.0.1:\(port)/"])
            async let report = load.run(deadline: .seconds(600))
            for turn in 0..<20 {
                await route(turn.isMultiple(of: 2) ? ["127.3.0.6"] : ["127.3.0.5", "127.3.0.6"], target)
                try await Task.sleep(for: .milliseconds(100))
            }
            let output = try await report.output
            #expect(!output.contains("Socket errors") && !output.contains("Non-2xx"), "\(output)")
            let rate = try #require(output.firstMatch(of: /Requests\/sec:\s+([0-9.]+)/).flatMap { Double($0.1) })
            print("node port: \(rate) requests a second")
            #expect(rate > 0, "\(output)")
            try await first.close()
            try await second.close()
        }
    }

    @Test("five thousand requests a second, alone on the machine", .enabled(if: isMeasuring))
    func speed() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "nginx-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let configuration = """
            daemon off; worker_processes 1; pid \(directory.path)/pid; error_log stderr crit;
            events {}
            http { access_log off; server { listen 127.3.0.7:9000; location / { return 200 "blue"; } } }
            """
        let file = directory.appending(path: "nginx.conf").path
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        try await withProxy { _, port, route in
            await route(["127.3.0.7"], 9000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let nginx = Command("nginx", ["-p", directory.path, "-c", file, "-e", "stderr"])
                group.addTask { _ = try? await nginx.run() }
                while (try? await fetch(port)) != "blue" { try await Task.sleep(for: .milliseconds(50)) }
                for (header, count) in [
                    ("Connection: keep-alive", 16), ("Connection: close", 16), ("Connection: close", 1),
                ] {
                    let load = Command("wrk", ["-t1", "-c\(count)", "-d5s", "-H", header, "http://127.0.0.1:\(port)/"])
                    let output = try await load.run().output
                    print("node port, \(header), \(count) connections: \(output)")
                    #expect(!output.contains("Socket errors"))
                }
                group.cancelAll()
            }
        }
    }

    @Test("a pod that is deleted under load loses no request, and gets no connection after SIGTERM")
    func withdrawal() async throws {
        try #require(Executable.find("wrk") != nil, "this test needs wrk")
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.service("blue"))
            // On SIGTERM, closes its listener and serves the open connections.
            let graceful = Samples.controller(
                "blue", replicas: 2, more: "        lifecycle: {preStop: {sleep: {seconds: 1}}}")
            try await kubectl("apply", "-f", "-", input: graceful)
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") { $0[at: "status.readyReplicas"] == 2 }
            let port = try #require(
                Objects.nodePorts(of: try await cluster.store.get(.services, "blog", "blog-blue")).first)
            _ = try await cluster.waitFor(.endpoints, "blog-blue") {
                ($0["subsets"]?[0]?["addresses"]?.array?.count ?? 0) == 2
            }
            let load = Command(
                "wrk",
                ["-t1", "-c4", "-d4s", "--timeout", "600s", "-H", "Connection: close", "http://127.0.0.1:\(port)/"])
            async let report = load.run(deadline: .seconds(600))
            for _ in 0..<2 {
                let pod = try #require(await cluster.pods().first { $0.isActive && $0.isReady })
                try await kubectl("delete", "pod", pod.meta.name, "-n", "blog", "--timeout=600s")
                _ = try await cluster.waitFor(.replicationControllers, "blog-blue") {
                    $0[at: "status.readyReplicas"] == 2
                }
            }
            let output = try await report.output
            #expect(!output.contains("Socket errors") && !output.contains("Non-2xx"), "\(output)")
        }
    }

    @Test(
        "a service recreated on the same port is available with the response, and the port closes with the last service"
    )
    func again() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("create", "-f", "-", input: Samples.service("blue"))
            let port = try #require(
                Objects.nodePorts(of: try await cluster.store.get(.services, "blog", "blog-blue")).first)
            try await kubectl("apply", "-f", "-", input: Samples.controller("blue"))
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") { $0[at: "status.readyReplicas"] == 1 }
            _ = try await cluster.waitFor(.endpoints, "blog-blue") { $0["subsets"]?[0]?["addresses"] != nil }
            try await kubectl("replace", "--force", "-f", "-", input: Samples.service("blue", nodePort: port))
            _ = try await cluster.waitFor(.endpoints, "blog-blue") { $0["subsets"]?[0]?["addresses"] != nil }
            #expect(try await fetch(port).hasPrefix("20151025.143403"))
            try await kubectl("delete", "svc", "blog-blue", "-n", "blog")
            let limit = ContinuousClock.now + .seconds(600)
            while (try? await fetch(port)) != nil {
                try #require(ContinuousClock.now < limit)
            }
        }
    }

    @Test("two sandboxes cannot have the same port, and the second reports it")
    func samePort() async throws {
        try await withSandbox { cluster, _ in
            var configuration = SandboxConfiguration()
            configuration.port = cluster.apiPort
            let error = await #expect(throws: SandboxError.self) {
                try await SandboxCluster.withCluster(configuration) { _ in }
            }
            #expect(error?.description.contains("127.0.0.1:\(cluster.apiPort)") == true)
        }
    }

    @Test("a port that another program uses is refused with the reason, and the service is not created")
    func foreignPort() async throws {
        try await withSandbox { cluster, kubectl in
            var foreign: (any Channel)?
            while foreign == nil {
                foreign = try? await server("127.0.0.1", port: Int.random(in: 30_000...32_767))
            }
            let port = try #require(foreign?.localAddress?.port)
            let said = try await kubectl.failing("create", "-f", "-", input: Samples.service("blue", nodePort: port))
            #expect(said.contains("in use by another program on this machine: Address already in use"), "\(said)")
            #expect(await cluster.store.list(.services).isEmpty)
            #expect(try await kubectl("get", "events", "-n", "blog").contains("PortNotAvailable"))
            try await foreign?.close()
        }
    }
}

/// Answers each request with a name.
private final class Answers: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let name: String

    init(_ name: String) {
        self.name = name
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
