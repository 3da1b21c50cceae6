import Foundation
import ReleaseMachine
import Testing

@testable import ViridianConfiguration

@Suite("Configuration files")
struct ContractTests {
    /// The example of the contract, to the letter but for the elided URL and secrets.
    static let main = #"""
        journal: viridian.sqlite
        kubernetes: {kubeconfig: ~/.kube/config, context: production}   # both optional
        nodes:
          inventory: ec2                    # ec2 | kubernetes | static
          ec2: {region: us-east-1, tags: {role: kubernetes-node}, address: private, endpoint: http://127.0.0.1:5000}
          kubernetes: {selector: role=web, address: InternalIP}
          static: [10.122.43.70, 10.122.41.136]
          transport: ssh                    # ssh | local (nginx on this machine)
          ssh: {user: deploy, port: 22, identityFile: key, config: ssh_config, parallel: 20, connectTimeout: 10s}
          sudo: true
          backends: /etc/nginx/backends.d
          test: nginx -t
          reload: service nginx reload
        server: {listen: 127.0.0.1:8080, url: https://deploy.domain.com, tls: {certificate: c.pem, key: k.pem}}
        apps: apps/*.yaml
        slack:
          token: "${SLACK_TOKEN}"
          signingSecret: "${SLACK_SIGNING_SECRET}"   # requests come to /slack/…
          appToken: "${SLACK_APP_TOKEN}"             # or Socket Mode: Viridian connects to Slack, nothing has to reach it
          channel: "#deploys"
          command: /deploy
          api: https://slack.com/api                 # for tests
          users: [{slack: U024BE7LH, name: mike, role: deployer, apps: [blog]}, {email: ann@domain.com, name: ann, role: admin}]
        registries: [{host: "registry.local:5000", plainHTTP: true, username: u, password: p, poll: 1m}]
        hooks:                              # incoming; one without a secret is off
          registry: {secret: "r"}           # the Authorization header that the registry sends
          harbor: {secret: "b"}
          gitlab: {secret: "l", signingToken: "whsec_a2V5"}
          github: {secret: "h"}
          gitea: {secret: "t"}
          quay: {secret: "q"}               # in the query: ?secret=…
        report:                             # back to where the change came from
          github: {token: "${GITHUB_TOKEN}", api: https://api.github.com}
          gitlab: {token: "${GITLAB_TOKEN}", api: https://gitlab.domain.com/api/v4}
        freeze:
          - {name: weekend, from: "Fri 16:00", to: "Mon 08:00", timeZone: Europe/Berlin, reason: nobody is there, apps: [blog]}
          - {name: holidays, from: "2026-12-23T00:00", to: "2027-01-02T00:00", timeZone: Europe/Berlin}
        notify:                             # outgoing
          - {name: ops, url: https://hooks.domain.com/deploys, secret: "whsec_a2V5", format: standard-webhooks, on: [paused, live, failed], apps: [blog]}
          - {name: chat, url: https://chat.domain.com/hooks/x, format: slack-webhook}    # what Mattermost, Rocket.Chat and Discord (/slack) take
        """#

    static let blog = #"""
        app: blog
        namespace: blog                     # default: the app's name
        ports: {container: 9000, blue: 30000, green: 30001}
        image: registry.local:5000/blog     # the version is the tag, unless a release names a whole image
        workload: ReplicationController     # or Deployment
        replicas: 1                         # used only when no colour is live
        template: blog-pod.yaml             # a pod template; without it the live colour's template is mirrored
        upstream: blogLB                    # default: <app>LB
        protocol: fastcgi                   # http (default) | fastcgi
        hosts: [blog.domain.com]
        preview: preview.blog.domain.com    # where the candidate can be tried before it is live
        ready: {timeout: 10m, stable: 0s}   # every pod Ready, for this long without a restart
        verify: {required: false, timeout: 1h, then: abort, approvals: 1, by: anyone}   # pause before the switch; then: abort | promote
        releaseOn: {tags: ["v*"], branches: [dev], environments: [production]}   # which hook events start a release
        whenBusy: refuse                    # a version that arrives while a release runs: refuse | queue | supersede
        postDeploy: {command: /sbin/deploy-blog, timeout: 5m}    # on every node; sees VIRIDIAN_APP, …
        artifact: {from: "s3://domain-deploy/blog/{version}.tgz", to: /srv/blog, keep: 5}   # releases/<version>
        drain: {least: 30s, most: 5m}       # after the last node has switched
        retain: 0s                          # how long the old colour's pods stay for an instant rollback
        tolerate: 0                         # unreachable nodes to go on without
        repair: manual                      # or auto
        allowDirect: [sites-enabled/debug]  # files of nginx that may name a colour's port themselves
        """#

    static let pod = """
        metadata: {labels: {tier: web}}
        spec: {containers: [{name: blog, image: blog, ports: [{containerPort: 9000}]}]}

        """

    private func contract() throws -> (Fixture, Configuration) {
        let fixture = try Fixture([
            "viridian.yaml": Self.main, "apps/blog.yaml": Self.blog, "apps/blog-pod.yaml": Self.pod,
        ])
        let environment = [
            "HOME": "/home/mike", "SLACK_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "8f74",
            "SLACK_APP_TOKEN": "xapp-1", "GITHUB_TOKEN": "ghp_1",
            "GITLAB_TOKEN": "glpat-1",
        ]
        return (fixture, try fixture.load(environment))
    }

    @Test("the example of the contract is read, every key of viridian.yaml")
    func main() throws {
        let (fixture, configuration) = try contract()
        #expect(configuration.file == fixture.path("viridian.yaml"))
        #expect(configuration.journal == fixture.path("viridian.sqlite"))
        #expect(
            configuration.kubernetes
                == KubernetesConfiguration(kubeconfig: "/home/mike/.kube/config", context: "production"))
        let expected = NodesConfiguration(
            inventory: .ec2(
                .init(
                    region: "us-east-1", tags: ["role": "kubernetes-node"], address: .private,
                    endpoint: try #require(URL(string: "http://127.0.0.1:5000")))),
            transport: .ssh(
                .init(
                    user: "deploy", port: 22, identityFile: fixture.path("key"), config: fixture.path("ssh_config"),
                    parallel: 20, connectTimeout: .seconds(10))),
            sudo: true, backends: "/etc/nginx/backends.d", test: "nginx -t", reload: "service nginx reload", pid: nil,
            timeout: .seconds(30))
        #expect(configuration.nodes == expected)
        #expect(configuration.server.listen == ListenAddress(host: "127.0.0.1", port: 8080))
        #expect(configuration.server.url?.absoluteString == "https://deploy.domain.com")
        #expect(configuration.server.tls == .init(certificate: fixture.path("c.pem"), key: fixture.path("k.pem")))
        #expect(configuration.slack?.token.value == "xoxb-1")
        #expect(configuration.slack?.signingSecret?.value == "8f74")
        #expect(configuration.slack?.appToken?.value == "xapp-1")
        #expect(configuration.slack?.command == "/deploy")
        #expect(
            configuration.slack?.users == [
                .init(.id("U024BE7LH"), name: "mike", role: .deployer, apps: ["blog"]),
                .init(.email("ann@domain.com"), name: "ann", role: .admin),
            ])
        #expect(configuration.slack?.channel == "#deploys")
        #expect(configuration.slack?.api.absoluteString == "https://slack.com/api")
        #expect(
            configuration.hooks
                == HooksConfiguration(
                    registry: Secret("r"), harbor: Secret("b"),
                    gitlab: GitLabHook(secret: Secret("l"), signingToken: Secret("whsec_a2V5")), github: Secret("h"),
                    gitea: Secret("t"), quay: Secret("q")))
        let urls = ["https://hooks.domain.com/deploys", "https://chat.domain.com/hooks/x"].compactMap(URL.init(string:))
        try #require(urls.count == 2)
        #expect(
            configuration.notify == [
                NotifyConfiguration(
                    name: "ops", url: urls[0], secrets: [Secret("whsec_a2V5")], on: [.paused, .live, .failed],
                    apps: ["blog"]),
                NotifyConfiguration(name: "chat", url: urls[1], format: .slackWebhook),
            ])
    }

    @Test("the example of the contract is read: registries, reports and freeze windows")
    func delivery() throws {
        let configuration = try contract().1
        #expect(
            configuration.registries == [
                RegistryConfiguration(
                    host: "registry.local:5000", plainHTTP: true, username: "u", password: Secret("p"),
                    poll: .seconds(60))
            ])
        let github = ReportConfiguration.Destination(
            token: Secret("ghp_1"), api: try #require(URL(string: "https://api.github.com")))
        let gitlab = ReportConfiguration.Destination(
            token: Secret("glpat-1"), api: try #require(URL(string: "https://gitlab.domain.com/api/v4")),
            environment: "production")
        #expect(configuration.report == ReportConfiguration(github: github, gitlab: gitlab))
        let berlin = try IANATimeZone("Europe/Berlin")
        let friday = try #require(WeeklyTime("Fri 16:00")), monday = try #require(WeeklyTime("Mon 08:00"))
        let first = try #require(CalendarTime("2026-12-23T00:00")),
            last = try #require(CalendarTime("2027-01-02T00:00"))
        #expect(
            configuration.freeze == [
                FreezeWindow(
                    name: "weekend", period: .weekly(from: friday, to: monday), timeZone: berlin,
                    reason: "nobody is there", apps: ["blog"]),
                FreezeWindow(name: "holidays", period: .once(from: first, to: last), timeZone: berlin),
            ])
        #expect(configuration.freeze.map(\.from) == ["Fri 16:00", "2026-12-23T00:00"])
        #expect(configuration.freeze.map(\.to) == ["Mon 08:00", "2027-01-02T00:00"])
    }

    @Test("the example of the contract is read, every key of an app; its template is not read as an app")
    func app() throws {
        let (fixture, configuration) = try contract()
        let expected = try AppConfiguration(
            app: "blog", namespace: "blog", ports: .init(container: 9000, blue: 30000, green: 30001),
            image: "registry.local:5000/blog", workload: .replicationController, replicas: 1,
            template: .init(path: fixture.path("apps/blog-pod.yaml"), text: Self.pod), upstream: "blogLB",
            protocol: .fastcgi, hosts: ["blog.domain.com"], preview: "preview.blog.domain.com",
            ready: .init(timeout: .seconds(600), stable: .zero),
            verify: .init(required: false, timeout: .seconds(3600), then: .abort),
            postDeploy: .init(command: "/sbin/deploy-blog", timeout: .seconds(300)),
            artifact: .init(from: "s3://domain-deploy/blog/{version}.tgz", to: "/srv/blog", keep: 5),
            drain: .init(least: .seconds(30), most: .seconds(300)), retain: .zero, tolerate: 0, repair: .manual,
            allowDirect: ["sites-enabled/debug"],
            releaseOn: ReleaseTriggers(tags: ["v*"], branches: ["dev"], environments: ["production"]),
            whenBusy: .refuse)
        #expect(configuration.apps == [expected])
    }

    @Test("only app, ports and image are required, and the rest has the contract's defaults")
    func defaults() throws {
        let app = try #require(try Fixture().load().apps.first)
        #expect(
            try app
                == AppConfiguration(
                    app: "blog", namespace: "blog", ports: .init(container: 9000, blue: 30000, green: 30001),
                    image: "registry.local:5000/blog", workload: .replicationController, replicas: 1, template: nil,
                    upstream: "blogLB", protocol: .http, hosts: [], preview: nil,
                    ready: .init(timeout: .seconds(600), stable: .zero),
                    verify: .init(required: false, timeout: .seconds(3600), then: .abort), postDeploy: nil,
                    artifact: nil, drain: .init(least: .seconds(30), most: .seconds(300)), retain: .zero, tolerate: 0,
                    repair: .manual, releaseOn: nil, whenBusy: .refuse))
        let given = try appErrors(adding: "postDeploy: {command: x}\nartifact: {from: a, to: /b}")
        #expect(given == [])
    }

    @Test("viridian.yaml needs only the nodes")
    func mainDefaults() throws {
        let fixture = try Fixture()
        let configuration = try fixture.load()
        #expect(configuration.journal == fixture.path("viridian.sqlite"))
        #expect(configuration.kubernetes == KubernetesConfiguration(kubeconfig: nil, context: nil))
        #expect(
            configuration.nodes
                == NodesConfiguration(
                    inventory: .fixed(["10.122.43.70", "10.122.41.136"]),
                    transport: .ssh(
                        .init(
                            user: nil, port: nil, identityFile: nil, config: nil, parallel: 20,
                            connectTimeout: .seconds(10))),
                    sudo: true, backends: "/etc/nginx/backends.d", test: "nginx -t", reload: "service nginx reload",
                    pid: nil, timeout: .seconds(30)))
        #expect(configuration.server == ServerConfiguration(listen: .init(host: "127.0.0.1", port: 8080)))
        #expect(configuration.slack == nil)
        #expect(configuration.hooks == HooksConfiguration())
        #expect(configuration.notify.isEmpty)
        #expect(configuration.registries.isEmpty)
        #expect(configuration.report == ReportConfiguration())
        #expect(configuration.freeze.isEmpty)
    }

    @Test("the names of an app's colours")
    func derivedNames() throws {
        let app = try Fixture().load().app("blog")
        let version = try Version("20151025.143403")
        #expect(app.serviceName(.blue) == "blog-blue")
        #expect(app.serviceName(.green) == "blog-green")
        #expect(app.workloadName(.green) == "blog-green")
        #expect(app.selector(.blue) == ["name": "blog-blue"])
        #expect(app.port(of: .blue) == 30000)
        #expect(app.port(of: .green) == 30001)
        #expect(app.image(for: version).description == "registry.local:5000/blog:20151025.143403")
        let artifact = AppConfiguration.Artifact(from: "s3://domain-deploy/{app}/{version}.tgz", to: "/srv/blog")
        #expect(
            artifact.source(app: app.name, version: version) == "s3://domain-deploy/blog/20151025.143403.tgz")
    }

    @Test("an unknown app: the error names the known ones, and the nearest")
    func unknownApp() throws {
        let www = Fixture.blog.replacing("blog", with: "www").replacing("3000", with: "3001")
        let configuration = try Fixture(["apps/www.yaml": www]).load()
        func error(_ name: String) -> String? {
            do { return try configuration.app(name).name.text } catch { return error.description }
        }
        #expect(error("blgo") == #"no app "blgo"; did you mean blog? known apps: blog, www"#)
        #expect(error("shop") == #"no app "shop"; known apps: blog, www"#)
        #expect(error("../www\u{1B}") == #"no app "../www\u{1B}"; known apps: blog, www"#)
        let none = try Fixture(without: ["apps/blog.yaml"]).load()
        #expect(throws: UnknownApp(name: "blog", known: [])) { try none.app("blog") }
        #expect(
            UnknownApp(name: "blog", known: []).description
                == #"no app "blog"; no app is configured yet: `viridian app add NAME` adds one"#)
    }

    @Test("text stays as it is written, even where YAML has another type")
    func textStays() throws {
        let fixture = try Fixture([
            "apps/blog.yaml": """
            app: no
            namespace: "true"
            ports: {container: 9000, blue: 30000, green: 30001}
            image: 1.10
            upstream: 1.10
            """
        ])
        let app = try #require(try fixture.load().apps.first)
        #expect(app.name.text == "no")
        #expect(app.namespace == "true")
        #expect(app.image.description == "1.10")
        #expect(app.upstream == "1.10")
    }

    @Test(
        "verify: approvals and by: whose releases need them pause, whatever `required` says",
        arguments: [
            ("{}", AppConfiguration.Verify(), false), ("{by: anyone, approvals: 1}", .init(), false),
            ("{approvals: 2}", .init(approvals: 2), true), ("{by: others}", .init(by: .others), true),
            ("{required: false, approvals: 3, by: others}", .init(approvals: 3, by: .others), true),
            ("{required: true, then: promote}", .init(required: true, then: .promote), false),
        ])
    func approvals(_ text: String, _ expected: AppConfiguration.Verify, _ asksOthers: Bool) throws {
        let fixture = try Fixture([
            "viridian.yaml": "nodes: {inventory: kubernetes}", "apps/blog.yaml": Fixture.blog + "verify: \(text)\n",
        ])
        let verify = try fixture.load().app("blog").verify
        #expect(verify == expected)
        #expect(verify.asksOthers == asksOthers)
        #expect(verify.pauses == (asksOthers || verify.required))
    }

    @Test("durations, booleans and lists in all their forms")
    func values() throws {
        let fixture = try Fixture([
            "viridian.yaml": """
            nodes:
              inventory: kubernetes
              sudo: off
              timeout: 500ms
            """,
            "apps/blog.yaml": Fixture.blog + """
                ready: {timeout: 90s, stable: 0m}
                verify: {required: yes, then: promote}
                drain: {least: 10m}
                retain: 2h
                hosts: [Blog.Domain.com, "*.blog.domain.com"]
                containers: [blog, migrate]
                protocol: "http"
                postDeploy:
                  command: |
                    cd /srv
                    deploy "$VIRIDIAN_VERSION"
                """,
        ])
        let configuration = try fixture.load()
        #expect(configuration.nodes.inventory == .kubernetes(.init(selector: "", address: .internalIP)))
        #expect(configuration.nodes.sudo == false)
        #expect(configuration.nodes.timeout == .milliseconds(500))
        let app = try configuration.app("blog")
        #expect(app.ready == .init(timeout: .seconds(90), stable: .zero))
        #expect(app.verify == .init(required: true, timeout: .seconds(3600), then: .promote))
        #expect(app.drain == .init(least: .seconds(600), most: .seconds(600)))
        #expect(app.retain == .seconds(7200))
        #expect(app.hosts == ["blog.domain.com", "*.blog.domain.com"])
        #expect(app.containers == ["blog", "migrate"])
        #expect(app.postDeploy?.command == "cd /srv\ndeploy \"$VIRIDIAN_VERSION\"")
    }
}
