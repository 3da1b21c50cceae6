import Fleet
import Foundation
import Glibc
import Nginx
import Processes
import Testing

/// How a node can open a connection: with bash, or else with nc.
private let ways: [AlteredTransport] =
    [AlteredTransport(replaced: [:])]
    + shells.filter { $0.first == "busybox" }.map {
        AlteredTransport(shell: $0, replaced: ["command -v bash": "false"])
    }

@Suite struct ProbeTests {
    private func stage(
        _ site: Site,
        _ port: Int,
        _ probe: CandidateProbe,
        _ transport: any NodeTransport = LocalTransport(),
        within limit: Duration = .seconds(600)
    ) async throws {
        let plan = StagePlan(
            port: port, token: 1, version: "2", color: "green", release: "blog/1", probe: probe,
            probeTimeout: limit)
        _ = try await site.fleet(transport).stage(site.upstream, on: site.node, plan)
    }

    /// Why it cannot be staged. The script retries until its limit.
    private func refusal(_ site: Site, _ port: Int, _ probe: CandidateProbe, _ transport: any NodeTransport) async
        -> String
    {
        var said = ""
        // A busy machine may need longer for the first answer.
        for limit in [Duration.seconds(3), .seconds(30), .seconds(300)] {
            do {
                try await stage(site, port, probe, transport, within: limit)
                return "passed"
            } catch {
                said = "\(error)"
            }
            if !said.contains("no answer within") { break }
        }
        return said
    }

    @Test("a FastCGI application is probed with FastCGI", arguments: ways.indices)
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
                    .contains("is not FastCGI"))
        }
    }

    @Test(
        "an HTTP candidate is probed at the configured path; a guessed path may be missing",
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
                (CandidateProbe.http(path: "/"), "HTTP/1.1 404 Not Found"),
                (.http(path: "/100%25?a=\\n'\"$(id)"), "HTTP/1.1 404 Not Found"),
                (.http(path: "/sick", isGuess: true), "HTTP/1.1 503 Service Temporarily Unavailable"),
            ] {
                #expect(await refusal(site, port, probe, ways[way]).contains(answer), "\(probe)")
            }
            let dead = try await freePorts(1)[0]
            for probe in [CandidateProbe.tcp, .http(path: "/"), .fastcgi()] {
                let said = await refusal(site, dead, probe, ways[way])
                #expect(said.contains("does not answer on 127.0.0.1:\(dead)"), "\(said)")
            }
        }
    }

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test(
        "the request is like the kubelet's: HTTP/1.1, one per connection, with the readiness probe's headers",
        arguments: ways.indices)
    func request(way: Int) async throws {
        try await withSite { site in
            let responder = try HTTPResponder { _, _ in
                // In pieces, and with an answer before the answer.
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            }
            let headers = [
                ("host", "blog.internal"), ("X-Forwarded-Proto", "https"), ("X-Try", "a\r\nEvil: yes"), ("X-Try", "b"),
            ]
            let probe = HTTPProbe(
                path: "/up", host: "blog.domain.com", headers: headers.map { HTTPProbe.Header($0.0, $0.1) })
            try await stage(site, responder.port, .http(probe), ways[way])
            let expected = [
                "GET /up HTTP/1.1", "User-Agent: viridian", "Accept: */*", "host: blog.internal",
                "X-Forwarded-Proto: https",
                "X-Try: b", "Connection: close", "", "",
            ]
            // Twice when the machine is too busy to connect immediately.
            let asked = Set(responder.asked)
            #expect(asked == [expected.joined(separator: "\r\n")], "\(asked)")
            let plain = try HTTPResponder { _, _ in Self.ok }
            try await stage(site, plain.port, .http(path: "/", host: "blog.domain.com"), ways[way])
            #expect(plain.asked.first?.contains("\r\nHost: blog.domain.com\r\n") == true, "\(plain.asked)")
        }
    }

    @Test("every response must be successful, as a bad one may come from one of many pods", arguments: ways.indices)
    func each(way: Int) async throws {
        try await withSite { site in
            func refusal(_ responder: HTTPResponder) async -> String {
                let plan = StagePlan(
                    port: responder.port, token: 1, version: "2", color: "green", release: "blog/1",
                    probe: .http(path: "/"), probeConnections: 5, probeTimeout: .seconds(3))
                do {
                    _ = try await site.fleet(ways[way]).stage(site.upstream, on: site.node, plan)
                    return "passed"
                } catch {
                    return "\(error)"
                }
            }
            let good = try HTTPResponder { _, _ in Self.ok }
            #expect(await refusal(good) == "passed")
            #expect(good.asked.count >= 5)
            let mixed = try HTTPResponder { number, _ in
                number.isMultiple(of: 5) ? "HTTP/1.1 503 Service Unavailable\r\n\r\n" : Self.ok
            }
            #expect(await refusal(mixed).contains("503 Service Unavailable"))
        }
    }

    @Test(
        "a candidate with TLS is probed with TLS, like the kubelet without checking the certificate",
        arguments: ways.indices)
    func tls(way: Int) async throws {
        try await withSite { site in
            let port = try await freePorts(1)[0]
            let made = try await Command(
                "openssl",
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "2", "-keyout",
                    site.nginx.directory + "/key.pem", "-out", site.nginx.directory + "/certificate.pem",
                ]
            ).run(deadline: .seconds(600))
            try #require(made.succeeded, "\(made.error)")
            try site.write(
                """
                server { listen 127.0.0.1:\(port) ssl; ssl_certificate ../certificate.pem; ssl_certificate_key ../key.pem;
                location = /up { return 200 ok; } location / { return 403; } }

                """.replacing("../", with: site.nginx.directory + "/"),
                to: "hosts.d/candidate.conf")
            try await site.reloadByHand()
            try await stage(site, port, .http(HTTPProbe(path: "/up", isTLS: true)), ways[way])
            let said = await refusal(site, port, .http(HTTPProbe(path: "/", isTLS: true)), ways[way])
            #expect(said.contains("HTTP/1.1 403 Forbidden"), "\(said)")
            // Without openssl, curl is used; without both, only a connection.
            var other = ways[way]
            other.replaced["command -v openssl"] = "false"
            if other.shell == ["sh"] {
                try await stage(site, port, .http(HTTPProbe(path: "/up", isTLS: true)), other)
                #expect(
                    await refusal(site, port, .http(HTTPProbe(path: "/", isTLS: true)), other).contains("HTTP/1.1 403"))
            }
            other.replaced["command -v curl"] = "false"
            let lines = Lines()
            let plan = StagePlan(
                port: port, token: 1, version: "2", color: "green", release: "blog/1",
                probe: .http(HTTPProbe(path: "/", isTLS: true)), probeTimeout: .seconds(600))
            _ = try await site.fleet(other).stage(site.upstream, on: site.node, plan) { await lines.add($0) }
            #expect(await lines.all.contains { $0.contains("only a TCP connection is tried") })
        }
    }

    /// How many connections to the port there are whose first packet nobody has answered (proc(5): state 02 is SYN_SENT).
    private func unanswered(_ port: Int) async throws -> Int {
        let hex = String(port, radix: 16, uppercase: true)
        let row = "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:\(String(repeating: "0", count: 4 - hex.count))\(hex) 02 "
        let counted = try await Command("grep", ["-cE", row, "/proc/net/tcp"]).run().output
        return Int(counted.filter(\.isNumber)) ?? 0
    }

    /// Processes that ask this port.
    private func askers(_ port: Int) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap { process in
            guard let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return nil }
            let words = String(decoding: data, as: UTF8.self)
            return words.contains("\0\(port)\0") ? words.replacing("\0", with: " ") : nil
        }
    }

    @Test(
        "a connection that is not established is retried in parallel, long before Linux resends its packet",
        arguments: ways.indices)
    func lostPacket(way: Int) async throws {
        try await withSite { site in
            // One waits to be accepted, and the kernel drops what comes after it.
            let listener = try Listener(backlog: 0)
            let first = try connected(to: listener.port)
            defer { close(first) }
            let plan = StagePlan(
                port: listener.port, token: 1, version: "2", color: "green", release: "blog/1",
                probe: .http(path: "/"), probeConnections: 3, probeTimeout: .seconds(600))
            async let staged = site.fleet(ways[way]).stage(site.upstream, on: site.node, plan)
            try await eventually { try await unanswered(listener.port) == 2 }
            let responder = try HTTPResponder(on: listener) { _, _ in Self.ok }
            _ = try await staged
            #expect(responder.asked.count >= 3)
            // Later attempts have been ended.
            try await eventually { try askers(listener.port).isEmpty }
        }
    }

    @Test("the number of connections makes missing a pod very unlikely")
    func mathematics() {
        for endpoints in 1...11 {
            let count = Double(CandidateProbe.connections(toMeet: endpoints))
            let missed = Double(endpoints) * pow(1 - 1 / Double(endpoints), count)
            #expect(missed < 0.001, "\(endpoints)")
            if endpoints > 1 {
                #expect(
                    Double(endpoints) * pow(1 - 1 / Double(endpoints), count - 1) >= 0.001,
                    "\(endpoints): more than it takes")
            }
        }
        #expect([2, 3, 4, 10].map(CandidateProbe.connections) == [11, 20, 29, 88])
        #expect([0, -3, Int.min].allSatisfy { CandidateProbe.connections(toMeet: $0) == 2 })
        #expect([12, 1000, Int.max].allSatisfy { CandidateProbe.connections(toMeet: $0) == 100 })
    }

    @Test("the candidate must accept the requested number of connections, as each may reach a different pod")
    func several() async throws {
        try await withSite { site in
            let listener = try Listener()
            async let taken = listener.accept(8, within: .seconds(600))
            let plan = StagePlan(
                port: listener.port, token: 1, version: "2", color: "green", release: "blog/1", probe: .tcp,
                probeConnections: 8, probeTimeout: .seconds(600))
            _ = try await site.fleet().stage(site.upstream, on: site.node, plan)
            #expect(await taken == 8)
        }
    }
}
