import Foundation
import HTTPTransport
import Kubernetes
import Processes
import Testing

extension Releases {
    @Suite("The server")
    struct ServeTests {
        @Test(
            "refuses everything until a token exists; then a release over its API goes live, watched over its stream")
        func story() async throws {
            try await withWorld { world in
                try await world.serving { server in
                    #expect(try await server.get("/healthz", token: nil).status == 200)
                    #expect(try await server.get("/api/v1/apps", token: nil).status == 401)
                    #expect(server.firstLines.contains { $0.contains("viridian token create") })
                    let made = try await world.viridian(
                        "token", "create", "--role", "deployer", "--name", "ci", "-o", "json")
                    let token = try #require(made.json?["token"]?.string, "\(made)")
                    #expect(made.json?["role"]?.string == "deployer" && made.json?["id"]?.string != nil)
                    let body = #"{"version": "v1", "reason": "first"}"#
                    let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token)
                    #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
                    let lines = try await server.stream("/api/v1/apps/blog/releases/1/events", token: token)
                    #expect(lines.contains(#"data: {"state":"live"}"#), "\(lines.suffix(5))")
                    #expect(try await world.served() == ["v1", "v1"])
                    let list = try await world.viridian("token", "list")
                    #expect(list.output.contains("ci") && !list.output.contains(token))
                    let audit = try await world.viridian("audit", "blog", "-o", "json")
                    #expect(audit.json?["who"]?.string == "ci" && audit.json?["reason"]?.string == "first", "\(audit)")
                }
            }
        }

        @Test("killed during a release, it finishes it after a restart")
        func killed() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let token = try await world.token()
                try await world.serving(endingWith: SIGKILL) { server in
                    let body = #"{"version": "v2", "verify": true}"#
                    #expect(try await server.post("/api/v1/apps/blog/releases", body, token: token).status == 201)
                    try await server.wait(for: "paused", of: 2, token)
                }
                #expect(try await world.served() == ["v1", "v1"])
                try await world.serving { server in
                    let answer = try await server.post("/api/v1/apps/blog/releases/2/promote", "{}", token: token)
                    #expect(answer.status == 202, "\(String(decoding: answer.body, as: UTF8.self))")
                    try await server.wait(for: "live", of: 2, token)
                    #expect(try await world.served() == ["v2", "v2"])
                }
            }
        }

        @Test("the command line through a server prints the same as without one")
        func remote() async throws {
            try await withWorld { world in
                let token = try await world.token()
                try await world.serving { server in
                    let environment = ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token]
                    func run(_ words: String...) async throws -> Program.Said {
                        try await world.viridian.run(words, environment: environment)
                    }
                    let first = try await run("deploy", "blog", "--version", "v1")
                    #expect(first.status == 0 && first.output.contains("-- DEPLOY DONE -- blog/1 is live"), "\(first)")
                    let paused = try await run("deploy", "blog", "--version", "v2", "--verify", "--wait", "paused")
                    #expect(paused.status == 3, "\(paused)")
                    let busy = try await run("deploy", "blog", "--version", "v3")
                    #expect(busy.status == 75 && busy.error.contains("blog/2"), "\(busy)")
                    let promoted = try await run("promote", "blog")
                    #expect(promoted.status == 0 && promoted.output.contains("Promoted by"), "\(promoted)")
                    #expect(!promoted.output.contains("Starting deploy"), "only the events after the command")
                    let back = try await run("rollback", "blog", "--reason", "slow")
                    #expect(back.status == 0, "\(back)")
                    #expect(try await world.served() == ["v1", "v1"])
                    for words in [
                        ["releases", "blog"], ["show", "blog/2"], ["logs", "blog/3"], ["nodes", "blog", "-o", "json"],
                    ] {
                        let there = try await world.viridian.run(words, environment: environment)
                        let here = try await world.viridian.run(words)
                        #expect(there.status == 0 && there.output == here.output, "\(there)\n\(here)")
                    }
                    let status = try await run("status", "blog")
                    #expect(status.status == 0 && status.output.contains("live: v1"), "\(status)")
                    let repair = try await run("repair", "blog")
                    #expect(repair.status == 0 && repair.output.contains("is live with v1"), "\(repair)")
                    let wrong = try await world.viridian.run(
                        ["status"], environment: ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": "vir_x"])
                    #expect(wrong.status == 1 && wrong.errorLines.count == 1, "\(wrong)")
                }
            }
        }

        @Test("SIGTERM stops it at once, with a viewer and an idle connection open")
        func stop() async throws {
            try await withWorld { world in
                let token = try await world.token()
                let took = try await world.serving { server in
                    _ = try await server.post(
                        "/api/v1/apps/blog/releases", #"{"version": "v1", "verify": true}"#, token: token)
                    try await server.wait(for: "paused", of: 1, token)
                    let viewer = Task { try await server.stream("/api/v1/apps/blog/releases/1/events", token: token) }
                    _ = try await eventually {
                        let metrics = try await server.get("/metrics", token: nil)
                        return String(decoding: metrics.body, as: UTF8.self).contains("viridian_event_streams 1\n")
                    }
                    return (ContinuousClock.now, viewer)
                }
                #expect(ContinuousClock.now - took.0 < .seconds(10))
                _ = try await took.1.value
            }
        }
    }
}

/// A running `viridian serve`.
struct Serving: Sendable {
    let url: String
    let firstLines: [String]
    let http: HTTPConnection

    func get(_ path: String, token: String?) async throws -> HTTPConnection.Response {
        var headers = HTTPConnection.Headers()
        if let token { headers["Authorization"] = "Bearer \(token)" }
        return try await http.send(.init("GET", path, headers: headers))
    }

    func post(
        _ path: String, _ body: String, token: String, headers: [String: String] = [:]
    ) async throws -> HTTPConnection.Response {
        var fields: HTTPConnection.Headers = ["Authorization": "Bearer \(token)", "Content-Type": "application/json"]
        for (name, value) in headers { fields[name] = value }
        return try await http.send(.init("POST", path, headers: fields, body: Data(body.utf8)))
    }

    /// The lines of an event stream until it ends.
    func stream(_ path: String, token: String) async throws -> [String] {
        let headers: HTTPConnection.Headers = ["Authorization": "Bearer \(token)", "Accept": "text/event-stream"]
        var lines: [String] = []
        for try await line in try await http.lines(.init("GET", path, headers: headers)) { lines.append(line.text) }
        return lines
    }

    /// What has become of a release.
    func state(of number: Int, _ token: String) async throws -> String? {
        let answer = try await get("/api/v1/apps/blog/releases/\(number)", token: token)
        return try JSON(parsing: answer.body)["state"]?.string
    }

    func wait(for state: String, of number: Int, _ token: String) async throws {
        let isThere = try await eventually {
            let answer = try await get("/api/v1/apps/blog/releases/\(number)", token: token)
            return try JSON(parsing: answer.body)["state"]?.string == state
        }
        #expect(isThere, "blog/\(number) did not become \(state)")
    }
}

extension World {
    /// A token with role admin.
    func token() async throws -> String {
        let said = try await viridian("token", "create", "--role", "admin", "--name", "anna", "-o", "json")
        return try #require(said.json?["token"]?.string, "\(said)")
    }

    /// Runs `viridian serve` while `body` runs, and ends it with `signal`. Without a `port` on a free one.
    func serving<Value: Sendable>(
        port: Int = 0, endingWith signal: Int32 = SIGTERM, _ body: @escaping @Sendable (Serving) async throws -> Value
    ) async throws -> Value {
        try await viridian.serving(port: port, endingWith: signal, body)
    }
}

extension Program {
    /// Runs `viridian serve` while `body` runs, and ends it with `signal`. Without a `port` on a free one.
    func serving<Value: Sendable>(
        port: Int = 0,
        endingWith signal: Int32 = SIGTERM,
        _ body: @escaping @Sendable (Serving) async throws -> Value
    ) async throws -> Value {
        let (lines, says) = AsyncStream.makeStream(of: String.self)
        let (processes, started) = AsyncStream.makeStream(of: Int32.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer {
                    started.finish()
                    says.finish()
                }
                _ = try await run(
                    ["serve", "--listen", "127.0.0.1:\(port)"], deadline: .seconds(600),
                    onStart: { started.yield($0) }, onLine: { says.yield($0) })
            }
            var process = processes.makeAsyncIterator()
            let pid = try #require(await process.next())
            var first: [String] = []
            var url: String?
            for await line in lines {
                first.append(line)
                if let range = line.range(of: "serves http") { url = String(line[range.lowerBound...].dropFirst(7)) }
                // The advice is on the next line.
                if url != nil, first.count > 1 { break }
            }
            let address = try #require(url, "\(first)")
            let http = try HTTPConnection(baseURL: address)
            let server = Serving(url: address, firstLines: first, http: http)
            do {
                let value = try await body(server)
                kill(pid, signal)
                try await group.waitForAll()
                await http.shutdown()
                return value
            } catch {
                kill(pid, SIGKILL)
                while await group.nextResult() != nil {}
                await http.shutdown()
                throw error
            }
        }
    }
}
