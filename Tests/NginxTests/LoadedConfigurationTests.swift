import Nginx
import Testing

/// nginx's whole configuration, file by file, as `nginx -T` prints it.
private func loaded(_ files: (String, String)...) -> LoadedConfiguration {
    LoadedConfiguration(
        files: files.map { path, text in
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return .init(path: path, lines: lines.enumerated().map { ($0.offset + 1, $0.element) })
        })
}

private let main = """
    events { worker_connections 64; }
    http {
        log_format extra '$remote_addr "$request"';
        include sites-enabled/*;
    }
    stream { upstream blogLB { server 127.0.0.1:9; } }
    """

private let upstream = """
    upstream blogLB {
    server 127.0.0.1:30000;
    server 127.0.0.1:30001 down;
    }
    """

@Suite struct LoadedConfigurationTests {
    private let ports = PortPair(blue: 30000, green: 30001)

    @Test("the article's virtual host is found behind its includes, with its names and what it passes to")
    func article() throws {
        let site = """
            include /etc/nginx/backends.d/blog.conf;
            server {
            listen 80;
            server_name blog.domain.com www.blog.domain.com;
            root /srv/blog/current/public;
            location ~ \\.php$ {
            fastcgi_pass blogLB;
            }
            }
            """
        let configuration = loaded(
            ("/etc/nginx/nginx.conf", main), ("/etc/nginx/sites-enabled/blog", site),
            ("/etc/nginx/backends.d/blog.conf", upstream))
        #expect(configuration.unread.isEmpty)
        let host = try #require(configuration.hosts.first)
        #expect(configuration.hosts.count == 1)
        #expect(host.names == ["blog.domain.com", "www.blog.domain.com"])
        #expect(host.targets("blogLB").map(\.pass) == [.fastcgi])
        #expect(host.targets("blogLB").map(\.place) == ["/etc/nginx/sites-enabled/blog, line 7"])
        // That of the stream block is another one.
        let found = try #require(configuration.upstreams.first)
        #expect(configuration.upstreams.count == 1)
        #expect(found.file == "/etc/nginx/backends.d/blog.conf" && found.line == 1)
        #expect(found.has(ports) && found.routing(ports) == .only(30000))
        #expect(configuration.mentions(of: ports, outside: ["blogLB"]).isEmpty)
    }

    @Test("locations of included files, TLS and variables count for the host that uses them")
    func indirect() throws {
        let configuration = loaded(
            (
                "/etc/nginx/nginx.conf",
                "http { server { server_name a; include snippets/app.conf; }\nserver { server_name b; set $to blogLB; location / { proxy_pass http://$to; } } }"
            ),
            ("/etc/nginx/snippets/app.conf", "location / { proxy_pass https://blogLB/x; }"))
        #expect(configuration.hosts.map(\.names) == [["a"], ["b"]])
        #expect(configuration.hosts.map { $0.targets("blogLB").count } == [1, 1])
        #expect(configuration.hosts[0].targets("blogLB")[0].isTLS)
        #expect(configuration.hosts[0].targets("blogLB")[0].file == "/etc/nginx/snippets/app.conf")
        #expect(!configuration.hosts[1].targets("blogLB")[0].isTLS)
    }

    @Test("what sends requests to a port itself is named with its line; what only says a port is not")
    func mentions() {
        let text = """
            http {
                upstream blogLB { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }
                upstream other { server 127.0.0.1:30000; server 127.0.0.1:300001; }
                server {
                    add_header X-Port 127.0.0.1:30000;
                    location /blue { proxy_pass http://127.0.0.1:30000; }
                    location /green { set $port 30001; proxy_pass http://127.0.0.1:$port; }
                }
            }
            """
        let found = loaded(("/etc/nginx/nginx.conf", text)).mentions(of: ports, outside: ["blogLB"])
        #expect(found.map(\.line) == [3, 6, 7])
        #expect(found.map(\.text)[1] == "proxy_pass http://127.0.0.1:30000")
    }

    @Test("other directives and servers of an upstream are kept apart from its colours")
    func others() throws {
        let text =
            "http { upstream blogLB { ip_hash; keepalive 16; server 127.0.0.1:30000; server 127.0.0.1:30001 down; server 10.0.0.9:80 backup; } }"
        let found = try #require(loaded(("/etc/nginx/nginx.conf", text)).upstreams.first)
        #expect(found.others.map(\.text) == ["ip_hash", "keepalive 16"])
        #expect(found.servers.map(\.loopbackPort) == [30000, 30001, nil])
        #expect(found.loopbackPorts == [30000, 30001])
    }

    @Test("a block of Lua is skipped, with its quotes, comments and braces")
    func lua() throws {
        let text = """
            http {
                server {
                    server_name a;
                    content_by_lua_block {
                        local t = { a = "}" } -- it's }
                        if t then ngx.say('{') end
                    }
                    location /x { proxy_pass http://blogLB; }
                }
            }
            """
        let configuration = loaded(("/etc/nginx/nginx.conf", text))
        #expect(configuration.unread.isEmpty, "\(configuration.unread)")
        #expect(configuration.hosts.first?.targets("blogLB").map(\.line) == [8])
    }

    @Test("a file that does not parse is named, and the others are read")
    func broken() {
        let configuration = loaded(
            ("/etc/nginx/nginx.conf", "http { include a.conf; include b.conf; }"),
            ("/etc/nginx/a.conf", "server { server_name a;"), ("/etc/nginx/b.conf", "server { server_name b; }"))
        #expect(configuration.unread.count == 1 && configuration.unread[0].hasPrefix("/etc/nginx/a.conf: "))
        #expect(configuration.hosts.map(\.names) == [["b"]])
    }

    @Test("a file that includes itself, lines out of order and numbers out of the blue end nothing")
    func hostile() {
        let lines = [
            (number: 3, text: "include self.conf;"), (number: 1, text: "}"), (number: 0, text: "{"), (-4, "x"),
        ]
        let configuration = LoadedConfiguration(files: [.init(path: "/self.conf", lines: lines)])
        #expect(configuration.entries.isEmpty)
    }
}
