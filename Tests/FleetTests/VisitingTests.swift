import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// The plan of a release of version 2 to green.
private func plan(_ site: Site, to port: Int? = nil, path: String = "/", probe: CandidateProbe? = .http(path: "/"))
    -> StagePlan
{
    StagePlan(
        port: port ?? site.green,
        token: 2,
        version: "v2",
        color: "green",
        release: "blog/2",
        probe: probe,
        visitPath: path,
        probeConnections: 2,
        probeTimeout: .seconds(10)
    )
}

extension Site {
    /// Puts virtual hosts there in place of the usual one, and loads them.
    fileprivate func serve(_ hosts: String) async throws {
        try write(hosts, to: "hosts.d/0-blogLB.conf")
        try await reloadByHand()
    }

    /// Like `article`, with an upstream for websockets.
    fileprivate func twoUpstreams(live: String = "blue") -> String {
        article(live: live) + article(live: live).replacing("upstream blogLB {", with: "upstream blogLB_ws {\nip_hash;")
    }
}

@Suite("requests through nginx") struct VisitingTests {
    @Test("a switch is verified by a visitor's request that nginx answers as before", arguments: shells)
    func proved(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            _ = try await fleet.stage(site.upstream, on: site.node, plan(site))
            let report = try await fleet.switch(
                site.upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            let proof = try #require(report.proof)
            #expect(proof.evidence == .visit)
            #expect(proof.visits.map(\.endpoint) == ["127.0.0.1:\(site.listen)"])
            #expect(proof.visits.map(\.before) == [200] && proof.visits.map(\.now) == [200])
            #expect(try await site.answer() == "green")
        }
    }

    @Test(
        "a candidate that answers everything except nginx gets no visitors, and the node is reverted", arguments: shells
    )
    func refusesNginx(shell: [String]) async throws {
        // It accepts requests from a shell and refuses requests through nginx.
        try await withSite(green: "if ($http_x_forwarded_for) { return 502; } return 200 green;") { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            _ = try await fleet.stage(site.upstream, on: site.node, plan(site))
            let failure = await #expect(throws: NodeFailure.self) {
                _ = try await fleet.switch(
                    site.upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            }
            guard case .refused(by: .visitors, let words, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(words.contains { $0.contains("got 502, before the switch 200") })
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
            #expect(try await site.onlyReport(fleet).livePort == site.blue)
        }
    }

    @Test("a failed connection of nginx is reported with its message, and the node is reverted", arguments: shells)
    func refusedInLog(shell: [String]) async throws {
        try await withSite { site in
            // The app's host fails as before; only the error log shows another reason.
            try await site.serve(
                """
                server { listen 127.0.0.1:\(site.listen); location / { proxy_pass http://blogLB; } }
                server { listen 127.0.0.1:\(site.listen); server_name api.domain.com;
                         location / { proxy_bind 192.0.2.1; proxy_pass http://blogLB; } }
                """)
            let fleet = try site.fleet(LocalTransport(shell: shell))
            var upstream = site.upstream
            upstream.hosts = ["api.domain.com"]
            _ = try await fleet.stage(upstream, on: site.node, plan(site))
            let failure = await #expect(throws: NodeFailure.self) {
                _ = try await fleet.switch(upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            }
            guard case .refused(by: .visitors, let words, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(
                words.contains { $0.contains("bind(192.0.2.1) failed") && $0.contains("while connecting to upstream") })
            #expect(try site.text() == site.article())
        }
    }

    @Test("the app's own error log is watched, however many other sites have one before it", arguments: shells)
    func ownLog(shell: [String]) async throws {
        try await withSite { site in
            let listen = "listen 127.0.0.1:\(site.listen);"
            let others = (1...20).map { number in
                "server { \(listen) server_name other-\(number); error_log \(site.nginx.directory)/other-\(number).log; return 204; }\n"
            }
            // Its requests fail before the switch too: only the log shows another reason afterwards.
            try await site.serve(
                others.joined() + """
                    server { \(listen) server_name api.domain.com; error_log \(site.nginx.directory)/api.log;
                             location / { proxy_bind 192.0.2.1; proxy_pass http://blogLB; } }
                    """)
            let fleet = try site.fleet(LocalTransport(shell: shell))
            var upstream = site.upstream
            upstream.hosts = ["api.domain.com"]
            _ = try await fleet.stage(upstream, on: site.node, plan(site))
            let failure = await #expect(throws: NodeFailure.self) {
                _ = try await fleet.switch(upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            }
            guard case .refused(by: .visitors, let words, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(words.contains { $0.contains("while connecting to upstream") }, "\(words)")
        }
    }

    @Test("without a server that passes to the upstream, the switch reports that no request verified it")
    func nobodyAsks() async throws {
        try await withSite { site in
            try await site.serve("server { listen 127.0.0.1:\(site.listen); return 204; }")
            let fleet = try site.fleet()
            let report = try await fleet.switch(
                site.upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            #expect(report.proof?.evidence == VisitorProof.Evidence.none)
            #expect(report.proof?.visits.isEmpty == true)
        }
    }

    @Test("the request has the host, path and port of the node's configuration", arguments: shells)
    func findsTheWay(shell: [String]) async throws {
        try await withSite { site in
            try await site.serve(
                """
                # server { listen 1; location / { proxy_pass http://blogLB; } }
                server { listen 127.0.0.1:\(site.listen); server_name other.domain.com; return 404; }
                server {
                    listen 127.0.0.1:\(site.listen);
                    server_name "blog.domain.com" www.blog.domain.com;
                    location ~ "^/a{2}$" { return 403; }
                    location /app/ { proxy_pass http://blogLB/; }
                }
                """)
            var upstream = site.upstream
            upstream.hosts = ["*.domain.com", "www.blog.domain.com"]
            let fleet = try site.fleet(LocalTransport(shell: shell))
            _ = try await fleet.stage(upstream, on: site.node, plan(site))
            let report = try await fleet.switch(upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            #expect(report.proof?.visits.map(\.url) == ["http://www.blog.domain.com/app/"])
            #expect(report.proof?.evidence == .visit)
        }
    }

    @Test(
        "a site with TLS only, or behind the proxy protocol, is requested that way", arguments: shells,
        ["ssl", "proxy_protocol"])
    func otherProtocols(shell: [String], parameter: String) async throws {
        try await withSite { site in
            let directory = site.nginx.directory
            let made = try await Command(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=blog.domain.com", "-keyout", directory + "/key.pem", "-out",
                    directory + "/certificate.pem",
                ]
            ).run()
            try #require(made.succeeded, "\(made.error)")
            // The plain server has the host, the app is at the other one: a redirect does not reach the app.
            let plain = try await freePorts(1)[0]
            try await site.serve(
                """
                server { listen 127.0.0.1:\(plain); server_name blog.domain.com; return 301 https://$host$request_uri; }
                server {
                    listen 127.0.0.1:\(site.listen) \(parameter);
                    server_name blog.domain.com;
                    ssl_certificate \(directory)/certificate.pem;
                    ssl_certificate_key \(directory)/key.pem;
                    location / { proxy_pass http://blogLB; }
                }
                """)
            var upstream = site.upstream
            upstream.hosts = ["blog.domain.com"]
            let fleet = try site.fleet(LocalTransport(shell: shell))
            _ = try await fleet.stage(upstream, on: site.node, plan(site))
            let report = try await fleet.switch(upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            #expect(report.proof?.evidence == .visit)
            let scheme = parameter == "ssl" ? "https" : "http"
            #expect(report.proof?.visits.map(\.url) == ["\(scheme)://blog.domain.com/"])
            #expect(report.proof?.visits.map(\.now) == [200])
        }
    }

    @Test("the candidate is requested through nginx at its preview host before anything moves", arguments: shells)
    func preview(shell: [String]) async throws {
        try await withSite(green: "if ($http_x_forwarded_for) { return 502; } return 200 green;") { site in
            let proxy = VirtualHost.proxying(to: "blogLB-preview", scheme: "$scheme").joined(separator: " ")
            try site.write(
                site.article()
                    + "upstream blogLB-preview { server 127.0.0.1:\(site.blue) down; server 127.0.0.1:\(site.green); }\n"
            )
            try await site.serve(
                """
                server { listen 127.0.0.1:\(site.listen); location / { proxy_pass http://blogLB; } }
                server { listen 127.0.0.1:\(site.listen); server_name preview.domain.com; location / { \(proxy) } }
                """)
            var upstream = site.upstream
            upstream.preview = "preview.domain.com"
            let fleet = try site.fleet(LocalTransport(shell: shell))
            let failure = await #expect(throws: NodeFailure.self) {
                _ = try await fleet.stage(upstream, on: site.node, plan(site))
            }
            guard case .refused(by: .preview, let words, _) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(words.contains { $0.contains("preview.domain.com/") && $0.contains("got 502") }, "\(words)")
            #expect(try await site.answer() == "blue")
        }
    }

    @Test(
        "before a first release to the colour that the file has up, the preview shows the other colour and verifies nothing",
        arguments: shells)
    func previewOfTheOther(shell: [String]) async throws {
        try await withSite { site in
            let proxy = VirtualHost.proxying(to: "blogLB-preview", scheme: "$scheme").joined(separator: " ")
            try site.write(
                site.article(live: "green")
                    + "upstream blogLB-preview { server 127.0.0.1:\(site.blue) max_fails=0; server 127.0.0.1:\(site.green) down; }\n"
            )
            try await site.serve(
                """
                server { listen 127.0.0.1:\(site.listen); location / { proxy_pass http://blogLB; } }
                server { listen 127.0.0.1:\(site.listen); server_name preview.domain.com; location / { \(proxy) } }
                """)
            var upstream = site.upstream
            upstream.preview = "preview.domain.com"
            let lines = Lines()
            _ = try await site.fleet(LocalTransport(shell: shell)).stage(upstream, on: site.node, plan(site)) {
                await lines.add($0)
            }
            let told = await lines.all
            #expect(told.contains { $0.contains("the preview shows the other") }, "\(told)")
        }
    }
}

@Suite("direct references to a colour's port") struct DirectPortTests {
    @Test("an upstream of exactly the two ports is switched and verified together with the app's", arguments: shells)
    func together(shell: [String]) async throws {
        try await withSite({ $0.twoUpstreams() }) { site in
            try await site.serve(
                """
                server { listen 127.0.0.1:\(site.listen);
                    location / { proxy_pass http://blogLB; }
                    location /ws { proxy_pass http://blogLB_ws; }
                }
                """)
            let fleet = try site.fleet(LocalTransport(shell: shell))
            _ = try await fleet.stage(site.upstream, on: site.node, plan(site))
            let report = try await fleet.switch(
                site.upstream, on: site.node, to: site.green, token: 2, proving: plan(site))
            #expect(try site.text() == site.twoUpstreams(live: "green"))
            #expect(Set(report.proof?.visits.map(\.url) ?? []) == ["http://localhost/", "http://localhost/ws"])
            #expect(try await get(port: site.listen, path: "/ws") == "green")
        }
    }

    @Test(
        "any other reference to a colour's port fails staging, with file and line",
        arguments: [
            "location /metrics { proxy_pass http://127.0.0.1:PORT/; }", "location /m { fastcgi_pass localhost:PORT; }",
            "location /m { set $to \"PORT\"; proxy_pass http://127.0.0.1:$to; }",
        ]
    )
    func named(directive: String) async throws {
        try await withSite { site in
            let text = """
                server { listen 127.0.0.1:\(site.listen); location / { proxy_pass http://blogLB; }
                # proxy_pass http://127.0.0.1:\(site.blue);
                \(directive.replacing("PORT", with: "\(site.blue)"))
                }
                """
            try await site.serve(text)
            let fleet = try site.fleet()
            for action in [fleet.prepare, { _ = try await fleet.stage($0, on: $1, $2) }] {
                let failure = await #expect(throws: NodeFailure.self) {
                    try await action(site.upstream, site.node, plan(site))
                }
                guard case .direct(let mentions, _) = failure?.reason else {
                    Issue.record("\(String(describing: failure))")
                    return
                }
                #expect(mentions.map(\.line) == [3])
                #expect(mentions.allSatisfy { $0.file.hasSuffix("/hosts.d/0-blogLB.conf") })
            }
            #expect(try await fleet.check(site.upstream, on: site.node, ports: []).direct.map(\.line) == [3])
            var upstream = site.upstream
            upstream.allowDirect = ["hosts.d/0-blogLB.conf"]
            _ = try await fleet.stage(upstream, on: site.node, plan(site))
        }
    }

    @Test("an upstream in another file, or with only one of the ports, fails staging too")
    func elsewhere() async throws {
        try await withSite { site in
            try site.write("upstream debug { server 127.0.0.1:\(site.green); }\n", to: "hosts.d/debug.conf")
            let failure = await #expect(throws: NodeFailure.self) {
                _ = try await site.fleet().stage(site.upstream, on: site.node, plan(site))
            }
            #expect(failure?.description.contains("/hosts.d/debug.conf:1: server 127.0.0.1:") == true)
            #expect(failure?.description.contains("allowDirect") == true)
        }
    }
}
