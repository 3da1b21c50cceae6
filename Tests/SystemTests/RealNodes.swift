import Foundation
import Glibc
import Kubernetes
import Nginx
import Processes
import Testing

/// Nodes like separate machines: each with its own sshd, nginx and files. `VIRIDIAN_REAL_NODES` names the
/// tool that runs them (`up N`, `on N COMMAND`, `stop N`, `start N`; its things in `$RN_HOME`), node N at 127.0.1.N.
struct RealNodes: Sendable {
    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    static let tool = variable("VIRIDIAN_REAL_NODES")
    static let home = variable("RN_HOME") ?? "/tmp/real-nodes"
    /// Another number is used where the machines are shared.
    static let first = variable("VIRIDIAN_REAL_NODES_FIRST").flatMap { Int($0) } ?? 1
    static var isThere: Bool { tool != nil }
    static let missing: Comment = "no real nodes: script/e2e runs this with VIRIDIAN_REAL_NODES"

    let numbers: [Int]

    var addresses: [String] { numbers.map { "127.0.1.\($0)" } }
    /// The node on which faults are injected.
    var victim: Int { numbers[numbers.count - 1] }
    var victimAddress: String { "127.0.1.\(victim)" }

    func directory(_ node: Int) -> String { "\(Self.home)/node-\(node)" }
    func file(_ node: Int) -> String { directory(node) + "/etc/nginx/backends.d/blog.conf" }
    func text(_ node: Int) throws -> String { try String(contentsOfFile: file(node), encoding: .utf8) }

    func write(_ text: String, to name: String, of node: Int) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory(node) + "/etc/nginx/" + name))
    }

    func remove(_ name: String, of node: Int) {
        try? FileManager.default.removeItem(atPath: directory(node) + "/etc/nginx/" + name)
    }

    @discardableResult
    static func run(_ words: String...) async throws -> String {
        let completed = try await Command(tool ?? "", words).run(deadline: .seconds(100))
        try #require(completed.succeeded, "\(words): \(completed.output)\(completed.error)")
        return completed.output
    }

    func reload(_ node: Int) async throws {
        try await Self.run("on", "\(node)", "nginx", "-s", "reload")
    }

    // MARK: - Faults

    /// The node's sshd and all processes of its sessions; not nginx, which keeps running.
    private func processes(_ node: Int) throws -> [Int32] {
        let text = try String(contentsOfFile: directory(node) + "/pid", encoding: .utf8)
        let root = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        var tree = [root]
        var parents: [Int32: [Int32]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let id = Int32(name), let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")"), let parent = Int32(stat[end...].split(separator: " ")[2])
            else { continue }
            parents[parent, default: []].append(id)
        }
        var index = 0
        while index < tree.count {
            tree += parents[tree[index]] ?? []
            index += 1
        }
        return tree
    }

    /// Stops all answers of the node, on open connections too.
    func freeze(_ node: Int) throws {
        for process in try processes(node) { kill(process, SIGSTOP) }
    }

    func thaw(_ node: Int) throws {
        for process in try processes(node) { kill(process, SIGCONT) }
    }

    /// Ends the sessions on the node; the machine keeps running.
    func cutConnections(_ node: Int) throws {
        for process in try processes(node).dropFirst().reversed() { kill(process, SIGKILL) }
    }

    func crash(_ node: Int) async throws {
        try cutConnections(node)
        try await Self.run("stop", "\(node)")
    }

    func start(_ node: Int) async throws {
        // The old process must have stopped listening.
        _ = try await eventually { !FileManager.default.fileExists(atPath: directory(node) + "/run/nginx.pid") }
        try await Self.run("start", "\(node)")
    }
}

extension World {
    /// The output of `viridian nodes`, by address.
    func routes() async throws -> [String: JSON] {
        let said = try await viridian("nodes", "blog", "-o", "json")
        #expect(said.status == 0, "\(said)")
        return Dictionary(uniqueKeysWithValues: try said.jsonLines.map { ($0["address"]?.string ?? "", $0) })
    }
}

/// A world with `count` real nodes, configured as by configuration management: blue is up. The last node is the one for
/// faults; `sites` are the first `watched` ones.
func withRealNodes<Value: Sendable>(
    _ count: Int,
    _ app: World.App = .init(drain: "{least: 1s, most: 20s}"),
    watched: Int = 3,
    nodeLines: String = "",
    inventory: String? = nil,
    _ body: @escaping @Sendable (World, RealNodes) async throws -> Value
) async throws -> Value {
    let nodes = RealNodes(numbers: Array(RealNodes.first..<RealNodes.first + count))
    try await RealNodes.run("up", "\(RealNodes.first + count - 1)")
    return try await withWorld(nodes: 1, app, runningNginx: false) { made in
        let world = World(
            directory: made.directory, cluster: made.cluster, client: made.client, nodes: [],
            sites: nodes.addresses.prefix(watched).map { "http://\($0)" },
            ports: made.ports, viridian: made.viridian
        )
        try world.write(
            """
            journal: viridian.sqlite
            kubernetes: {kubeconfig: kubeconfig}
            nodes:
              \(inventory ?? "inventory: static\n  static: [\(nodes.addresses.joined(separator: ", "))]")
              transport: ssh
              ssh: {config: \(RealNodes.home)/ssh_config, connectTimeout: 3s}
              reload: nginx -s reload
              \(nodeLines)
            apps: apps/*.yaml

            """,
            to: "viridian.yaml"
        )
        do {
            for node in nodes.numbers { try await nodes.seed(node, world.ports.blue, world.ports.green) }
            for site in world.sites {
                let isLoaded = try await eventually { try await fetch(site) == "status 502" }
                try #require(isLoaded, "\(site)")
            }
            let value = try await body(world, nodes)
            for node in nodes.numbers { try await nodes.clean(node) }
            return value
        } catch {
            for node in nodes.numbers { try? await nodes.clean(node) }
            throw error
        }
    }
}

extension RealNodes {
    fileprivate func seed(_ node: Int, _ blue: Int, _ green: Int) async throws {
        try thaw(node)
        for name in Self.others { move("/etc/nginx/" + name, to: aside(name), of: node) }
        try? FileManager.default.removeItem(atPath: directory(node) + "/etc/nginx/backends.d/.viridian")
        try write(
            // Without max_fails=0 the requests before the first release would keep nginx away from blue for ten seconds.
            "upstream blogLB {\n  server 127.0.0.1:\(blue) max_fails=0;\n  server 127.0.0.1:\(green) max_fails=0 down;\n}\n",
            to: "backends.d/blog.conf",
            of: node
        )
        try write(
            """
            include /etc/nginx/backends.d/blog.conf;
            server {
                listen 127.0.1.\(node):80;
                server_name 127.0.1.\(node);
                location / { proxy_pass http://blogLB; }
            }

            """,
            to: "sites-enabled/viridian-test",
            of: node
        )
        try await reload(node)
    }

    fileprivate func clean(_ node: Int) async throws {
        if (try? thaw(node)) == nil { try await Self.run("start", "\(node)") }
        for name in [
            "sites-enabled/viridian-test", "sites-enabled/other", "backends.d/blog.conf", "backends.d/.viridian",
        ] {
            remove(name, of: node)
        }
        for name in Self.others { move(aside(name), to: "/etc/nginx/" + name, of: node) }
        try await reload(node)
    }

    /// The files of another test's app of that name.
    private static var others: [String] { ["sites-enabled/blog", "backends.d/blog.conf"] }

    private func aside(_ name: String) -> String { "/etc/nginx/" + name.replacing("/", with: "-") + ".aside" }

    private func move(_ name: String, to other: String, of node: Int) {
        let files = FileManager.default
        let (from, to) = (directory(node) + name, directory(node) + other)
        guard files.fileExists(atPath: from) else { return }
        try? files.removeItem(atPath: to)
        try? files.moveItem(atPath: from, toPath: to)
    }
}
