import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// One node with a real nginx, two colours behind it that answer with their names, and a fleet that reaches it.
struct Site: Sendable {
    let nginx: LocalNginx
    let upstream: Upstream
    let listen: Int
    let settings: NodeSettings

    var file: String { nginx.backends + "/blog.conf" }
    var blue: Int { upstream.ports.blue }
    var green: Int { upstream.ports.green }
    var node: Node { Node("127.0.0.1") }

    /// The article's file.
    func article(live: String = "blue") -> String {
        """
        upstream blogLB {
        server 127.0.0.1:\(blue)\(live == "blue" ? "" : " down");
        server 127.0.0.1:\(green)\(live == "green" ? "" : " down");
        }

        """
    }

    func fleet(
        _ transport: any NodeTransport = LocalTransport(),
        parallel: Int = 20,
        _ change: (inout NodeSettings) -> Void = { _ in }
    ) throws -> Fleet {
        var settings = settings
        // Only against hanging: nodes of tests are on a busy machine.
        settings.timeout = .seconds(600)
        change(&settings)
        return Fleet(
            inventory: try StaticInventory(["127.0.0.1"]),
            transport: transport,
            settings: settings,
            parallel: parallel
        )
    }

    /// nginx's test, counted.
    var countedTest: String { "echo test >> \(nginx.directory)/asked; \(settings.test)" }

    /// How often `countedTest` has run.
    var tests: Int { (try? text(of: "asked").split(separator: "\n").count) ?? 0 }

    func write(_ text: String, to name: String = "backends.d/blog.conf") throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: nginx.directory + "/" + name))
    }

    func bytes(_ name: String = "backends.d/blog.conf") throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: nginx.directory + "/" + name)))
    }

    func text(of name: String = "backends.d/blog.conf") throws -> String {
        String(decoding: try bytes(name), as: UTF8.self)
    }

    /// A manual reload; returns when its new workers run.
    func reloadByHand() async throws {
        let fleet = try fleet()
        let before = try await onlyReport(fleet).workers
        let completed = try await Command("sh", ["-c", nginx.reload]).run()
        #expect(completed.succeeded)
        try await eventually {
            let workers = try await onlyReport(fleet).workers
            return !workers.isEmpty && Set(workers).isDisjoint(with: before)
        }
    }

    func onlyReport(_ fleet: Fleet) async throws -> NodeReport {
        let readings = try await fleet.read(upstream)
        #expect(readings.count == 1)
        return try readings[0].outcome.get()
    }

    /// The response of the node over a new connection.
    func answer() async throws -> String { try await get(port: listen) }
}

/// A temporary directory that others may enter.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = FileManager.default.temporaryDirectory.path + "/viridian-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// A node, running, with `text` (or the article's file) as its upstream file. `green` is what that colour does, as nginx's directives.
func withSite<Value: Sendable>(
    _ text: ((Site) -> String?)? = { $0.article() },
    extraHosts: [String] = [],
    green: String = "return 200 green;",
    _ body: @escaping @Sendable (Site) async throws -> Value
) async throws -> Value {
    try await withDirectory { directory in
        let ports = try await freePorts(3)
        let backends = LocalNginx(directory: directory + "/pods")
        try backends.write(
            hosts: [],
            http: [
                "server { listen 127.0.0.1:\(ports[0]); return 200 blue; }",
                "server { listen 127.0.0.1:\(ports[1]); \(green) }",
            ]
        )
        let nginx = LocalNginx(directory: directory + "/node")
        try nginx.write(hosts: [VirtualHost(listen: "127.0.0.1:\(ports[2])", upstream: "blogLB")], http: extraHosts)
        let site = Site(
            nginx: nginx,
            upstream: Upstream(app: "blog", name: "blogLB", bluePort: ports[0], greenPort: ports[1]),
            listen: ports[2],
            settings: nginx.settings
        )
        if let text = text?(site) { try site.write(text) }
        return try await backends.withRunning {
            try await nginx.withRunning { try await body(site) }
        }
    }
}

/// Polls where no event exists.
func eventually(within limit: Duration = .seconds(600), _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("did not come true within \(limit)")
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
