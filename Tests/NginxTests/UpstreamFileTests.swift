import Nginx
import Testing

let article = """
    upstream blogLB {
    server 127.0.0.1:30000;
    server 127.0.0.1:30001 down;
    }

    """
let blog = PortPair(blue: 30000, green: 30001)

func switched(_ text: String, to port: Int, upstream: String = "blogLB") throws -> String {
    try UpstreamFile(parsing: text).switching(upstream, up: port, down: blog.other(than: port)).text
}

@Suite struct ReadingUpstreamFiles {
    @Test("the article's file sends requests to blue")
    func articleIsBlue() throws {
        let file = try UpstreamFile(parsing: article)
        #expect(try file.routing(of: "blogLB", ports: blog) == .only(30000))
        #expect(file.upstreams.map(\.name) == ["blogLB"])
        #expect(file.upstreams[0].servers.map(\.line) == [2, 3])
    }

    @Test(
        "the routing is read from the two lines",
        arguments: [
            ("", "", Routing.both), (" down", "", .only(30001)), ("", " down", .only(30000)),
            (" down", " down", .neither),
            (" weight=5 down", " max_fails=0", .only(30001)), (" 'down'", "", .only(30001)),
            (" downs", " down=1", .both),
        ]
    )
    func routing(blue: String, green: String, expected: Routing) throws {
        let text = "upstream blogLB{server 127.0.0.1:30000\(blue);server 127.0.0.1:30001\(green);}"
        #expect(try UpstreamFile(parsing: text).routing(of: "blogLB", ports: blog) == expected)
    }

    @Test("comments, quotes, variables and other blocks are not servers")
    func otherThings() throws {
        let text = """
            # upstream blogLB { server 127.0.0.1:1; }
            map $host $x { default "a { ; } b"; 'c\\'d' "upstream"; }
            server { location ~ \\.php${suffix} { set $y "server 127.0.0.1:30000;"; return 200 ok#not-a-comment; } }
            upstream other { server 127.0.0.1:30000; }
            upstream "blogLB" {
                zone blog 64k; least_conn;
                server 127.0.0.1:30000 down; # server 127.0.0.1:30001 down;
                # server 127.0.0.1:30001 down;
                server 127.0.0.1:30001
                    max_fails=0 # a comment; with a semicolon
                    fail_timeout=0;
                server unix:/run/app:30001; server app.example.com:30001 backup;
                keepalive 16;
            }
            """
        let file = try UpstreamFile(parsing: text)
        #expect(file.upstreams.map(\.name) == ["other", "blogLB"])
        #expect(try file.routing(of: "blogLB", ports: blog) == .only(30001))
        #expect(try file.upstream("blogLB").servers.map(\.line) == [7, 9, 12, 12])
    }

    @Test("a port counts on the loopback interface only", arguments: ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
    func loopback(host: String) throws {
        let text = "upstream blogLB { server \(host):30000; server 10.0.0.1:30000 down; server \(host):30001 down; }"
        #expect(try UpstreamFile(parsing: text).routing(of: "blogLB", ports: blog) == .only(30000))
    }

    @Test(
        "a file that nginx would refuse names the line and what is wrong",
        arguments: [
            ("upstream blogLB {\n server a;\n", "line 3: the file ends where \"}\" is expected"),
            ("upstream blogLB {\n server a\n}\n", "line 3: unexpected \"}\""),
            ("upstream blogLB {}\n}", "line 2: unexpected \"}\""),
            ("\n;", "line 2: unexpected \";\""), ("{", "line 1: unexpected \"{\""),
            ("\n\nserver \"127.0.0.1:1;\n}\n", "line 3: a quote that opens here is not closed"),
            ("server 'a'b;", "line 1: unexpected text directly after a closing quote"),
            ("upstream blogLB", "line 1: the file ends where \";\" or \"}\" is expected"),
        ]
    )
    func syntax(text: String, message: String) {
        let error = #expect(throws: UpstreamFileError.self) { try UpstreamFile(parsing: text) }
        #expect(error?.description == message)
    }

    @Test("too deeply nested blocks are refused")
    func depth() {
        #expect(throws: UpstreamFileError.self) { try UpstreamFile(parsing: String(repeating: "a {", count: 100_000)) }
    }

    @Test("an error about a missing upstream lists the existing ones")
    func missingUpstream() throws {
        let file = try UpstreamFile(parsing: article)
        let error = #expect(throws: UpstreamFileError.self) { try file.routing(of: "wwwLB", ports: blog) }
        #expect(error?.description == "there is no upstream wwwLB; the file has blogLB")
        let empty = try UpstreamFile(parsing: "")
        let nothing = #expect(throws: UpstreamFileError.self) { try empty.upstream("wwwLB") }
        #expect(nothing?.description == "there is no upstream wwwLB; the file has no upstream")
    }

    @Test("an error about a port without a line lists the existing lines")
    func missingServer() throws {
        let file = try UpstreamFile(parsing: article)
        let error = #expect(throws: UpstreamFileError.self) {
            try file.switching("blogLB", up: 30011, down: 30000)
        }
        #expect(
            error?.description
                == "line 1: upstream blogLB has no line \"server 127.0.0.1:30011\"; it has 127.0.0.1:30000, 127.0.0.1:30001"
        )
    }

    @Test("two upstreams of one name are refused, as nginx does")
    func duplicates() throws {
        let file = try UpstreamFile(parsing: article + article)
        #expect(throws: UpstreamFileError.duplicateUpstream(name: "blogLB", lines: [1, 5])) {
            try file.switching("blogLB", up: 30001, down: 30000)
        }
    }

    @Test("servers without max_fails=0 are found")
    func maxFails() throws {
        #expect(try UpstreamFile(parsing: article).serversThatMayFail(in: "blogLB", ports: blog).map(\.line) == [2, 3])
        let new = UpstreamFile.rendered(upstream: "blogLB", ports: blog, live: 30000)
        #expect(try UpstreamFile(parsing: new).serversThatMayFail(in: "blogLB", ports: blog).isEmpty)
    }
}
