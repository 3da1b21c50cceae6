import Testing

@testable import ViridianConfiguration

@Suite("What is wrong with the file of an app")
struct AppErrorTests {
    @Test(
        "required keys",
        arguments: [
            (
                "namespace: blog",
                """
                apps/blog.yaml: app: missing; expected a name of at most 57 lower-case letters, digits and -, beginning with a letter and not ending with - (a DNS label)
                apps/blog.yaml: ports: missing; expected keys and values (container, blue, green)
                apps/blog.yaml: image: missing; expected an image without a tag
                """
            ),
            (
                "app: blog\nimage: blog\nports:\n  blue: 30000",
                """
                apps/blog.yaml:3: ports.container: missing; expected a port between 1 and 65535
                apps/blog.yaml:3: ports.green: missing; expected a port between 30000 and 32767
                """
            ),
            (
                "app: blog\nimage: blog\nports: 9000",
                "apps/blog.yaml:3: ports: expected keys and values (container, blue, green), found text"
            ),
            (
                "app: blog\nimage: blog\nports:",
                "apps/blog.yaml:3: ports: expected keys and values (container, blue, green), found nothing"
            ),
            (
                "app: [blog]\nimage: {a: b}\nports: [1]",
                """
                apps/blog.yaml:1: app: expected a name of at most 57 lower-case letters, digits and -, beginning with a letter and not ending with - (a DNS label), found a list
                apps/blog.yaml:2: image: expected an image without a tag, found keys and values
                apps/blog.yaml:3: ports: expected keys and values (container, blue, green), found a list
                """
            ),
        ])
    func required(_ text: String, _ expected: String) throws {
        #expect(try appErrors(text).joined(separator: "\n") == expected)
    }

    @Test(
        "ports",
        arguments: [
            (
                "{container: 9000, blue: 80, green: 30001}",
                "apps/blog.yaml:3: ports.blue: expected a port between 30000 and 32767, found 80"
            ),
            (
                "{container: 9000, blue: 29999, green: 32768}",
                """
                apps/blog.yaml:3: ports.blue: expected a port between 30000 and 32767, found 29999
                apps/blog.yaml:3: ports.green: expected a port between 30000 and 32767, found 32768
                """
            ),
            (
                "{container: 9000, blue: 30000, green: 30000}",
                "apps/blog.yaml:3: ports.green: expected a port other than blue's, found 30000"
            ),
            (
                "{container: 0, blue: 30000, green: 30001}",
                "apps/blog.yaml:3: ports.container: expected a port between 1 and 65535, found 0"
            ),
            (
                "{container: 65536, blue: 30000, green: 30001}",
                "apps/blog.yaml:3: ports.container: expected a port between 1 and 65535, found 65536"
            ),
            (
                "{container: http, blue: 30000, green: 30001}",
                #"apps/blog.yaml:3: ports.container: expected a port between 1 and 65535, found "http""#
            ),
            (
                #"{container: "9000", blue: 30000, green: 30001}"#,
                #"apps/blog.yaml:3: ports.container: expected a port between 1 and 65535, found "9000""#
            ),
            (
                "{container: 09000, blue: 3e4, green: 0x7531}",
                #"""
                apps/blog.yaml:3: ports.container: expected a port between 1 and 65535, found "09000"
                apps/blog.yaml:3: ports.blue: expected a port between 30000 and 32767, found "3e4"
                apps/blog.yaml:3: ports.green: expected a port between 30000 and 32767, found "0x7531"
                """#
            ),
            (
                "{container: 99999999999999999999, blue: 30000.0, green: [30001]}",
                #"""
                apps/blog.yaml:3: ports.container: expected a port between 1 and 65535, found "99999999999999999999"
                apps/blog.yaml:3: ports.blue: expected a port between 30000 and 32767, found "30000.0"
                apps/blog.yaml:3: ports.green: expected a port between 30000 and 32767, found a list
                """#
            ),
            (
                "{container: 9000, blue: , green: 30001, gren: 1}",
                """
                apps/blog.yaml:3: ports.gren: unknown key; did you mean green?
                apps/blog.yaml:3: ports.blue: expected a port between 30000 and 32767, found nothing
                """
            ),
        ])
    func ports(_ ports: String, _ expected: String) throws {
        #expect(try appErrors("app: blog\nimage: blog\nports: \(ports)").joined(separator: "\n") == expected)
    }

    @Test(
        "names",
        arguments: [
            ("; rm -rf", #""; rm -rf""#), ("../blog", #""../blog""#), ("Blog", #""Blog""#), ("-blog", #""-blog""#),
            ("blog-", #""blog-""#), ("blög", #""bl\u{00F6}g""#), ("bl.og", #""bl.og""#), ("🙂", #""\u{0001F642}""#),
            (String(repeating: "a", count: 58), "\"" + String(repeating: "a", count: 58) + "\""),
            (String(repeating: "a", count: 300), "\"" + String(repeating: "a", count: 60) + "\"... (300 characters)"),
        ])
    func names(_ name: String, _ found: String) throws {
        let ports = "ports: {container: 9000, blue: 30000, green: 30001}\nimage: blog\n"
        #expect(
            try appErrors("app: '\(name)'\n" + ports) == [
                "apps/blog.yaml:1: app: expected a name of at most 57 lower-case letters, digits and -, beginning with a letter and not ending with - (a DNS label), found \(found)"
            ])
    }

    @Test("57 characters are a name; a namespace may have 63")
    func longNames() throws {
        let ports = "ports: {container: 9000, blue: 30000, green: 30001}\nimage: blog\n"
        let name = String(repeating: "a", count: 57)
        #expect(try appErrors("app: \(name)\nnamespace: \(name)123456\n" + ports) == [])
        #expect(try appErrors("app: \(name)\nnamespace: \(name)1234567\n" + ports).count == 1)
    }

    @Test(
        "one line too many",
        arguments: [
            (
                "namespace: Blog",
                #"namespace: expected a namespace of at most 63 lower-case letters, digits and -, not beginning or ending with -, found "Blog""#
            ),
            ("workload: deployment", #"workload: expected ReplicationController or Deployment, found "deployment""#),
            ("replicas: -1", "replicas: expected a whole number between 0 and 10000, found -1"),
            ("replicas: 10001", "replicas: expected a whole number between 0 and 10000, found 10001"),
            ("replicas: many", #"replicas: expected a whole number between 0 and 10000, found "many""#),
            ("replicas: 1.5", #"replicas: expected a whole number between 0 and 10000, found "1.5""#),
            ("replicas: true", "replicas: expected a whole number between 0 and 10000, found true"),
            ("upstream: blog LB", #"upstream: expected a name of letters, digits, _, . and -, found "blog LB""#),
            ("upstream: 'a;b'", #"upstream: expected a name of letters, digits, _, . and -, found "a;b""#),
            ("upstream: ''", #"upstream: expected a name of letters, digits, _, . and -, found """#),
            ("protocol: https", #"protocol: expected http or fastcgi, found "https""#),
            ("hosts: blog.domain.com", "hosts: expected a list, found text"),
            ("hosts: [blog.domain.com, blog_domain]", #"hosts[1]: expected a DNS name, found "blog_domain""#),
            ("hosts: [a.com, b.com, A.com]", "hosts: expected each host once, found a.com more than once"),
            ("hosts: ['http://a.com']", #"hosts[0]: expected a DNS name, found "http://a.com""#),
            ("hosts: [a..com]", #"hosts[0]: expected a DNS name, found "a..com""#),
            ("hosts: [null]", "hosts[0]: expected a DNS name, found nothing"),
            ("containers: blog", "containers: expected a list, found text"),
            (
                "containers: [blog, Migrate]",
                #"containers[1]: expected a container's name of at most 63 lower-case letters, digits and -, found "Migrate""#
            ),
            (
                "containers: [blog, migrate, blog]",
                "containers: expected each container once, found blog more than once"
            ),
            (
                "containers: []",
                "containers: expected at least one container that gets a release's image; without this key, every container with "
                    + "the app's repository gets it"
            ),
            ("preview: '*.domain.com'", #"preview: expected a DNS name, found "*.domain.com""#),
            ("{}: x", "expected a key, found keys and values"),
            ("ready: 10m", "ready: expected keys and values (timeout, stable), found text"),
            (
                "ready: {timeout: 10}",
                "ready.timeout: expected a duration such as 500ms, 30s, 10m or 1h, longer than 0, found 10"
            ),
            (
                "ready: {timeout: 0s}",
                #"ready.timeout: expected a duration such as 500ms, 30s, 10m or 1h, longer than 0, found "0s""#
            ),
            (
                "ready: {timeout: 10 m}",
                #"ready.timeout: expected a duration such as 500ms, 30s, 10m or 1h, longer than 0, found "10 m""#
            ),
            ("ready: {stable: -5s}", #"ready.stable: expected a duration such as 500ms, 30s, 10m or 1h, found "-5s""#),
            ("ready: {stable: 1w}", #"ready.stable: expected a duration such as 500ms, 30s, 10m or 1h, found "1w""#),
            (
                "ready: {timeout: 1m, stable: 90s}",
                "ready.stable: expected less than the timeout, which is 1m, found 90s"
            ),
            ("verify: true", "verify: expected keys and values (required, timeout, then, approvals, by), found text"),
            ("verify: {required: 1}", "verify.required: expected true or false, found 1"),
            ("verify: {required: 'true'}", #"verify.required: expected true or false, found "true""#),
            ("verify: {then: abrot}", #"verify.then: expected abort or promote, found "abrot""#),
            ("verify: {approvals: 0}", "verify.approvals: expected a whole number between 1 and 20, found 0"),
            ("verify: {approvals: two}", #"verify.approvals: expected a whole number between 1 and 20, found "two""#),
            ("verify: {approvals: 21}", "verify.approvals: expected a whole number between 1 and 20, found 21"),
            ("verify: {by: everyone}", #"verify.by: expected anyone or others, found "everyone""#),
            ("verify: {by: [ann]}", "verify.by: expected anyone or others, found a list"),
            (
                "verify: {approvals: 2, then: promote}",
                "verify.then: expected abort: with promote a release would go live without the approvals that it needs"
            ),
            (
                "verify: {by: others, then: promote}",
                "verify.then: expected abort: with promote a release would go live without the approvals that it needs"
            ),
            ("postDeploy: {timeout: 5m}", "postDeploy.command: missing; expected a command"),
            ("postDeploy: {command: ' '}", #"postDeploy.command: expected a command, found " ""#),
            ("artifact: {from: a}", "artifact.to: missing; expected an absolute path of a directory on the nodes"),
            (
                "artifact: {from: a, to: srv}",
                #"artifact.to: expected an absolute path of a directory on the nodes, found "srv""#
            ),
            ("artifact: {from: a, to: /}", #"artifact.to: expected a directory other than /, without .., found "/""#),
            (
                "artifact: {from: a, to: /srv/../etc}",
                #"artifact.to: expected a directory other than /, without .., found "/srv/../etc""#
            ),
            (
                "artifact: {from: 'http://a/b', to: /srv}",
                #"artifact.from: expected s3://BUCKET/KEY, https://… or a path, found "http://a/b""#
            ),
            (
                "artifact: {from: 's3://bucket', to: /srv}",
                #"artifact.from: expected s3://BUCKET/KEY, https://… or a path, found "s3://bucket""#
            ),
            (
                "artifact: {from: 's3://b/{tag}', to: /srv}",
                #"artifact.from: expected no other placeholders than {version} and {app}, found "s3://b/{tag}""#
            ),
            (
                "artifact: {from: a, to: /srv, sha256: 'http://a/b'}",
                #"artifact.sha256: expected 64 hexadecimal digits, or an s3:// or https:// URL or a path of a file that begins with them, found "http://a/b""#
            ),
            ("probe: {path: healthz}", #"probe.path: expected a path that begins with /, found "healthz""#),
            (
                "artifact: {from: a, to: /srv, keep: 0}",
                "artifact.keep: expected a whole number between 1 and 1000, found 0"
            ),
            ("drain: {least: 5m, most: 30s}", "drain.most: expected at least drain.least (5m), found 30s"),
            ("retain: 9000h", #"retain: expected a duration such as 500ms, 30s, 10m or 1h, found "9000h""#),
            (
                "retain: 99999999999999999999h",
                #"retain: expected a duration such as 500ms, 30s, 10m or 1h, found "99999999999999999999h""#
            ),
            ("tolerate: -1", "tolerate: expected a whole number of at least 0, found -1"),
            ("repair: automatic", #"repair: expected manual or auto, found "automatic""#),
            ("template: pod.yaml", "template: expected the file of a pod template, but apps/pod.yaml does not exist"),
            (
                "template: ~mike/pod.yaml",
                #"template: expected a path; only ~/ stands for a home directory, found "~mike/pod.yaml""#
            ),
            (
                "template: ~/pod.yaml",
                #"template: expected a path without ~, because HOME is not set, found "~/pod.yaml""#
            ),
            ("replica: 3", "replica: unknown key; did you mean replicas?"),
            ("Replicas: 3", "Replicas: unknown key; did you mean replicas?"),
            ("prots: {}", "prots: unknown key; did you mean ports?"),
            (
                "colour: blue",
                "colour: unknown key; known here: app, cluster, namespace, ports, image, containers, workload, replicas, template, upstream, protocol, hosts, preview, ready, verify, postDeploy, artifact, probe, drain, retain, tolerate, repair, allowDirect, releaseOn, whenBusy"
            ),
            ("\"replic\\eas\": 3", #""replic\u{1B}as": unknown key; did you mean replicas?"#),
            ("namespace: ${BLOG_NAMESPACE}", "namespace: the environment variable BLOG_NAMESPACE is not set"),
            (
                "namespace: ${not a name}",
                "namespace: expected ${NAME} for an environment variable, or $${ for a plain ${"
            ),
            ("namespace: 'a${B'", "namespace: expected ${NAME} for an environment variable, or $${ for a plain ${"),
        ])
    func line(_ line: String, _ expected: String) throws {
        #expect(try appErrors(adding: line) == ["apps/blog.yaml:4: " + expected])
    }

    @Test(
        "an image with a tag or a digest, or no image at all",
        arguments: [
            ("blog:latest", #"an image without a tag or digest, because the version is the tag, found "blog:latest""#),
            (
                "registry.local:5000/blog:1",
                #"an image without a tag or digest, because the version is the tag, found "registry.local:5000/blog:1""#
            ),
            (
                "blog@sha256:" + String(repeating: "a", count: 64),
                #"an image without a tag or digest, because the version is the tag, found "blog@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"... (76 characters)"#
            ),
            ("Blog", #"an image name such as registry.local:5000/blog, in lower case, found "Blog""#),
            ("", #"an image name such as registry.local:5000/blog, in lower case, found """#),
            (
                "registry.local:5000/",
                #"an image name such as registry.local:5000/blog, in lower case, found "registry.local:5000/""#
            ),
            (
                "registry.local:99999/blog",
                #"an image whose registry is a host with an optional port, found "registry.local:99999/blog""#
            ),
            ("../blog", #"an image whose registry is a host with an optional port, found "../blog""#),
            ("blog; rm -rf", #"an image name such as registry.local:5000/blog, in lower case, found "blog; rm -rf""#),
        ])
    func image(_ image: String, _ expected: String) throws {
        let text = "app: blog\nports: {container: 9000, blue: 30000, green: 30001}\nimage: '\(image)'"
        #expect(try appErrors(text) == ["apps/blog.yaml:3: image: expected \(expected)"])
    }

    @Test("a preview host that is also a live one would show the wrong colour")
    func preview() throws {
        #expect(
            try appErrors(adding: "preview: a.com\nhosts: [a.com]") == [
                "apps/blog.yaml:4: preview: expected a name that is not in hosts, found a.com"
            ])
    }

    @Test(
        "the template has to be a pod template",
        arguments: [
            ("", "apps/pod.yaml: the file is empty"),
            ("- a", "apps/pod.yaml: expected a pod template: a Pod, a PodTemplate, or metadata and spec"),
            ("metadata: {}", "apps/pod.yaml: spec.containers: missing; expected a list of at least one container"),
            (
                "spec: {containers: []}",
                "apps/pod.yaml: spec.containers: missing; expected a list of at least one container"
            ),
            (
                "kind: PodTemplate\nspec: {containers: [{}]}",
                "apps/pod.yaml: template.spec.containers: missing; expected a list of at least one container"
            ),
            (
                "a: b\nkind: Deployment",
                #"apps/pod.yaml:2: kind: expected a Pod, a PodTemplate, or metadata and spec, found a "Deployment""#
            ),
            ("a: [", "apps/pod.yaml:2: not YAML: did not find expected node content while parsing a flow node"),
        ])
    func template(_ text: String, _ expected: String) throws {
        let fixture = try Fixture([
            "apps/blog.yaml": Fixture.blog + "template: pod.yaml", "apps/pod.yaml": text,
        ])
        #expect(try fixture.errors() == [expected])
    }

    @Test(
        "a template may be a Pod, a PodTemplate, or metadata and spec",
        arguments: [
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}",
            "apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: {containers: [{name: a}]}}",
            "spec: {containers: [{name: a}]}",
        ])
    func goodTemplate(_ text: String) throws {
        let fixture = try Fixture([
            "apps/blog.yaml": Fixture.blog + "template: ../templates/pod.yaml", "templates/pod.yaml": text,
        ])
        let template = try fixture.load().app("blog").template
        #expect(template == .init(path: fixture.path("apps/../templates/pod.yaml"), text: text))
    }
}
