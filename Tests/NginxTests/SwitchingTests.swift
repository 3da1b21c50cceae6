import Nginx
import Testing

@Suite struct SwitchingUpstreamFiles {
    @Test("the article's file switches to green and back to the byte")
    func article() throws {
        let green = try switched(NginxTests.article, to: 30001)
        #expect(
            green == """
                upstream blogLB {
                server 127.0.0.1:30000 down;
                server 127.0.0.1:30001;
                }

                """
        )
        #expect(try switched(green, to: 30000) == NginxTests.article)
    }

    @Test("an upstream for the colour that is not live is switched the other way")
    func preview() throws {
        let file = """
            upstream blogLB { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }
            upstream blogLB-preview { server 127.0.0.1:30000 down; server 127.0.0.1:30001; }
            upstream wwwLB-preview { server 127.0.0.1:30000 down; server 127.0.0.1:30001; }

            """
        let green = try switched(file, to: 30001)
        #expect(
            green == """
                upstream blogLB { server 127.0.0.1:30000 down; server 127.0.0.1:30001; }
                upstream blogLB-preview { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }
                upstream wwwLB-preview { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }

                """
        )
        #expect(try switched(green, to: 30000) == file)
    }

    @Test(
        "only the word down moves, however the line is written",
        arguments: [
            (
                "127.0.0.1:30000 weight=5;", "127.0.0.1:30001 weight=5 down;", "127.0.0.1:30000 weight=5 down;",
                "127.0.0.1:30001 weight=5;"
            ),
            (
                "127.0.0.1:30000 weight=5;", "127.0.0.1:30001 down weight=5;", "127.0.0.1:30000 down weight=5;",
                "127.0.0.1:30001 weight=5;"
            ),
            ("127.0.0.1:30000;", "127.0.0.1:30001\tdown;", "127.0.0.1:30000\tdown;", "127.0.0.1:30001;"),
            (
                "127.0.0.1:30000 ; # blue", "127.0.0.1:30001 down ; # down", "127.0.0.1:30000 down ; # blue",
                "127.0.0.1:30001 ; # down"
            ),
            ("127.0.0.1:30000;", "127.0.0.1:30001    down;", "127.0.0.1:30000    down;", "127.0.0.1:30001;"),
            ("127.0.0.1:30000 backup;", "127.0.0.1:30001 down;", "127.0.0.1:30000 backup down;", "127.0.0.1:30001;"),
            ("127.0.0.1:30000;", "127.0.0.1:30001 \"down\";", "127.0.0.1:30000 \"down\";", "127.0.0.1:30001;"),
            (
                "127.0.0.1:30000\n  max_fails=0;", "127.0.0.1:30001\n  down;",
                "127.0.0.1:30000\n  max_fails=0\n  down;", "127.0.0.1:30001;"
            ),
        ]
    )
    func styles(blue: String, green: String, newBlue: String, newGreen: String) throws {
        let before = "upstream blogLB {\n  server \(blue)\n  server \(green)\n}\n"
        let after = "upstream blogLB {\n  server \(newBlue)\n  server \(newGreen)\n}\n"
        #expect(try switched(before, to: 30001) == after)
        #expect(try switched(after, to: 30000) == before)
    }

    @Test("CRLF, tabs and a missing last newline stay")
    func lineEnds() throws {
        let text = "upstream blogLB {\r\n\tserver 127.0.0.1:30000;\r\n\tserver 127.0.0.1:30001 down;\r\n}"
        let green = try switched(text, to: 30001)
        #expect(green == "upstream blogLB {\r\n\tserver 127.0.0.1:30000 down;\r\n\tserver 127.0.0.1:30001;\r\n}")
        #expect(try Array(switched(green, to: 30000).utf8) == Array(text.utf8))
    }

    @Test("a comment before down does not swallow the rest of the line")
    func comment() throws {
        let text = "upstream blogLB { server 127.0.0.1:30000; server 127.0.0.1:30001 # off\n  down;\n}"
        let green = try UpstreamFile(parsing: switched(text, to: 30001))
        #expect(try green.routing(of: "blogLB", ports: blog) == .only(30001))
        #expect(green.text.contains("# off\n;"))
    }

    @Test("a file with both colours up or both down gets one of them up", arguments: [("", ""), (" down", " down")])
    func bothAndNeither(blue: String, green: String) throws {
        let text = "upstream blogLB {\nserver 127.0.0.1:30000\(blue);\nserver 127.0.0.1:30001\(green);\n}\n"
        #expect(try switched(text, to: 30000) == NginxTests.article)
    }

    @Test("all lines of a port go up and down together")
    func severalLines() throws {
        let text = """
            upstream blogLB { server 127.0.0.1:30000 weight=1; server 127.0.0.1:30000 weight=2;
            server 127.0.0.1:30001 down; server localhost:30001 down backup; server unix:/x:30000; server 10.0.0.1:30001; }
            """
        let green = try switched(text, to: 30001)
        #expect(
            green == """
                upstream blogLB { server 127.0.0.1:30000 weight=1 down; server 127.0.0.1:30000 down weight=2;
                server 127.0.0.1:30001; server localhost:30001 backup; server unix:/x:30000; server 10.0.0.1:30001; }
                """
        )
        #expect(try switched(green, to: 30000) == text)
    }

    @Test("every upstream of exactly the two ports is switched, each with its own formatting")
    func otherUpstreams() throws {
        let other = "upstream blogLB_ws { ip_hash; server 127.0.0.1:30000; server 127.0.0.1:30001 down; }\n"
        let switchedOther = "upstream blogLB_ws { ip_hash; server 127.0.0.1:30000 down; server 127.0.0.1:30001; }\n"
        let green = try switched(other + NginxTests.article, to: 30001)
        #expect(green.hasPrefix(switchedOther))
        #expect(try switched(green, to: 30000) == other + NginxTests.article)
    }

    @Test(
        "upstreams of other ports, of one of the two, or of more than the two are left alone",
        arguments: [
            "server 127.0.0.1:30002; server 127.0.0.1:30003 down;", "server 127.0.0.1:30000;",
            "server 127.0.0.1:30000; server 127.0.0.1:30001 down; server 127.0.0.1:8080;",
            "server 10.0.0.1:30000; server 10.0.0.1:30001 down;",
        ]
    )
    func unrelatedUpstreams(servers: String) throws {
        let other = "upstream wwwLB { \(servers) }\n"
        #expect(try switched(other + NginxTests.article, to: 30001).hasPrefix(other))
    }

    @Test("a file whose upstreams of the two ports disagree sends requests to both colours")
    func disagreement() throws {
        let text = NginxTests.article + "upstream blogLB_ws { server 127.0.0.1:30000 down; server 127.0.0.1:30001; }\n"
        #expect(try UpstreamFile(parsing: text).routing(of: "blogLB", ports: blog) == .both)
        #expect(try UpstreamFile(parsing: switched(text, to: 30001)).routing(of: "blogLB", ports: blog) == .only(30001))
    }

    @Test("the lines that a switch edits are those of the two ports in their upstreams, wherever line breaks are")
    func switchedLines() throws {
        let text = """
            upstream blogLB {
                server
                    127.0.0.1:30000;
                server 127.0.0.1:30001 down;
            }
            upstream debug { server 127.0.0.1:30000; }
            upstream blogLB_ws { ip_hash; server 127.0.0.1:30000; server 127.0.0.1:30001 down; }

            """
        #expect(try UpstreamFile(parsing: text).switchedLines(of: "blogLB", ports: blog) == [2, 3, 4, 7])
    }

    @Test("bytes that are not UTF-8 stay unchanged")
    func invalidUTF8() throws {
        let bytes = Array("# caf".utf8) + [0xE9, 0x0A] + Array(NginxTests.article.utf8)
        let file = try UpstreamFile(parsing: bytes)
        #expect(file.bytes == bytes)
        let there = try file.switching("blogLB", up: 30001, down: 30000)
        #expect(there.bytes.starts(with: bytes[..<7]))
        #expect(try there.switching("blogLB", up: 30000, down: 30001).bytes == bytes)
    }

    @Test("a new file is the article's, with max_fails=0")
    func rendered() throws {
        let text = UpstreamFile.rendered(upstream: "blogLB", ports: blog, live: 30001)
        #expect(
            text == """
                upstream blogLB {
                    server 127.0.0.1:30000 max_fails=0 down;
                    server 127.0.0.1:30001 max_fails=0;
                }

                """
        )
        #expect(try UpstreamFile(parsing: text).routing(of: "blogLB", ports: blog) == .only(30001))
        #expect(try switched(text, to: 30000) == UpstreamFile.rendered(upstream: "blogLB", ports: blog, live: 30000))
    }

    @Test("one port for both colours is refused")
    func samePort() throws {
        let file = try UpstreamFile(parsing: NginxTests.article)
        #expect(throws: UpstreamFileError.samePort(30000)) { try file.switching("blogLB", up: 30000, down: 30000) }
    }
}
