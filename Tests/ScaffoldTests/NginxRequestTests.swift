import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// Requests through nginx with what is rendered for it, as they come from a balancer, to a real php-fpm and to an app that speaks HTTP.
@Suite("requests through the rendered virtual hosts", .needs("nginx", "curl"))
struct NginxRequestTests {
    private static let hasPHP = PHPFPM.program != nil

    /// The article's app with its files on the node, and a preview.
    private func blog(in folder: String) throws -> AppConfiguration {
        try ScaffoldTests.blog {
            $0.preview = "preview.blog.domain.com"
            $0.artifact = .init(from: "s3://deploy/blog/{version}.tgz", to: folder + "/srv")
        }
    }

    private func www() throws -> AppConfiguration {
        try ScaffoldTests.www { $0.preview = "preview.www.domain.com" }
    }

    /// Files of two versions, and the links as a release leaves them (`Sources/Fleet/Script/assets.sh`).
    private func release(_ links: [String: String], in node: NginxNode) throws {
        for version in ["v1", "v2", "v3"] {
            let files = "\(node.assets)/releases/\(version)/public"
            try write("<?php // runs in the container\n", to: files + "/index.php")
            try write(version, to: files + "/app.css")
            try write(version, to: files + "/app.\(version).css")
            try write(version, to: files + "/logo.\(version).png")
            try write(version, to: files + "/docs/index.html")
        }
        for (name, version) in links {
            let link = "\(node.assets)/\(name)"
            try? FileManager.default.removeItem(atPath: link)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "releases/\(version)")
        }
    }

    @Test("health checks follow nginx, whatever their Host; unknown names get nothing else")
    func health() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try blog(in: folder), try www()], in: folder)
            try await node.running {
                for host in [node.address, "\(node.address):80", "localhost"] {
                    let health = try await node.ask(host, "/nginx-health", headers: [])
                    #expect(health.status == 200 && health.body == "nginx\n", "\(health)")
                    let other = try await node.ask(host, "/", headers: [])
                    #expect(other.status == 404, "\(other)")
                }
            }
            let alone = try NginxNode([try ScaffoldTests.www { $0.hosts = [] }], in: folder + "/alone")
            try await alone.running {
                let health = try await alone.ask(alone.address, "/nginx-health", headers: [])
                #expect(health.status == 200 && health.body == "nginx\n", "\(health)")
                let redirected = try await alone.ask("www.domain.com", "/", headers: [])
                #expect(redirected.status == 301, "\(redirected)")
            }
        }
    }

    @Test("who did not come by https is redirected, for FastCGI and for HTTP")
    func redirect() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try blog(in: folder), try www()], in: folder)
            try await node.running {
                for host in ["blog.domain.com", "www.domain.com", "preview.blog.domain.com"] {
                    for headers in [[], ["X-Forwarded-Proto: http"]] {
                        let answer = try await node.ask(host, "/a?b=c", headers: headers)
                        #expect(answer.status == 301, "\(answer)")
                        #expect(answer.header("Location") == "https://\(host)/a?b=c", "\(answer)")
                    }
                }
            }
        }
    }

    @Test(
        "PHP sees what the visitor sees: https, the host, the visitor's address, the body",
        .enabled(if: hasPHP, "no php-fpm"))
    func php() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try blog(in: folder)], in: folder)
            try release(["current": "v1"], in: node)
            try await node.running {
                try await node.php("blue", on: 30000) {
                    let headers = [
                        "X-Forwarded-Proto: https", "X-Forwarded-For: 198.51.100.1, 203.0.113.5", "Proxy: x",
                    ]
                    let answer = try await node.ask("blog.domain.com", "/articles/1?x=1", headers: headers)
                    var values = try answer.values
                    // nginx's name for the machine: the first of the app's.
                    #expect(values.removeValue(forKey: "SERVER_NAME") == "blog.domain.com")
                    #expect(
                        values == [
                            "name": "blue", "HTTPS": "on", "REQUEST_SCHEME": "https", "SERVER_PORT": "443",
                            "HTTP_HOST": "blog.domain.com", "REMOTE_ADDR": "203.0.113.5",
                            "HTTP_X_FORWARDED_FOR": "203.0.113.5", "REQUEST_METHOD": "GET",
                            "REQUEST_URI": "/articles/1?x=1", "SCRIPT_NAME": "/index.php",
                            "DOCUMENT_ROOT": "\(folder)/code/public", "APPLICATION_ENV": "production", "body": "",
                        ])
                    let posted = try await node.ask(
                        "blog.domain.com", "/articles", post: String(repeating: "é", count: 40_000))
                    #expect(try posted.values["REQUEST_METHOD"] == "POST")
                    #expect(try posted.values["body"]?.count == 40_000)
                    // What is no script in the middle of a path is not run, and .php that is not there is not asked for.
                    #expect(try await node.ask("blog.domain.com", "/index.php/articles").values["PATH_INFO"] == nil)
                    for path in ["/logo.v1.png/x.php", "/missing.php"] {
                        let answer = try await node.ask("blog.domain.com", path)
                        #expect(answer.status == 404 && !answer.body.contains("blue"), "\(answer)")
                    }
                }
            }
            let log = try String(contentsOfFile: folder + "/blog.access.log", encoding: .utf8)
            #expect(
                log.contains("203.0.113.5 - - [") && log.contains("upstream=\(node.place(30000)) upstream_status=200"))
        }
    }

    @Test("whoever is not the balancer cannot say who the visitor is", .enabled(if: hasPHP, "no php-fpm"))
    func spoofed() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try ScaffoldTests.blog()], in: folder)
            try await node.running {
                try await node.php("blue", on: 30000) {
                    let headers = [
                        "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.5", "X-Real-IP: 203.0.113.5",
                    ]
                    let values = try await node.ask("blog.domain.com", "/", from: node.stranger, headers: headers)
                        .values
                    #expect(values["REMOTE_ADDR"] == node.stranger && values["HTTP_X_FORWARDED_FOR"] == node.stranger)
                }
            }
        }
    }

    @Test("files of the versions before and after are found while both colours serve")
    func versions() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try blog(in: folder)], in: folder)
            @Sendable func answer(_ host: String, _ path: String) async throws -> String {
                let answer = try await node.ask(host, path)
                return "\(answer.status) \(answer.status == 200 ? answer.body : "")"
            }
            try await node.running {
                // Staged, not switched: other nodes may have switched already.
                try release(["current": "v1", "candidate": "v2"], in: node)
                for (path, expected) in [
                    ("app.css", "v1"), ("app.v1.css", "v1"), ("app.v2.css", "v2"), ("logo.v2.png", "v2"),
                ] {
                    #expect(try await answer("blog.domain.com", "/" + path) == "200 " + expected, "\(path)")
                }
                #expect(try await answer("preview.blog.domain.com", "/app.css") == "200 v2")
                #expect(try await answer("preview.blog.domain.com", "/app.v1.css") == "200 v1")
                // Switched, and the next one staged.
                try release(["current": "v2", "candidate": "v3", "previous": "v1"], in: node)
                for (path, expected) in [
                    ("app.css", "v2"), ("app.v1.css", "v1"), ("app.v3.css", "v3"), ("logo.v1.png", "v1"),
                ] {
                    #expect(try await answer("blog.domain.com", "/" + path) == "200 " + expected, "\(path)")
                }
                #expect(try await answer("preview.blog.domain.com", "/app.css") == "200 v3")
                // What is in no version is the app's, which does not answer here.
                #expect(try await answer("blog.domain.com", "/app.v4.css") == "502 ")
                let current = try await node.ask("blog.domain.com", "/logo.v2.png")
                #expect(current.header("Cache-Control") == "max-age=31536000", "\(current)")
                let previous = try await node.ask("blog.domain.com", "/logo.v1.png")
                #expect(previous.header("Cache-Control") == nil, "\(previous)")
                let folder = try await node.ask("blog.domain.com", "/docs")
                #expect(folder.status == 301 && folder.header("Location") == "/docs/", "\(folder)")
                #expect(try await answer("blog.domain.com", "/docs/") == "200 v2")
            }
        }
    }

    @Test("names that begin with a dot are not served, except those below /.well-known")
    func dotfiles() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try blog(in: folder), try www()], in: folder)
            try release(["current": "v1"], in: node)
            for name in [".env", ".git/config.txt", ".htaccess", ".well-known/security.txt", ".well-known/.git"] {
                try write("secret", to: "\(node.assets)/releases/v1/public/\(name)")
            }
            try await node.running {
                for path in [".env", ".git/config.txt", ".htaccess", "docs/.htaccess", ".well-known/.git", "%2eenv"] {
                    for host in ["blog.domain.com", "www.domain.com"] {
                        let answer = try await node.ask(host, "/" + path)
                        #expect(
                            [403, 404].contains(answer.status) && !answer.body.contains("secret"), "\(path): \(answer)")
                    }
                }
                #expect(try await node.ask("blog.domain.com", "/.well-known/security.txt").body == "secret")
            }
        }
    }

    @Test(
        "a fastcgi app whose files are in its containers only gets every request, its pages and its .php files",
        .enabled(if: hasPHP, "no php-fpm"))
    func fastCGIWithoutFiles() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try ScaffoldTests.blog()], in: folder)
            try await node.running {
                try await node.php("blue", on: 30000) {
                    for path in ["/", "/articles/1?x=1", "/index.php", "/style.css"] {
                        let values = try await node.ask("blog.domain.com", path).values
                        #expect(values["REQUEST_URI"] == path && values["SCRIPT_NAME"] == "/index.php", "\(path)")
                    }
                }
            }
        }
    }

    @Test(
        "an HTTP app gets one address, the visitor's, and the scheme from the balancer",
        .needsPython("websockets.asyncio.server"))
    func http() async throws {
        struct Said: Decodable { var path: String, headers: [String: String] }
        try await withFolder { folder in
            let node = try NginxNode([try www()], in: folder)
            try await node.running {
                try await node.http("blue", on: 30010) {
                    let headers = [
                        "X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "X-Forwarded-For: 1.2.3.4, 203.0.113.5",
                        "X-Forwarded-Host: evil.example.com", "X-Real-IP: 1.2.3.4", "Proxy: x",
                    ]
                    let answer = try await node.ask("www.domain.com", "/a%20b?c=d", headers: headers)
                    let said = try JSONDecoder().decode(Said.self, from: Data(answer.body.utf8))
                    #expect(said.path == "/a%20b?c=d")
                    let passedOn = said.headers.filter { !["accept", "user-agent"].contains($0.key) }
                    #expect(
                        passedOn == [
                            "host": "www.domain.com", "x-forwarded-for": "203.0.113.5", "x-real-ip": "203.0.113.5",
                            "x-forwarded-host": "www.domain.com", "x-forwarded-proto": "https",
                            "x-forwarded-port": "443",
                        ])
                }
            }
        }
    }

    @Test("a WebSocket goes through nginx to the app, and back", .needsPython("websockets.asyncio.server"))
    func webSocket() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try www()], in: folder)
            try await node.running {
                try await node.http("blue", on: 30010) {
                    let order = """
                        {"uri": "ws://www.domain.com/socket", "host": "\(node.address)", "port": \(node.port),
                         "headers": {"X-Forwarded-Proto": "https"}, "messages": ["one", "two"]}
                        """
                    let python = try #require(await Python.find("websockets.asyncio.client"))
                    let client = Command(python, [Python.oracle("websocket-client.py")], input: order)
                    let said = try await client.run(deadline: .seconds(600))
                    #expect(
                        said.output == "{\"text\": \"blue one\"}\n{\"text\": \"blue two\"}\n{\"closed\": 1000}\n",
                        "\(said)")
                }
            }
        }
    }

    @Test(
        "the preview says that nothing is being previewed, and shows the candidate when there is one",
        .enabled(if: hasPHP, "no php-fpm"))
    func preview() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try blog(in: folder), try www()], in: folder)
            try release(["current": "v1"], in: node)
            try await node.running {
                for host in ["preview.blog.domain.com", "preview.www.domain.com"] {
                    let nothing = try await node.ask(host, "/a")
                    #expect(nothing.status == 503 && nothing.body.contains("Nothing is being previewed."), "\(nothing)")
                    #expect(nothing.header("Retry-After") == "30", "\(nothing)")
                    #expect(nothing.header("Cache-Control") == "no-store", "\(nothing)")
                    #expect(nothing.header("Content-Type") == "text/plain; charset=utf-8", "\(nothing)")
                    #expect(nothing.header("X-Robots-Tag") == "noindex, nofollow", "\(nothing)")
                    // What Viridian asks before a switch is whether the candidate answers through nginx.
                    let own = try await node.ask(
                        host, "/a", headers: ["X-Forwarded-Proto: https", "User-Agent: viridian"])
                    #expect(own.status == 502, "\(own)")
                }
                try await node.php("green", on: 30001) {
                    let candidate = try await node.ask("preview.blog.domain.com", "/a")
                    #expect(try candidate.values["name"] == "green")
                    #expect(candidate.header("X-Robots-Tag") == "noindex, nofollow", "\(candidate)")
                }
            }
        }
    }

    @Test(
        "what fails in one colour is not tried in the other, even while both are up",
        .needsPython("websockets.asyncio.server"))
    func otherColour() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try ScaffoldTests.www()], in: folder)
            // As while somebody edits the file in two steps.
            let file = folder + "/backends.d/www.conf"
            try write(try String(contentsOfFile: file, encoding: .utf8).replacing(" down", with: ""), to: file)
            try await node.running {
                try await node.http("green", on: 30011) {
                    var statuses: [Int] = []
                    for number in 1...6 { statuses.append(try await node.ask("www.domain.com", "/\(number)").status) }
                    #expect(statuses.sorted() == [200, 200, 200, 502, 502, 502])
                }
            }
            let log = try String(contentsOfFile: folder + "/www.access.log", encoding: .utf8)
            #expect(!log.contains("\(node.place(30010)), "), "\(log)")
        }
    }
}
