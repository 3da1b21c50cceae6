import Testing

@testable import ViridianConfiguration

@Suite("Validated values")
struct ValueTests {
    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return "\(error)" }
    }

    @Test(
        "versions are image tags",
        arguments: [
            "20151025.143403", "v1", "1.10", "_", "A-b_c.D", String(repeating: "x", count: 128), "0",
        ])
    func versions(_ text: String) throws {
        #expect(try Version(text).text == text)
    }

    @Test(
        "an invalid version is refused, and shown escaped",
        arguments: [
            ("; rm -rf", #""; rm -rf""#), ("../x", #""../x""#), (".1", #"".1""#), ("-1", #""-1""#), ("", #""""#),
            ("a b", #""a b""#), ("1\n2", #""1\n2""#), ("\u{1B}[31m", #""\u{1B}[31m""#),
            ("v\u{202E}1", #""v\u{202E}1""#),
            ("🙂", #""\u{0001F642}""#), ("é", #""\u{00E9}""#), ("a\"b\\", #""a\"b\\""#), ("a/b", #""a/b""#),
            ("a:b", #""a:b""#),
            (String(repeating: "x", count: 129), "\"" + String(repeating: "x", count: 60) + "\"... (129 characters)"),
            (
                String(repeating: "\u{1}", count: 300),
                "\"" + String(repeating: "\\u{01}", count: 10) + "\"... (300 characters)"
            ),
        ])
    func badVersions(_ text: String, _ found: String) {
        #expect(
            message { _ = try Version(text) }
                == "version: expected a version of at most 128 letters, digits, _, . and -, beginning with a letter, a digit or _ (an image tag), found \(found)"
        )
    }

    @Test("a version as a label follows the grammar of labels")
    func labels() throws {
        #expect(try Version("20151025.143403").labelValue == "20151025.143403")
        #expect(try Version("_a.b-").labelValue == "a.b")
        #expect(try Version("___").labelValue == "")
        let long = try Version(String(repeating: "a", count: 62) + "-" + String(repeating: "b", count: 60))
        #expect(long.labelValue == String(repeating: "a", count: 62))
    }

    @Test("names of apps")
    func appNames() throws {
        #expect(try AppName("blog-2").description == "blog-2")
        #expect(
            message { _ = try AppName("Blog") }
                == #"app: expected a name of at most 57 lower-case letters, digits and -, beginning with a letter and not ending with - (a DNS label), found "Blog""#
        )
        #expect(message { _ = try AppName(String(repeating: "a", count: 58)) } != nil)
        #expect(try [AppName("www"), AppName("blog")].sorted().map(\.text) == ["blog", "www"])
    }

    @Test(
        "images",
        arguments: [
            ("blog", nil, "blog", nil, nil), ("library/blog", nil, "library/blog", nil, nil),
            ("registry.local:5000/blog", "registry.local:5000", "blog", nil, nil),
            ("registry.local:5000/a/b-c__d.e:1.0", "registry.local:5000", "a/b-c__d.e", "1.0", nil),
            ("localhost/blog:x", "localhost", "blog", "x", nil), ("host:80/blog", "host:80", "blog", nil, nil),
            ("[::1]:5000/blog:x", "[::1]:5000", "blog", "x", nil), ("Host/blog", "Host", "blog", nil, nil),
            ("blog:x@sha256:" + hex, nil, "blog", "x", "sha256:" + hex),
            ("gcr.io/a/b@sha256:" + hex, "gcr.io", "a/b", nil, "sha256:" + hex),
        ] as [(String, String?, String, String?, String?)])
    func images(_ text: String, _ registry: String?, _ repository: String, _ tag: String?, _ digest: String?) throws {
        let image = try ImageReference(text)
        #expect(image.registry == registry)
        #expect(image.repository == repository)
        #expect(image.tag == tag)
        #expect(image.digest == digest)
        #expect(image.description == text)
        #expect(try image.tagged(Version("7")).description == image.name + ":7")
    }

    @Test(
        "an invalid image is refused",
        arguments: [
            "", ":x", "blog:", "blog:-x", "blog@", "blog@sha256:abc", "blog@md5:" + hex,
            "blog@sha256:" + hex.uppercased(),
            "a//b", "/blog", "blog/", "registry.local:/blog", "registry.local:0/blog", "a:b:c/blog", "-a.b/blog",
            "a___b",
            "a-", "a..b", "blog:a b", "blog\n", "[::1/blog", "[zz]:1/blog", "blög", String(repeating: "a", count: 256),
            "blog:x:y", "blog@sha256:" + hex + "@sha256:" + hex, "https://blog",
        ])
    func badImages(_ text: String) {
        #expect(throws: InvalidValue.self) { try ImageReference(text) }
    }

    @Test(
        "short and full names of one repository are equal",
        arguments: [
            ("blog", "docker.io/library/blog"), ("library/blog:1", "docker.io/library/blog"),
            ("index.docker.io/library/blog", "docker.io/library/blog"), ("docker.io/blog", "docker.io/library/blog"),
            ("team/blog@sha256:" + hex, "docker.io/team/blog"),
            ("Registry.local:5000/blog:2", "registry.local:5000/blog"),
            ("localhost/blog", "localhost/blog"),
        ])
    func fullNames(_ text: String, _ name: String) throws {
        #expect(try ImageReference(text).fullName == name)
    }

    @Test("an image's error says which part is wrong")
    func imageMessages() {
        #expect(
            message { _ = try ImageReference("blog:a b") }
                == #"image: expected an image whose tag is a version of at most 128 letters, digits, _, . and -, beginning with a letter, a digit or _ (an image tag), found "blog:a b""#
        )
        #expect(
            message { _ = try ImageReference("blog@sha256:12") }
                == #"image: expected an image whose digest is sha256: and 64 hexadecimal digits, found "blog@sha256:12""#
        )
    }

    @Test("reasons stay on one line and are at most 500 characters")
    func reasons() throws {
        #expect(try Reason("too slow – back").text == "too slow – back")
        #expect(try Reason("a\nb\u{1B}[1m\tc\u{202E}d").text == "a b [1m c d")
        #expect(try Reason(String(repeating: "é", count: 500)).text.count == 500)
        #expect(
            message { _ = try Reason(String(repeating: "x", count: 501)) }
                == "reason: expected at most 500 characters, found \"\(String(repeating: "x", count: 60))\"... (501 characters)"
        )
        // One visible character, but many scalars.
        #expect(message { _ = try Reason("e" + String(repeating: "\u{301}", count: 600)) } != nil)
    }

    @Test("numbers of replicas")
    func replicas() throws {
        #expect(try Replicas.validate(1) == 1)
        #expect(try Replicas.validate("10000") == 10_000)
        #expect(
            message { _ = try Replicas.validate(0) } == "replicas: expected a whole number between 1 and 10000, found 0"
        )
        for text in ["0", "10001", "-1", "+1", "01", "1.0", "", "x", " 1", "99999999999999999999"] {
            #expect(
                message { _ = try Replicas.validate(text) }
                    == "replicas: expected a whole number between 1 and 10000, found \"\(text)\"")
        }
    }

    @Test("node addresses", arguments: ["10.0.0.1", "::1", "fe80::1", "ip-10-0-0-1.ec2.internal", "node_1"])
    func addresses(_ text: String) throws {
        #expect(try NodeAddress.validate(text) == text)
    }

    @Test(
        "digits and dots that are not an address are not a node",
        arguments: ["999.1.1.1", "10.0.0", "10.0.0.1.", "1.2.3.4.5"])
    func noAddress(_ text: String) {
        #expect(throws: (any Error).self) { try NodeAddress.validate(text) }
    }

    @Test(
        "durations are read and written",
        arguments: [
            ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("10m", .seconds(600)),
            ("1h", .seconds(3600)),
            ("0s", .zero), ("90s", .seconds(90)), ("8760h", .seconds(31_536_000)), ("2d", .seconds(172_800)),
            ("365d", .seconds(31_536_000)),
        ])
    func durations(_ text: String, _ duration: Duration) {
        #expect(Duration(text: text) == duration)
        #expect(Duration(text: duration.text) == duration)
    }

    @Test(
        "invalid durations",
        arguments: [
            "", "s", "1", "1w", "366d", "1.5s", "-1s", "+1s", "1S", " 1s", "01s", "1h30m", "8761h", "1 s", "٣s",
        ])
    func badDurations(_ text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test("durations are written in their shortest form")
    func durationText() {
        #expect(Duration.seconds(7200).text == "2h")
        #expect(Duration.seconds(90).text == "90s")
        #expect(Duration.milliseconds(1500).text == "1500ms")
        #expect(Duration.zero.text == "0s")
    }

    @Test("addresses to listen on")
    func listen() throws {
        #expect(try ListenAddress("[::1]:0") == ListenAddress(host: "::1", port: 0))
        #expect(try ListenAddress("localhost:80").description == "localhost:80")
        #expect(ListenAddress(host: "::1", port: 1).description == "[::1]:1")
        for text in ["8080", ":8080", "a:b", "::1:80", "[::1]", "a:65536", "a:-1", "[a]:1", "a b:1", ""] {
            #expect(throws: InvalidValue.self) { try ListenAddress(text) }
        }
    }

    @Test("a secret cannot be printed")
    func secrets() {
        let slack = HooksConfiguration(registry: Secret("hunter2"))
        var dumped = ""
        dump(slack, to: &dumped)
        #expect(!"\(slack) \(String(reflecting: slack)) \(dumped)".contains("hunter2"))
    }

    @Test(
        "suggestions",
        arguments: [
            ("prots", "ports"), ("port", "ports"), ("Ports", "ports"), ("imgae", "image"), ("xyz", nil), ("", nil),
            ("postdeploy", "postDeploy"),
        ] as [(String, String?)])
    func suggestions(_ text: String, _ expected: String?) {
        #expect(Suggestion.nearest(to: text, among: AppConfiguration.keys) == expected)
    }

    @Test("a journal is a file, or a database in PostgreSQL, whose URI stays as it is")
    func journal() throws {
        let uri = "postgresql://viridian@db1,db2/viridian?sslmode=verify-full"
        let fixture = try Fixture(["viridian.yaml": Fixture.main + "journal: \(uri)\n"])
        #expect(try fixture.load().journal == uri)
        let secret = try Fixture(["viridian.yaml": Fixture.main + "journal: 'postgres://anna:${PASSWORD}@db/x'\n"])
        #expect(try secret.load(["PASSWORD": "tr0ub4dor"]).journal == "postgres://anna:tr0ub4dor@db/x")
        let file = try Fixture(["viridian.yaml": Fixture.main + "journal: postgresql/journal.sqlite\n"])
        #expect(try file.load().journal == file.path("postgresql/journal.sqlite"))
    }
}

private let hex = String(repeating: "0123456789abcdef", count: 4)
