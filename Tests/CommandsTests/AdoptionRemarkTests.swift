import Controller
import Fleet
import Foundation
import Nginx
import ReleaseMachine
import Testing
import ViridianConfiguration
import Workloads

@testable import Commands

/// What is said about a running app that is adopted, and why one cannot be.
@Suite struct AdoptionRemarkTests {
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
}
