import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// How a node can reach a port: through bash, or, where it has none, through nc.
private let ways: [AlteredTransport] =
    [AlteredTransport(replaced: [:])]
    + shells.filter { $0.first == "busybox" }.map {
        AlteredTransport(shell: $0, replaced: ["command -v bash": "false"])
    }

@Suite struct ProbeTests {
    private func stage(
        _ site: Site,
        _ port: Int,
        _ probe: Probe,
        _ transport: any NodeTransport = LocalTransport(),
        within limit: Duration = .seconds(8)
    ) async throws {
        let plan = StagePlan(
            port: port, token: 1, version: "2", color: "green", release: "blog/1", probe: probe,
            probeTimeout: limit)
        _ = try await site.fleet(transport).stage(site.upstream, on: site.node, plan)
    }

    /// Why it cannot be staged. The script goes on asking for as long as it may.
    private func refusal(_ site: Site, _ port: Int, _ probe: Probe, _ transport: any NodeTransport) async -> String {
        do {
            try await stage(site, port, probe, transport, within: .seconds(3))
            return "passed"
        } catch {
            return "\(error)"
        }
    }

    @Test("a FastCGI application is asked in its own language", arguments: ways.indices)
    func fastCGI(way: Int) async throws {
        try await withSite { site in
            let pong = try FastCGIResponder(.output("Content-type: text/plain\r\n\r\npong"))
            try await stage(site, pong.port, .fastcgi(path: "/ping?full", host: "blog.domain.com"), ways[way])
            let asked = try #require(await pong.asked().first)
            #expect(asked["SCRIPT_NAME"] == "/ping" && asked["QUERY_STRING"] == "full")
            #expect(asked["REQUEST_METHOD"] == "GET" && asked["HTTP_HOST"] == "blog.domain.com")
            // php-fpm without a ping page.
            let none = try FastCGIResponder(
                .output("Status: 404 Not Found\r\nContent-type: text/html\r\n\r\nFile not found.\n"))
            try await stage(site, none.port, .fastcgi(isGuess: true), ways[way])
            #expect(
                await refusal(site, none.port, .fastcgi(path: "/ping"), ways[way])
                    .contains("FastCGI answered with status 404"))
            let sick = try FastCGIResponder(.output("Status: 503 Service Unavailable\r\n\r\n"))
            #expect(
                await refusal(site, sick.port, .fastcgi(isGuess: true), ways[way])
                    .contains("FastCGI answered with status 503"))
            let overloaded = try FastCGIResponder(.overloaded)
            #expect(
                await refusal(site, overloaded.port, .fastcgi(isGuess: true), ways[way])
                    .contains("refused the request"))
            let values = try FastCGIResponder(.valuesOnly)
            try await stage(site, values.port, .fastcgi(isGuess: true), ways[way])
            let other = try FastCGIResponder(.other("HTTP/1.1 400 Bad Request\r\n\r\n"))
            #expect(
                await refusal(site, other.port, .fastcgi(isGuess: true), ways[way])
                    .contains("is no FastCGI"))
        }
    }

    @Test(
        "an HTTP candidate is asked for the path that somebody named; a guessed one may be missing",
        arguments: ways.indices)
    func http(way: Int) async throws {
        try await withSite { site in
            let port = try await freePorts(1)[0]
            try site.write(
                "server { listen 127.0.0.1:\(port); location = /healthz { return 204; } location = /moved { return 302 /; } "
                    + "location = /sick { return 503; } location / { return 404; } }",
                to: "hosts.d/candidate.conf")
            try await site.reloadByHand()
            try await stage(site, port, .tcp, ways[way])
            try await stage(site, port, .http(path: "/healthz"), ways[way])
            try await stage(site, port, .http(path: "/moved"), ways[way])
            try await stage(site, port, .http(path: "/", isGuess: true), ways[way])
            for (probe, answer) in [
                (Probe.http(path: "/"), "HTTP/1.1 404 Not Found"),
                (.http(path: "/100%25?a=\\n'\"$(id)"), "HTTP/1.1 404 Not Found"),
                (.http(path: "/sick", isGuess: true), "HTTP/1.1 503 Service Temporarily Unavailable"),
            ] {
                #expect(await refusal(site, port, probe, ways[way]).contains(answer), "\(probe)")
            }
            let dead = try await freePorts(1)[0]
            for probe in [Probe.tcp, .http(path: "/"), .fastcgi()] {
                let said = await refusal(site, dead, probe, ways[way])
                #expect(said.contains("does not answer on 127.0.0.1:\(dead)"), "\(said)")
            }
        }
    }

    @Test("a candidate takes as many connections in a row as were asked for: each may reach another of its pods")
    func several() async throws {
        try await withSite { site in
            let listener = try Listener()
            async let taken = listener.accept(8, within: .seconds(20))
            let plan = StagePlan(
                port: listener.port, token: 1, version: "2", color: "green", release: "blog/1", probe: .tcp,
                probeConnections: 8, probeTimeout: .seconds(8))
            _ = try await site.fleet().stage(site.upstream, on: site.node, plan)
            #expect(await taken == 8)
        }
    }
}
