import Controller
import Fleet
import Foundation
import Nginx
import ReleaseMachine
import Testing
import ViridianConfiguration
import Workloads

@testable import Commands

/// From what was read of a running app to its configuration.
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
