import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// nginx with what is rendered for a node, on loopback addresses of its own. Other places than on a node are written into the files:
/// ports, and directories that belong to root there.
struct NginxNode: Sendable {
    let folder: String
    /// The first three numbers of its addresses. On the first address are nginx and the apps' colours.
    private let network: String
    /// The free ports that stand for those on a node: nginx's own, and the apps' NodePorts. A cluster on this machine may have its rules for
    /// NodePorts, on every address.
    private let ports: [Int: Int]

    var address: String { network + ".1" }
    /// The one machine whose X-Forwarded-For nginx believes.
    var balancer: String { network + ".2" }
    var stranger: String { network + ".3" }
    var port: Int { ports[80] ?? 0 }

    private var main: String { folder + "/nginx.conf" }
    /// Where the configuration of an app says that its artifact goes.
    var assets: String { folder + "/srv" }

    /// Writes the files of these apps, and `others` of nginx's configuration with them, by their names. `change` is what a person edits.
    init(
        _ apps: [AppConfiguration], in folder: String, others: [String: String] = [:],
        change: (String) -> String = { $0 }
    ) throws {
        self.folder = folder
        network = "127.\(Int.random(in: 64...126)).\(Int.random(in: 1...254))"
        let nodePorts = apps.flatMap { [$0.ports.blue, $0.ports.green] }
        ports = Dictionary(
            uniqueKeysWithValues: zip([80, 81] + nodePorts, try freePorts(nodePorts.count + 2, at: network + ".1")))
        let backends = "\(folder)/backends.d"
        var known = configuration(apps, backends: backends)
        known.nodes.balancer = [balancer]
        let rendered = try Rendering.nginx.files(known, apps: apps)
        for file in rendered + others.map({ RenderedFile(path: "etc/nginx/conf.d/\($0)", text: $1) }) {
            let path = "/\(file.path)".hasPrefix(backends) ? "/\(file.path)" : "\(folder)/\(file.path)"
            try write(moved(change(file.text)), to: path)
        }
        try write(
            """
            pid \(folder)/nginx.pid;
            error_log stderr notice;
            events {}
            http {
                client_body_temp_path \(folder)/t1; proxy_temp_path \(folder)/t2; fastcgi_temp_path \(folder)/t3;
                uwsgi_temp_path \(folder)/t4; scgi_temp_path \(folder)/t5;
                server_names_hash_bucket_size 128;
                include \(folder)/etc/nginx/conf.d/*.conf;
            }
            """, to: main)
    }

    /// A file of a node's as it is here.
    private func moved(_ text: String) -> String {
        var text = text.replacing("/var/log/nginx", with: folder)
            .replacing("include fastcgi_params;", with: "include /etc/nginx/fastcgi_params;")
            .replacing("/code/public", with: "\(folder)/code/public")
        for (port, free) in ports {
            text = text.replacing("listen \(port)", with: "listen \(address):\(free)")
            for before in ["server 127.0.0.1:", "http://127.0.0.1:"] {
                text = text.replacing(
                    "\(before)\(port)", with: "\(before.replacing("127.0.0.1", with: address))\(free)")
            }
        }
        return text
    }

    /// Where a port of a node's is here.
    func place(_ port: Int) -> String { "\(address):\(ports[port] ?? port)" }

    func nginx(_ words: String...) async throws -> Completed {
        let program = Executable.find("nginx") ?? "/usr/sbin/nginx"
        return try await Command(program, ["-p", folder, "-c", main] + words).run(deadline: .seconds(600))
    }

    /// Runs nginx, and ends it after `body`: when this returns, it writes and removes nothing any more.
    func running<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let program = Executable.find("nginx") ?? "/usr/sbin/nginx"
        let command = Command(program, ["-p", folder, "-c", main, "-g", "daemon off;"])
        return try await beside(command, isReady: { $0.contains("start worker process") }, body)
    }

    /// The answer to one request, as curl prints it.
    struct Answer: Sendable, CustomStringConvertible {
        var description: String
        var status: Int { Int(description.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        var body: String {
            description.split(separator: "\r\n\r\n", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        }
        /// The body's JSON: text as it is, an object's values by their keys.
        var values: [String: String] {
            get throws { try JSONDecoder().decode([String: String].self, from: Data(body.utf8)) }
        }

        func header(_ name: String) -> String? {
            description.components(separatedBy: "\r\n").prefix { !$0.isEmpty }
                .first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map {
                    String($0.dropFirst(name.count + 2))
                }
        }
    }

    /// The answer to a request from `source`, or from the balancer.
    func ask(
        _ host: String, _ path: String, at port: Int = 80, from source: String? = nil,
        headers: [String] = ["X-Forwarded-Proto: https"], post body: String? = nil, options: [String] = []
    ) async throws -> Answer {
        let words =
            ["-s", "-i", "--interface", source ?? balancer, "-H", "Host: \(host)"] + headers.flatMap { ["-H", $0] }
            + (body.map { ["--data-binary", $0] } ?? []) + options + ["--path-as-is", "http://\(place(port))\(path)"]
        let asked = try await Command("curl", words).run(deadline: .seconds(600))
        return Answer(description: asked.output)
    }

    /// The answer to bytes that a machine sends, up to the end of the connection.
    func send(_ bytes: String, from source: String) async throws -> Answer {
        let program = """
            import socket, sys
            with socket.create_connection((sys.argv[1], int(sys.argv[2])), source_address=(sys.argv[3], 0)) as connection:
                connection.sendall(sys.stdin.buffer.read())
                sys.stdout.buffer.write(connection.makefile("rb").read())
            """
        let python = try #require(await Python.find("socket"))
        let sent = try await Command(python, ["-c", program, address, "\(port)", source], input: bytes)
            .run(deadline: .seconds(600))
        return Answer(description: sent.output)
    }

    // MARK: - Apps

    /// A colour of a PHP app: a real php-fpm on this port, whose script says what it gets, and that it is `name`.
    func php<Value: Sendable>(
        _ name: String, on port: Int, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let file = "\(folder)/php-fpm-\(name).conf"
        // As root it needs another user; otherwise it ignores this with a notice.
        try write(
            """
            [global]
            error_log = /dev/stderr
            daemonize = no
            [www]
            user = nobody
            listen = \(place(port))
            pm = static
            pm.max_children = 2
            env[NAME] = \(name)

            """, to: file)
        try write(
            try String(contentsOfFile: Python.oracle("app.php"), encoding: .utf8), to: "\(folder)/code/public/index.php"
        )
        let program = try #require(PHPFPM.program)
        return try await beside(
            Command(program, ["-y", file, "-F"]), isReady: { $0.contains("ready to handle connections") }, body)
    }

    /// A colour of an HTTP app (`Tests/Oracles/http-app.py`).
    func http<Value: Sendable>(
        _ name: String, on port: Int, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let python = try #require(await Python.find("websockets.asyncio.server"))
        let order = "{\"address\": \"\(address)\", \"port\": \(ports[port] ?? port), \"name\": \"\(name)\"}"
        return try await beside(
            Command(python, [Python.oracle("http-app.py")], input: order), isReady: { $0.contains("listening") }, body)
    }

    /// Runs `body` while the program runs, after a line that says that it is ready.
    private func beside<Value: Sendable>(
        _ command: Command, isReady: @escaping @Sendable (String) -> Bool, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let (ready, saying) = AsyncStream.makeStream(of: Void.self)
        return try await withThrowingTaskGroup(of: Completed?.self) { group in
            group.addTask {
                defer { saying.finish() }
                return try? await command.run(onLine: { line in if isReady(line.text) { saying.yield() } })
            }
            var iterator = ready.makeAsyncIterator()
            guard await iterator.next() != nil else {
                throw NotStarted(description: "\(command.executable): \(try await group.next()??.error ?? "")")
            }
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            while try await group.next() != nil {}
            return try result.get()
        }
    }

    private struct NotStarted: Error, CustomStringConvertible { var description: String }
}
