import Foundation
import Testing

@testable import ViridianConfiguration

@Suite("Files")
struct FileTests {
    private func app(_ name: String, _ blue: Int, _ more: String = "") -> String {
        "app: \(name)\nports: {container: 80, blue: \(blue), green: \(blue + 1)}\nimage: \(name)\n\(more)"
    }

    @Test("all errors of all files are reported together, by file and line")
    func all() throws {
        let fixture = try Fixture([
            "viridian.yaml": "server: {listen: 8080}\nnodes: {inventory: kubernetes, sudo: 7}\njurnal: x\n",
            "apps/blog.yaml": "repair: always\nimage: blog\napp: blog\nports: {container: 1, blue: 2, green: 3}\n",
            "apps/www.yaml": "app: www\n",
        ])
        #expect(
            try fixture.errors() == [
                #"viridian.yaml:1: server.listen: expected an address and a port such as 127.0.0.1:8080, found 8080"#,
                "viridian.yaml:2: nodes.sudo: expected true or false, found 7",
                "viridian.yaml:3: jurnal: unknown key; did you mean journal?",
                #"apps/blog.yaml:1: repair: expected manual or auto, found "always""#,
                "apps/blog.yaml:4: ports.blue: expected a port between 30000 and 32767, found 2",
                "apps/blog.yaml:4: ports.green: expected a port between 30000 and 32767, found 3",
                "apps/www.yaml: ports: missing; expected keys and values (container, blue, green)",
                "apps/www.yaml: image: missing; expected an image without a tag",
            ])
    }

    @Test("apps have unique names, ports and upstreams; the error names both apps")
    func claims() throws {
        let fixture = try Fixture([
            "apps/shop.yaml": app("shop", 30001, "upstream: blogLB\n"),
            "apps/z.yaml": app("blog", 30020, "upstream: z\n"),
        ])
        #expect(
            try fixture.errors() == [
                "apps/shop.yaml:2: ports.blue: expected a unique port, but 30001 is ports.green of blog (apps/blog.yaml:2)",
                "apps/shop.yaml:4: upstream: expected a unique name, but blogLB is the upstream of blog (apps/blog.yaml)",
                "apps/z.yaml:1: app: expected a unique name, but the app in apps/blog.yaml:1 is named blog too",
            ])
    }

    @Test("an app's hosts and its preview are of no other app; the error names both places")
    func claimedHosts() throws {
        let fixture = try Fixture([
            "apps/blog.yaml": Fixture.blog
                + "hosts:\n  - blog.domain.com\n  - domain.com\npreview: preview.domain.com:8080\n",
            "apps/shop.yaml": app(
                "shop", 30010, "hosts: [shop.domain.com, Domain.com, shop.domain.com]\npreview: blog.domain.com\n"),
            "apps/www.yaml": app("www", 30020, "hosts: [\"*.domain.com\"]\npreview: preview.domain.com:8080\n"),
            // Another port, and another pattern, are other sites.
            "apps/yours.yaml": app("yours", 30030, "hosts: [\"*.yours.domain.com\"]\npreview: preview.domain.com\n"),
        ])
        #expect(
            try fixture.errors() == [
                "apps/shop.yaml:4: hosts: expected each host once, found shop.domain.com more than once",
                "apps/shop.yaml:4: hosts[1]: expected a unique host, but domain.com is hosts[1] of blog (apps/blog.yaml:6)",
                "apps/shop.yaml:5: preview: expected a unique host, but blog.domain.com is hosts[0] of blog (apps/blog.yaml:5)",
                "apps/www.yaml:5: preview: expected a unique host, but preview.domain.com:8080 is preview of blog (apps/blog.yaml:7)",
            ])
    }

    @Test("ports are compared even if the apps have other errors")
    func claimsOfFaultyApps() throws {
        let fixture = try Fixture(["apps/www.yaml": app("WWW", 30000)])
        let errors = try fixture.errors()
        #expect(
            errors.dropFirst().dropLast() == [
                "apps/www.yaml:2: ports.blue: expected a unique port, but 30000 is ports.blue of blog (apps/blog.yaml:2)",
                "apps/www.yaml:2: ports.green: expected a unique port, but 30001 is ports.green of blog (apps/blog.yaml:2)",
            ])
        #expect(errors.first?.hasPrefix("apps/www.yaml:1: app: ") == true)
        #expect(errors.last?.hasPrefix("apps/www.yaml:3: image: ") == true)
    }

    @Test(
        "files that are not YAML",
        arguments: [
            (
                "nodes: {a",
                "viridian.yaml:2: not YAML: did not find expected ',' or '}' while parsing a flow mapping of line 1"
            ),
            (
                "a: b\n\tc: d",
                "viridian.yaml:2: not YAML: found a tab character that violates indentation while scanning a plain scalar of line 1"
            ),
            (
                "nodes:\n  a: b\n c: d",
                "viridian.yaml:3: not YAML: did not find expected key while parsing a block mapping of line 1"
            ),
            (
                "journal: x\nnodes: {}\njournal: y",
                #"viridian.yaml:1: expected each key once, found "journal" more than once in the same place"#
            ),
            ("nodes: *other", "viridian.yaml:1: not YAML: found undefined alias"),
            (
                "a: b\n---\nc: d",
                "viridian.yaml:2: not YAML: but found another document expected a single document in the stream of line 1"
            ),
            ("", "viridian.yaml: the file is empty"),
            ("# nothing\n", "viridian.yaml: the file is empty"),
            ("---\n", "viridian.yaml: the file is empty"),
            (
                "just text",
                "viridian.yaml: expected keys and values (journal, keep, kubernetes, nodes, clusters, server, apps, registries, hooks, report, freeze, slack, notify), found text"
            ),
            (
                "- a",
                "viridian.yaml: expected keys and values (journal, keep, kubernetes, nodes, clusters, server, apps, registries, hooks, report, freeze, slack, notify), found a list"
            ),
            ("journal: a\nnodes: \u{1}", "viridian.yaml:2: not YAML: control characters are not allowed"),
        ])
    func syntax(_ text: String, _ expected: String) throws {
        let errors = try Fixture(["viridian.yaml": text]).errors()
        #expect(errors == [expected])
    }

    @Test("a syntax error does not show the line, which may contain a secret")
    func syntaxErrorsHideSecrets() throws {
        let errors = try Fixture(["viridian.yaml": "slack: {token: hunter2, signingSecret: [hunter2\n"]).errors()
        #expect(errors.count == 1)
        #expect(!errors.joined().contains("hunter2"))
    }

    @Test("a file that is not UTF-8, a directory, a missing file")
    func unreadable() throws {
        let fixture = try Fixture()
        try fixture.write(Data([0x61, 0x3A, 0x20, 0xFF]), to: "viridian.yaml")
        #expect(try fixture.errors() == ["viridian.yaml: expected text in UTF-8"])
        let missing = try Fixture(without: ["viridian.yaml"])
        #expect(try missing.errors() == ["viridian.yaml: no such file"])
        try missing.write(Data(), to: "viridian.yaml/x")
        #expect(try missing.errors() == ["viridian.yaml: expected a file, found a directory"])
    }

    @Test("errors in files outside the working directory have the full path")
    func display() throws {
        let fixture = try Fixture(["viridian.yaml": ""])
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(
                file: fixture.path("viridian.yaml"), environment: [:], workingDirectory: "/usr")
        }
        #expect(error?.description == "\(fixture.path("viridian.yaml")): the file is empty")
    }

    @Test("apps: is a pattern, a file, or a list of them; a file counts once")
    func patterns() throws {
        let files = [
            "apps/blog.yaml": app("blog", 30000), "apps/www.yaml": app("www", 30010),
            "more/shop.yaml": app("shop", 30020), "more/notes.txt": "nothing",
        ]
        func names(_ apps: String) throws -> [String] {
            try Fixture(files.merging(["viridian.yaml": Fixture.main + apps]) { $1 }).load().apps.map(\.name.text)
        }
        #expect(try names("") == ["blog", "www"])
        #expect(try names("apps: apps/*.yaml") == ["blog", "www"])
        #expect(try names("apps: ./apps/www.yaml") == ["www"])
        #expect(try names("apps: [more/*.yaml, apps/w*.yaml, apps/www.yaml]") == ["shop", "www"])
        #expect(try names("apps: '[am]*/*.yaml'") == ["blog", "www", "shop"])
        #expect(try names("apps: none/*.yaml") == [])
        #expect(try names("apps: []") == [])
    }

    @Test(
        "a pod template beside the apps is no app, however the key that names it is written",
        arguments: ["template", "\"template\"", "'template'", #""\x74emplate""#, "? template\n"])
    func templates(_ key: String) throws {
        let template = "spec: {containers: [{name: blog, image: blog}]}\n"
        let files = ["apps/blog.yaml": Fixture.blog + "\(key): blog-pod.yaml\n", "apps/blog-pod.yaml": template]
        let configuration = try Fixture(files).load()
        #expect(configuration.apps.map(\.name.text) == ["blog"])
        #expect(configuration.apps.first?.template?.text == template)
    }

    @Test("with an error in an app's file, nothing is said of names that may be in it")
    func namesInFaultyFiles() throws {
        let files = [
            "viridian.yaml": Fixture.main
                + "freeze: [{name: weekend, from: 'Fri 16:00', to: 'Mon 08:00', timeZone: UTC, reason: r, apps: [shop]}]\n",
            "apps/shop.yaml": "app: shop\nports: {",
        ]
        let errors = try Fixture(files).errors()
        #expect(errors.count == 1 && errors.first?.hasPrefix("apps/shop.yaml:3: not YAML: ") == true, "\(errors)")
    }

    @Test("a key that is written twice is refused, in whatever form")
    func twice() throws {
        let errors = try Fixture([
            "apps/blog.yaml": Fixture.blog + "\"image\": other\n"
        ]).errors()
        #expect(
            errors == [
                #"apps/blog.yaml:3: expected each key once, found "image" more than once in the same place"#
            ])
    }

    @Test("the directory of viridian.yaml is never a pattern")
    func literalDirectory() throws {
        let fixture = try Fixture(["a[b]*/viridian.yaml": Fixture.main, "a[b]*/apps/x.yaml": app("x", 30100)])
        let configuration = try Configuration.load(
            file: fixture.path("a[b]*/viridian.yaml"), environment: [:], workingDirectory: fixture.directory)
        #expect(configuration.apps.map(\.name.text) == ["x"])
    }

    @Test("an app's file that is named and does not exist")
    func missingApp() throws {
        #expect(
            try mainErrors(adding: "apps: [apps/blog.yaml, apps/www.yaml]") == [
                "viridian.yaml:2: apps: expected an app's file, but apps/www.yaml does not exist"
            ])
        #expect(
            try mainErrors(adding: "apps: {blog: apps/blog.yaml}") == [
                "viridian.yaml:2: apps: expected a list, found keys and values"
            ])
    }

    @Test(
        "the other sections of viridian.yaml",
        arguments: [
            ("journal: [a]", "journal: expected a path, or a URI that begins with postgresql://, found a list"),
            (
                "journal: mysql://anna:secret@db/x",
                "journal: expected a path, or a URI that begins with postgresql://"
            ),
            (
                "journal: PostgreSQL://anna:secret@db/x",
                "journal: expected a path, or a URI that begins with postgresql://"
            ),
            (
                "journal: postgresql:viridian",
                "journal: expected a path, or a URI that begins with postgresql://"
            ),
            (
                "journal: postgres:anna:secret@db/x",
                "journal: expected a path, or a URI that begins with postgresql://"
            ),
            ("journal: ''", #"journal: expected a path, or a URI that begins with postgresql://, found """#),
            ("journal: ~", "journal: expected a path, or a URI that begins with postgresql://, found nothing"),
            ("kubernetes: {kubeconfig: , context: 1}", "kubernetes.kubeconfig: expected a path, found nothing"),
            ("kubernetes: {contxt: a}", "kubernetes.contxt: unknown key; did you mean context?"),
            (
                "server: {listen: '127.0.0.1:65536'}",
                #"server.listen: expected an address and a port such as 127.0.0.1:8080, found "127.0.0.1:65536""#
            ),
            (
                "server: {listen: ':8080'}",
                #"server.listen: expected an address and a port such as 127.0.0.1:8080, found ":8080""#
            ),
            (
                "server: {url: deploy.domain.com}",
                #"server.url: expected a URL such as https://deploy.domain.com, found "deploy.domain.com""#
            ),
            (
                "server: {url: 'ftp://deploy.domain.com'}",
                #"server.url: expected a URL such as https://deploy.domain.com, found "ftp://deploy.domain.com""#
            ),
            (
                "server: {url: 'https://mike:hunter2@domain.com'}",
                "server.url: expected a URL without a user and a password"
            ),
            ("server: {tls: {certificate: c.pem}}", "server.tls.key: missing; expected a path"),
            ("slack: {token: a, signingSecret: b}", "slack.channel: missing; expected a channel such as \"#deploys\""),
            (
                "slack: {token: a, signingSecret: b, channel: #deploys\n  }",
                "slack.channel: expected a channel such as \"#deploys\", found nothing"
            ),
            ("slack: {token: '', signingSecret: b, channel: c}", "slack.token: expected a secret that is not empty"),
            (
                "slack: {token: \"${SLACK_TOKEN}\", signingSecret: b, channel: c}",
                "slack.token: the environment variable SLACK_TOKEN is not set"
            ),
            ("notify: {url: a}", "notify: expected a list, found keys and values"),
            (
                "notify: [{name: ops, url: 'https://a.com'}]",
                "notify[0].secret: missing; expected whsec_ and a key in base64, with which messages are signed"
            ),
            (
                "notify: [{name: ops, url: 'https://a.com', secret: whsec_a2V5}, b]",
                "notify[1]: expected keys and values (name, url, secret, format, on, apps, private), found text"
            ),
        ])
    func sections(_ line: String, _ expected: String) throws {
        #expect(try mainErrors(adding: line) == ["viridian.yaml:2: " + expected])
    }
}

@Suite("Environment variables in values")
struct InterpolationTests {
    @Test("a variable replaces any value, numbers too")
    func variables() throws {
        let fixture = try Fixture([
            "apps/blog.yaml": """
            app: ${APP}
            ports: {container: "${PORT}", blue: 30000, green: 30001}
            image: registry.${DOMAIN}:5000/${APP}
            verify: {required: "${VERIFY}"}
            postDeploy: {command: 'deploy $${HOME} $HOME $$ ${APP}$${APP}'}
            """
        ])
        let environment = ["APP": "blog", "PORT": "9000", "DOMAIN": "local", "VERIFY": "true"]
        let app = try fixture.load(environment).app("blog")
        #expect(app.ports.container == 9000)
        #expect(app.image.description == "registry.local:5000/blog")
        #expect(app.verify.required)
        #expect(app.postDeploy?.command == "deploy ${HOME} $HOME $$ blog${APP}")
    }

    @Test("a variable's value is not expanded again, and is validated like any other")
    func values() throws {
        #expect(try Interpolation.expand("a${A}b", ["A": "${B}"]).text == "a${B}b")
        #expect(try Interpolation.expand("${A}", ["A": ""]).text == "")
        #expect(
            try appErrors(adding: "namespace: ${N}", ["N": "x; rm -rf"]) == [
                "apps/blog.yaml:4: namespace: expected a namespace of at most 63 lower-case letters, digits and -, not beginning or ending with -, found \"x; rm -rf\""
            ])
    }

    @Test(
        "malformed and unset variables",
        arguments: [
            ("${", Interpolation.Problem.malformed), ("${}", .malformed), ("${1A}", .malformed), ("${A-b}", .malformed),
            ("x ${NOPE}", .unset(name: "NOPE")),
        ])
    func problems(_ text: String, _ problem: Interpolation.Problem) {
        #expect(throws: problem) { try Interpolation.expand(text, [:]) }
    }
}

@Suite("Finding the configuration")
struct LocateTests {
    private func locate(_ fixture: Fixture, _ explicit: String?, _ variable: String? = nil) throws -> String {
        try ConfigurationFile.locate(
            explicit: explicit, environment: variable.map { ["VIRIDIAN_CONFIG": $0] } ?? [:],
            workingDirectory: fixture.directory, systemFile: fixture.path("etc/viridian.yaml"))
    }

    @Test("--config, then $VIRIDIAN_CONFIG, then the working directory, then the system")
    func order() throws {
        let all = try Fixture(["a.yaml": "", "b.yaml": "", "etc/viridian.yaml": ""])
        #expect(try locate(all, "a.yaml", "b.yaml") == all.path("a.yaml"))
        #expect(try locate(all, all.path("a.yaml")) == all.path("a.yaml"))
        #expect(try locate(all, nil, "b.yaml") == all.path("b.yaml"))
        #expect(try locate(all, nil, "") == all.path("viridian.yaml"))
        #expect(try locate(all, nil) == all.path("viridian.yaml"))
        let system = try Fixture(["etc/viridian.yaml": ""], without: ["viridian.yaml"])
        #expect(try locate(system, nil) == system.path("etc/viridian.yaml"))
    }

    @Test("a file that is named must exist")
    func named() throws {
        let fixture = try Fixture()
        let option = #expect(throws: ConfigurationNotFound.self) { try locate(fixture, "x.yaml") }
        #expect(
            option?.description
                == "no configuration: x.yaml, named by --config, does not exist; `viridian init` writes one")
        let variable = #expect(throws: ConfigurationNotFound.self) { try locate(fixture, nil, "/x/y.yaml") }
        #expect(
            variable?.description
                == "no configuration: /x/y.yaml, named by $VIRIDIAN_CONFIG, does not exist; `viridian init` writes one")
    }

    @Test("when there is none, the error lists the places")
    func none() throws {
        let fixture = try Fixture(without: ["viridian.yaml"])
        let error = #expect(throws: ConfigurationNotFound.self) { try locate(fixture, nil) }
        #expect(
            error?.description
                == "no configuration: there is no \(fixture.path("viridian.yaml")) or \(fixture.path("etc/viridian.yaml")); `viridian init` writes one, --config names another"
        )
    }
}
