import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// nginx with what is rendered for a node, on loopback addresses of its own. Other places than on a node are written into the files:
/// ports and directories that belong to root there, and who the balancer is.
struct NginxNode: Sendable {
    let folder: String
    /// The first three numbers of its addresses. On the first address are nginx and, on their ports, the apps' colours.
    private let network = "127.\(Int.random(in: 64...126)).\(Int.random(in: 1...254))"

    var address: String { network + ".1" }
    /// The one machine whose X-Forwarded-For nginx believes.
    var balancer: String { network + ".2" }
    var stranger: String { network + ".3" }
    let port = 8080

    private var main: String { folder + "/nginx.conf" }
    /// Where the configuration of an app says that its artifact goes.
    var assets: String { folder + "/srv" }

    /// Writes the files of these apps.
    init(_ apps: [AppConfiguration], in folder: String) throws {
        self.folder = folder
        let backends = "\(folder)/backends.d"
        for file in try Rendering.nginx.files(configuration(apps, backends: backends), apps: apps) {
            let path = "/\(file.path)".hasPrefix(backends) ? "/\(file.path)" : "\(folder)/\(file.path)"
            let text = file.text.replacing("/var/log/nginx", with: folder)
                .replacing("include fastcgi_params;", with: "include /etc/nginx/fastcgi_params;")
                .replacing("listen 80", with: "listen \(address):\(port)")
                .replacing("server 127.0.0.1:", with: "server \(address):")
                .replacing("set_real_ip_from 10.0.0.0/8;", with: "set_real_ip_from \(balancer);")
                .replacing("/code/public", with: "\(folder)/code/public")
            try write(text, to: path)
        }
        try write(
            """
            pid \(folder)/nginx.pid;
            error_log \(folder)/error.log;
            events {}
            http {
                client_body_temp_path \(folder)/t1; proxy_temp_path \(folder)/t2; fastcgi_temp_path \(folder)/t3;
                uwsgi_temp_path \(folder)/t4; scgi_temp_path \(folder)/t5;
                server_names_hash_bucket_size 128;
                include \(folder)/etc/nginx/conf.d/*.conf;
            }
            """, to: main)
    }

    func nginx(_ words: String...) async throws -> Completed {
        let program = Executable.find("nginx") ?? "/usr/sbin/nginx"
        return try await Command(program, ["-p", folder, "-c", main] + words).run(deadline: .seconds(60))
    }

    /// Runs nginx, and ends it after `body`.
    func running<Value>(_ body: () async throws -> Value) async throws -> Value {
        let started = try await nginx()
        try #require(started.succeeded, "\(started.error)")
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        _ = try await nginx("-s", "stop")
        return try result.get()
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
        _ host: String, _ path: String, from source: String? = nil, headers: [String] = ["X-Forwarded-Proto: https"],
        post body: String? = nil
    ) async throws -> Answer {
        let words =
            ["-s", "-i", "--interface", source ?? balancer, "-H", "Host: \(host)"] + headers.flatMap { ["-H", $0] }
            + (body.map { ["--data-binary", $0] } ?? []) + ["--path-as-is", "http://\(address):\(port)\(path)"]
        let asked = try await Command("curl", words).run(deadline: .seconds(60))
        return Answer(description: asked.output)
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
            listen = \(address):\(port)
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
        let order = "{\"address\": \"\(address)\", \"port\": \(port), \"name\": \"\(name)\"}"
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
