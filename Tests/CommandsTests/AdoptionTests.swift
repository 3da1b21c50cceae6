import Controller
import Fleet
import Foundation
import Nginx
import ReleaseMachine
import Testing
import ViridianConfiguration
import Workloads

@testable import Commands

/// An installation by hand, as the article has it, after its tool has brought v2 live on green.
private struct Installed {
    var running = RunningApp(
        namespace: "blog",
        services: [Installed.service("blog-blue", 30000), Installed.service("blog-green", 30001)],
        workloads: [Installed.workload("blog-green", image: "registry.local:5000/blog:v2")]
    )
    var nodes = ["10.0.0.1", "10.0.0.2"].map { Installed.node($0) }
    var upstream: String?
    var image: String?
    var otherApps: [String] = []

    static func service(_ name: String, _ port: Int, namespace: String = "blog") -> RunningApp.Service {
        .init(
            namespace: namespace, name: name, type: "NodePort", ports: [.init(target: 9000, nodePort: port)],
            selector: ["name": name])
    }

    static func workload(
        _ name: String, kind: String = "ReplicationController", image: String, replicas: Int = 3,
        hasProbe: Bool = true
    ) -> RunningApp.Workload {
        .init(
            kind: kind, name: name, labels: ["name": name], replicas: replicas, ready: replicas,
            containers: [
                .init(name: "blog", image: image, ports: [("", 9000)], hasReadinessProbe: hasProbe)
            ])
    }

    static let main = "http {\n    include /etc/nginx/sites-enabled/*;\n}\n"

    static let host = """
        include /etc/nginx/backends.d/blog.conf;
        server {
        listen 80;
        server_name blog.domain.com;
        root /srv/blog/current/public;
        location ~ \\.php$ {
        fastcgi_pass blogLB;
        }
        }
        """

    static func file(live: String = "green", more: String = "") -> String {
        """
        upstream blogLB {
        \(more)server 127.0.0.1:30000\(live == "green" ? " down" : "");
        server 127.0.0.1:30001\(live == "blue" ? " down" : "");
        }
        """
    }

    static func node(
        _ address: String, file: String = Installed.file(), host: String = Installed.host,
        path: String = "/etc/nginx/backends.d/blog.conf", more: [(String, String)] = [], program: String? = nil
    ) -> NodeInspection {
        func lines(_ path: String, _ text: String) -> LoadedConfiguration.File {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return .init(path: path, lines: lines.enumerated().map { ($0.offset + 1, $0.element) })
        }
        let files =
            [("/etc/nginx/nginx.conf", main), ("/etc/nginx/sites-enabled/blog", host), (path, file)] + more
        return NodeInspection(
            node: Node(address),
            path: "/etc/nginx/backends.d/blog.conf",
            configuration: LoadedConfiguration(files: files.map { lines($0.0, $0.1) }),
            deployProgram: program,
            deploySource: program == nil ? nil : "s3://domain-deploy/blog/blog.tgz",
            staticFiles: program == nil ? [] : [.init(path: "/srv/blog", releases: 5, current: "releases/1")]
        )
    }

    func facts() throws -> AdoptionFacts {
        AdoptionFacts(
            app: try AppName("blog"), running: running, nodes: nodes,
            settings: NodesConfiguration(inventory: .fixed(nodes.map(\.node.address))), otherApps: otherApps,
            upstream: upstream, image: image)
    }

    func adoption() throws -> Adoption { try Adoption(try facts()) }

    /// Why it cannot be adopted.
    func refusal() throws -> String {
        do {
            let adoption = try adoption()
            return "adopted: \(adoption.text)"
        } catch let refusal as Refusal {
            return refusal.description
        }
    }
}

extension [AdoptionRemark] {
    fileprivate func has(_ words: String...) -> Bool {
        contains { remark in words.allSatisfy { remark.text.contains($0) } }
    }
}

/// From what was read of a running app to its configuration, and to what is said about it.
@Suite struct AdoptionTests {
    @Test("the article's installation becomes its file, each value with the place where it was found")
    func article() throws {
        var installed = Installed()
        installed.nodes = ["10.0.0.1", "10.0.0.2"].map { Installed.node($0, program: "/sbin/deploy-blog") }
        let adoption = try installed.adoption()
        let expected = """
            # blog as it was running when `viridian adopt blog` read it; the comments say where each value was found. Viridian reads this file,
            # and releases blog by it. There is no `template`: the live colour's pod template is mirrored, as it is then.
            app: blog
            ports: {container: 9000, blue: 30000, green: 30001}   # of services blog-blue and blog-green
            image: registry.local:5000/blog   # of container blog of ReplicationController blog-green; the version is its tag, v2
            workload: ReplicationController   # blog-green
            replicas: 3   # of blog-green; used only while no colour is live
            upstream: blogLB   # in /etc/nginx/backends.d/blog.conf
            protocol: fastcgi   # fastcgi_pass in /etc/nginx/sites-enabled/blog, line 7
            hosts: [blog.domain.com]   # server_name in /etc/nginx/sites-enabled/blog, line 2
            postDeploy: {command: "/sbin/deploy-blog"}   # runs on every node before the switch, as it did
            # Static files are in /srv/blog: 5 releases, `current` is one of them (/sbin/deploy-blog fetches s3://domain-deploy/blog/blog.tgz).
            # Viridian can bring them itself, a release's own ones, also on the way back. Then, instead of postDeploy:
            # artifact: {from: "s3://domain-deploy/blog/{version}.tgz", to: /srv/blog, keep: 5}

            """
        #expect(adoption.text == expected)
        #expect(adoption.live == .green)
        #expect(adoption.unknowns.isEmpty, "\(adoption.unknowns)")
        #expect(adoption.obstacles.isEmpty, "\(adoption.obstacles)")
        #expect(adoption.differences.has("the word `down`", "/etc/nginx/backends.d/blog.conf"))
        #expect(adoption.differences.has("max_fails=0", "502 for 10 s"))
        #expect(
            adoption.differences.has(
                "/sbin/deploy-blog fetches s3://domain-deploy/blog/blog.tgz whatever the version is"))
        #expect(!adoption.differences.has("last digit"))
    }

    @Test("services, not the last digit of a port, say which colour is blue")
    func reversed() throws {
        var installed = Installed()
        installed.running.services = [Installed.service("blog-blue", 30001), Installed.service("blog-green", 30000)]
        installed.nodes = [Installed.node("10.0.0.1", file: Installed.file(live: "blue"))]
        let adoption = try installed.adoption()
        #expect(adoption.app.ports == .init(container: 9000, blue: 30001, green: 30000))
        // 30000 is up.
        #expect(adoption.live == .green)
        #expect(adoption.differences.has("blue is 30001 and green is 30000"))
    }

    @Test("Deployments and HTTP are found too, in the namespace that has the services")
    func deployment() throws {
        var installed = Installed()
        installed.running = RunningApp(
            namespace: "web",
            services: [
                Installed.service("blog-blue", 30000, namespace: "web"),
                Installed.service("blog-green", 30001, namespace: "web"),
            ],
            workloads: [
                Installed.workload("blog-green", kind: "Deployment", image: "registry.local:5000/blog:v2"),
                Installed.workload("blog-blue", kind: "Deployment", image: "registry.local:5000/blog:v1", replicas: 0),
            ],
            autoscalers: [.init(name: "blog", target: "Deployment blog-green")]
        )
        installed.nodes = [
            Installed.node(
                "10.0.0.1",
                host:
                    "server { server_name WWW.domain.com *.domain.com _ ~^x; location / { proxy_pass http://blogLB; } }\ninclude /etc/nginx/backends.d/blog.conf;"
            )
        ]
        let adoption = try installed.adoption()
        #expect(adoption.app.workload == .deployment && adoption.app.namespace == "web")
        #expect(adoption.app.protocol == .http && adoption.app.hosts == ["www.domain.com", "*.domain.com"])
        #expect(adoption.text.contains("namespace: web   # where blog-blue and blog-green are\n"))
        #expect(adoption.unknowns.has("server_name ~^x", "left out"))
        #expect(adoption.differences.has("Deployment blog-blue is still there"))
        #expect(adoption.differences.has("HorizontalPodAutoscaler blog of Deployment blog-green is copied"))
    }

    @Test("what an upstream has beyond two colours is named: directives, servers, upstreams beside it")
    func upstreams() throws {
        var installed = Installed()
        let file =
            Installed.file(more: "ip_hash;\nkeepalive 16;\nserver 10.0.0.9:80 backup;\n")
            + "\nupstream blogTest { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }"
        installed.nodes = [Installed.node("10.0.0.1", file: file)]
        let unknowns = try installed.adoption().unknowns
        #expect(unknowns.count == 3, "\(unknowns)")
        #expect(unknowns.has("`ip_hash`", "/etc/nginx/backends.d/blog.conf, line 2"))
        #expect(unknowns.has("server 10.0.0.9:80", "goes on getting requests"))
        #expect(unknowns.has("upstream blogTest", "now routes to another colour", "call it blogLB-preview"))
    }

    @Test("a port that a site names itself goes into allowDirect, and is said not to follow a switch")
    func mentions() throws {
        var installed = Installed()
        installed.nodes = [
            Installed.node(
                "10.0.0.1",
                more: [
                    (
                        "/etc/nginx/sites-enabled/debug",
                        "server { server_name blue.domain.com;\nlocation / { proxy_pass http://127.0.0.1:30000; } }"
                    )
                ])
        ]
        let adoption = try installed.adoption()
        #expect(adoption.app.allowDirect == ["/etc/nginx/sites-enabled/debug"])
        #expect(adoption.unknowns.has("proxy_pass http://127.0.0.1:30000", "/etc/nginx/sites-enabled/debug, line 2"))
        #expect(
            adoption.text.contains(
                "allowDirect: [\"/etc/nginx/sites-enabled/debug\"]   # proxy_pass http://127.0.0.1:30000 on line 2 does not follow a switch\n"
            ),
            "\(adoption.text)")
    }

    @Test(
        "nodes that disagree, route to both colours, or lack the upstream are to be put right first; the file is the same"
    )
    func disagreeing() throws {
        var installed = Installed()
        installed.nodes = [
            Installed.node("10.0.0.1"), Installed.node("10.0.0.2", file: Installed.file(live: "blue")),
            Installed.node("10.0.0.3", file: Installed.file(live: "both")),
            Installed.node("10.0.0.4", file: ""),
        ]
        let adoption = try installed.adoption()
        #expect(adoption.live == nil)
        #expect(adoption.obstacles.has("the nodes disagree: 10.0.0.1 routes to green, 10.0.0.2 routes to blue"))
        #expect(adoption.obstacles.has("node 10.0.0.3 sends requests to both colours"))
        #expect(adoption.obstacles.has("node 10.0.0.4 has no upstream blogLB"))
        #expect(adoption.text == (try Installed().adoption().text))
    }

    @Test("an upstream elsewhere needs nodes.backends, or another place")
    func elsewhere() throws {
        var installed = Installed()
        let host = Installed.host.replacing("backends.d", with: "conf.d")
        installed.otherApps = ["www"]
        installed.nodes = [Installed.node("10.0.0.1", host: host, path: "/etc/nginx/conf.d/blog.conf")]
        #expect(
            try installed.adoption().obstacles.has(
                "is in /etc/nginx/conf.d/blog.conf",
                "set nodes.backends to /etc/nginx/conf.d in viridian.yaml (www would be"))
        let other = Installed.host.replacing("blog.conf", with: "upstreams.conf")
        installed.nodes = [Installed.node("10.0.0.1", host: other, path: "/etc/nginx/backends.d/upstreams.conf")]
        #expect(
            try installed.adoption().obstacles.has("move the upstream to /etc/nginx/backends.d/blog.conf"))
    }

    @Test("a container among several is the one that listens on the service's port; otherwise the image has to be said")
    func containers() throws {
        var installed = Installed()
        installed.running.workloads[0].containers = [
            .init(name: "statsd", image: "prom/statsd-exporter:1"),
            .init(name: "php", image: "registry.local:5000/blog:v2", ports: [("fpm", 9000)]),
            .init(name: "migrate", image: "registry.local:5000/blog:v2", isInit: true),
        ]
        #expect(try installed.adoption().app.image.name == "registry.local:5000/blog")
        installed.running.workloads[0].containers[1].ports = []
        let refusal = try installed.refusal()
        #expect(refusal.contains("several containers, and none alone listens on port 9000"), "\(refusal)")
        #expect(refusal.contains("container php: registry.local:5000/blog:v2"), "\(refusal)")
        #expect(refusal.contains("viridian adopt blog --image REPOSITORY"), "\(refusal)")
        installed.image = "registry.local:5000/blog"
        #expect(try installed.adoption().app.image.name == "registry.local:5000/blog")
    }

    @Test("a named target port is the container's; another NodePort, service or Ingress of a colour is named")
    func references() throws {
        var installed = Installed()
        installed.running.services = ["blue", "green"].enumerated().map { index, color in
            .init(
                namespace: "blog", name: "blog-\(color)", type: "NodePort",
                ports: [
                    .init(targetName: "metrics", nodePort: 30500 + index),
                    .init(targetName: "fpm", nodePort: 30000 + index),
                ], selector: ["name": "blog-\(color)"])
        }
        installed.running.services += [
            .init(namespace: "blog", name: "internal", type: "ClusterIP", ports: [], selector: ["name": "blog-green"])
        ]
        installed.running.workloads[0].containers[0].ports = [("metrics", 9100), ("fpm", 9001)]
        installed.running.ingresses = [.init(name: "public", target: "blog-green")]
        installed.running.workloads.append(
            .init(
                kind: "StatefulSet", name: "old", labels: ["name": "blog-blue"], replicas: 1, ready: 1, containers: []))
        installed.running.unread = ["daemonsets.apps in namespace blog"]
        let adoption = try installed.adoption()
        #expect(adoption.app.ports == .init(container: 9001, blue: 30000, green: 30001))
        let unknowns = adoption.unknowns
        #expect(unknowns.has("service blog-green has another NodePort, 30501"), "\(unknowns)")
        #expect(unknowns.has("service internal (ClusterIP) sends requests to the pods of green"), "\(unknowns)")
        #expect(unknowns.has("Ingress public sends requests to service blog-green"), "\(unknowns)")
        #expect(unknowns.has("StatefulSet old has pods that service blog-blue sends requests to"), "\(unknowns)")
        #expect(unknowns.has("may not list daemonsets.apps in namespace blog"), "\(unknowns)")
    }

    @Test("one service is enough where the upstream has the other port; pods without readiness probe are told")
    func oneService() throws {
        var installed = Installed()
        installed.running.services = [Installed.service("blog-green", 30001)]
        installed.running.workloads = [
            Installed.workload("blog-green", image: "registry.local:5000/blog:v2", hasProbe: false)
        ]
        let adoption = try installed.adoption()
        #expect(adoption.app.ports.blue == 30000)
        #expect(
            adoption.differences.has(
                "service blog-blue does not exist: the next release creates it with NodePort 30000"))
        #expect(adoption.obstacles.has("no readiness probe"))
    }

    @Test("what cannot be adopted is refused with what was found and what to do")
    func refusals() throws {
        var other = Installed()
        other.running.services = [Installed.service("blog-a", 30000), Installed.service("blog-b", 30001)]
        var said = try other.refusal()
        #expect(
            said.hasPrefix("namespace blog has no services blog-blue and blog-green, and these names are fixed"),
            "\(said)")
        #expect(
            said.contains("service blog/blog-a has NodePort 30000, which is in an upstream of the nodes"), "\(said)")

        var unpaired = Installed()
        unpaired.nodes = [Installed.node("10.0.0.1", file: "upstream blogLB { server 127.0.0.1:30001; }")]
        said = try unpaired.refusal()
        #expect(
            said.contains(
                "10.0.0.1: upstream blogLB in /etc/nginx/backends.d/blog.conf, line 1, has only 127.0.0.1:30001"),
            "\(said)")

        var set = Installed()
        set.running.workloads = [Installed.workload("blog-green", kind: "StatefulSet", image: "b:1")]
        said = try set.refusal()
        #expect(said.contains("service blog-green sends requests to the pods of StatefulSet blog-green"), "\(said)")

        var same = Installed()
        same.running.services = [30000, 30001].enumerated().map {
            var service = Installed.service($0.offset == 0 ? "blog-blue" : "blog-green", $0.element)
            service.selector = ["app": "blog"]
            return service
        }
        said = try same.refusal()
        #expect(said.contains("select the same pods (app=blog)"), "\(said)")

        var uwsgi = Installed()
        uwsgi.nodes = [Installed.node("10.0.0.1", host: Installed.host.replacing("fastcgi_pass", with: "uwsgi_pass"))]
        said = try uwsgi.refusal()
        #expect(said.contains("by uwsgi_pass (/etc/nginx/sites-enabled/blog, line 7)"), "\(said)")

        var two = Installed()
        two.nodes = [
            Installed.node(
                "10.0.0.1",
                file: Installed.file().replacing("blogLB", with: "a") + Installed.file().replacing("blogLB", with: "b"))
        ]
        said = try two.refusal()
        #expect(said.contains("several upstreams have") && said.contains("--upstream NAME"), "\(said)")
        two.upstream = "b"
        #expect(try two.adoption().app.upstream == "b")
    }

    @Test("text of others ends no comment of the file")
    func hostileText() throws {
        var installed = Installed()
        installed.nodes = [
            Installed.node(
                "10.0.0.1",
                more: [
                    (
                        "/etc/nginx/sites-enabled/x",
                        "server { location / { proxy_pass \"http://127.0.0.1:30000/\nevil: yes\"; } }"
                    )
                ])
        ]
        let text = try installed.adoption().text
        #expect(!text.contains("\nevil"), "\(text)")
    }
}
