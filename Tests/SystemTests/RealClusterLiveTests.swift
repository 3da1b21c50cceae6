import Foundation
import Kubernetes
import Nginx
import Processes
import Testing

extension RealClusterTests {
    /// Cases in which a release could report a version as live while visitors get another.
    @Suite struct LiveTests {
        // MARK: Pods

        @Test(
            "pods without an owner never count as the version's own",
            arguments: ["ReplicationController", "Deployment"])
        func strays(_ workload: String) async throws {
            try await withRealWorld(.init(workload: workload)) { world in
                _ = try await world.apply("kubernetes")
                try await world.release("v1")
                for name in ["stray-1", "stray-2"] {
                    try await world.kubectl("apply", "-f", "-", input: stray(name))
                }
                try await world.kubectl(
                    "wait", "--for=condition=Ready", "pod", "stray-1", "stray-2", "--timeout=60s")
                let report = try await world.underLoad {
                    let refused = try await world.deploy("v2")
                    #expect(refused.status == 2, "\(refused)")
                    for word in ["stray-1", "stray-2", "--remove-strays"] {
                        #expect(refused.output.contains(word), "\(refused)")
                    }
                    #expect(try await world.served().allSatisfy { $0 == "v1" })
                    let kind: Resource = workload == "Deployment" ? .deployments : .replicationControllers
                    #expect(try await world.workloads(kind) == ["blog-blue"])
                    let said = try await world.deploy("v2", "--remove-strays")
                    #expect(said.status == 0, "\(said)")
                }
                #expect(report.errors == 0, "\(report.reports)")
                try await world.expectLive("v2", on: "green")
            }
        }

        private func stray(_ name: String) -> String {
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: \(name), labels: {name: blog-green}}
            spec:
              terminationGracePeriodSeconds: 0
              containers: [{name: blog, image: "\(RealCluster.image):v1", imagePullPolicy: IfNotPresent}]
            """
        }

        @Test("every container of the app in the pod gets the new image")
        func everyContainer() async throws {
            try await withRealWorld(.init(hasTemplate: true)) { world in
                _ = try await world.apply("kubernetes")
                try world.write(
                    """
                    spec:
                      terminationGracePeriodSeconds: 0
                      initContainers:
                        - {name: migrate, image: "\(RealCluster.image):v1", imagePullPolicy: IfNotPresent, command: [sh, -c, "cat /www/index.html"]}
                      containers:
                        - name: blog
                          image: \(RealCluster.image)
                          imagePullPolicy: IfNotPresent
                          ports: [{containerPort: 9000}]
                          readinessProbe: {httpGet: {path: /, port: 9000}, periodSeconds: 1}
                        - {name: worker, image: "\(RealCluster.image):v1", imagePullPolicy: IfNotPresent, command: [sleep, "100000"]}

                    """,
                    to: "blog-pod.yaml"
                )
                try await world.release("v1")
                let said = try await world.release("v2")
                for container in ["migrate", "worker"] { #expect(said.output.contains(container), "\(said)") }
                let images = try await world.kubectl(
                    "get", "pods", "-l", "name=blog-green", "-o",
                    "jsonpath={..spec.containers[*].image} {..spec.initContainers[*].image}")
                #expect(!images.isEmpty)
                for image in images.split(separator: " ") { #expect(image == "\(RealCluster.image):v2") }
                #expect(try await world.kubectl("logs", "-l", "name=blog-green", "-c", "migrate").contains("v2"))
            }
        }

        // MARK: nginx

        @Test("every upstream with exactly the two ports follows the switch, and a direct reference to a port stops it")
        func otherWays() async throws {
            try await withRealWorld(.init(), usesRealNodes: true) { world in
                let nodes = RealNodes(numbers: Array(1...max(1, RealCluster.nodes.count)))
                try #require(!RealCluster.nodes.isEmpty, "script/e2e brings nodes for this")
                _ = try await world.apply("kubernetes")
                try await world.release("v1")
                try await nodes.keeping(["backends.d/blog.conf", "sites-enabled/blog"]) {
                    for node in nodes.numbers {
                        let file = try nodes.text(node)
                        try nodes.write(
                            file + file.replacing("upstream blogLB {", with: "upstream blogLB_ws {\n  ip_hash;"),
                            to: "backends.d/blog.conf", of: node)
                        try nodes.write(
                            nodes.host(node, more: "location /ws { proxy_pass http://blogLB_ws/; }"),
                            to: "sites-enabled/blog", of: node)
                        try await nodes.reload(node)
                    }
                    let report = try await world.underLoad {
                        let said = try await world.release("v2")
                        #expect(said.output.contains("/ws"), "\(said)")
                        for site in world.sites.prefix(3) {
                            #expect(try await fetch(site + "/ws", host: world.host) == "v2")
                        }
                        // A second reference to the port, which a switch does not change.
                        let direct = "location /metrics { proxy_pass http://127.0.0.1:\(world.ports.green)/; }"
                        try nodes.write(nodes.host(2, more: direct), to: "sites-enabled/blog", of: 2)
                        try await nodes.reload(2)
                        let refused = try await world.deploy("v3")
                        #expect(refused.status == 2, "\(refused)")
                        #expect(refused.output.contains("/etc/nginx/sites-enabled/blog:6"), "\(refused)")
                        #expect(refused.output.contains("allowDirect"), "\(refused)")
                        let check = try await world.viridian("check")
                        #expect(check.output.contains("/etc/nginx/sites-enabled/blog:6"), "\(check)")
                        #expect(try await world.served().allSatisfy { $0 == "v2" })
                    }
                    #expect(report.errors == 0, "\(report.reports)")
                }
            }
        }

        @Test("an old colour that still gets new connections is kept, and the release reports their sources")
        func stillArriving() async throws {
            try await withRealWorld(.init(drain: "{least: 3s, most: 6s}", hasPreview: false), usesRealNodes: true) {
                world in
                try #require(!RealCluster.nodes.isEmpty, "script/e2e brings nodes for this")
                _ = try await world.apply("kubernetes")
                try await world.release("v1")
                let live = try await world.live()
                let client = Command(
                    "sh",
                    [
                        "-c",
                        "while curl -s --interface 127.0.9.9 --max-time 2 -o /dev/null http://127.0.0.1:\(live.port)/; do sleep 0.1; done",
                    ])
                let release = Task { try await client.run(deadline: .seconds(60)) }
                let said = try await world.deploy("v2")
                release.cancel()
                _ = try? await release.value
                #expect(said.status == 5, "\(said)")
                #expect(said.output.contains("127.0.9.9"), "\(said)")
                #expect(try await world.served().allSatisfy { $0 == "v2" })
                #expect(try await world.workloads() == ["blog-blue", "blog-green"])
            }
        }

        @Test("a candidate that nginx's user cannot reach gets no traffic")
        func firewall() async throws {
            try await withRealWorld(.init(), usesRealNodes: true) { world in
                try #require(!RealCluster.nodes.isEmpty, "script/e2e brings nodes for this")
                _ = try await world.apply("kubernetes")
                try await world.release("v1")
                let live = try await world.live()
                let candidate = world.ports.other(than: live.port)
                let report = try await world.underLoad {
                    let rule = [
                        "-p", "tcp", "--dport", "\(candidate)", "-m", "owner", "--uid-owner", "www-data",
                    ]
                    try await withRule(rule) {
                        let said = try await world.deploy("v2", deadline: .seconds(180))
                        #expect(said.status == 2, "\(said)")
                        #expect(said.output.contains("nginx's user (uid"), "\(said)")
                    }
                }
                #expect(report.errors == 0, "\(report.reports)")
                try await world.expectLive("v1", on: live.color)
            }
        }

        @Test("a candidate that only nginx cannot reach is detected at the first node, which goes back")
        func nginxAlone() async throws {
            try await withRealWorld(.init(), usesRealNodes: true) { world in
                try #require(!RealCluster.nodes.isEmpty, "script/e2e brings nodes for this")
                let nodes = RealNodes(numbers: Array(1...max(1, RealCluster.nodes.count)))
                _ = try await world.apply("kubernetes")
                try await world.release("v1")
                try await nodes.keeping(["sites-enabled/blog"]) {
                    for node in nodes.numbers {
                        try nodes.write(
                            nodes.host(node, more: "proxy_bind 127.0.9.8;"), to: "sites-enabled/blog", of: node)
                        try await nodes.reload(node)
                    }
                    let live = try await world.live()
                    let candidate = world.ports.other(than: live.port)
                    let others = Array(world.sites.dropFirst().prefix(3))
                    let report = try await world.underLoad(others) {
                        let rule = ["-p", "tcp", "--dport", "\(candidate)", "-s", "127.0.9.8"]
                        try await withRule(rule) {
                            let said = try await world.deploy("v2", deadline: .seconds(180))
                            #expect(said.status == 2, "\(said)")
                            #expect(said.output.contains("does not serve visitors"), "\(said)")
                            #expect(try await world.served().allSatisfy { $0 == "v1" })
                        }
                    }
                    #expect(report.errors == 0, "\(report.reports)")
                    try await world.expectLive("v1", on: live.color)
                    let text = try nodes.text(2)
                    #expect(text.contains("\(candidate) down"), "\(text)")
                }
            }
        }

        /// Drops matching packets before the NodePort is translated.
        private func withRule(_ rule: [String], _ body: () async throws -> Void) async throws {
            func iptables(_ action: String) async throws {
                let completed = try await Command(
                    "iptables", ["-w", "-t", "mangle", action, "OUTPUT"] + rule + ["-j", "DROP"]
                )
                .run(deadline: .seconds(20))
                try #require(completed.succeeded, "\(completed.error)")
            }
            try await iptables("-A")
            do {
                try await body()
            } catch {
                try? await iptables("-D")
                throw error
            }
            try await iptables("-D")
        }
    }
}

extension RealWorld {
    /// The live colour and its NodePort. The nodes were another world's before, and a first release uses the colour that they route to.
    fileprivate func live() async throws -> (color: String, port: Int) {
        let status = try await status()
        let color = try #require(status[at: "live.color"]?.string, "\(status.text)")
        return (color, color == "blue" ? ports.blue : ports.green)
    }
}

extension RealNodes {
    /// The tool's virtual host with one more line, the sixth.
    fileprivate func host(_ node: Int, more: String) -> String {
        """
        include /etc/nginx/backends.d/blog.conf;
        server {
          listen 127.0.1.\(node):80;
          server_name blog.domain.com;
          location / { proxy_pass http://blogLB; proxy_set_header Host $host; }
          \(more)
        }

        """
    }

    /// Restores these files afterwards.
    fileprivate func keeping(_ names: [String], _ body: () async throws -> Void) async throws {
        var texts: [String: Data] = [:]
        func path(_ node: Int, _ name: String) -> String { directory(node) + "/etc/nginx/" + name }
        for node in numbers {
            for name in names { texts[path(node, name)] = FileManager.default.contents(atPath: path(node, name)) }
        }
        func restore() async throws {
            for (path, text) in texts { try text.write(to: URL(fileURLWithPath: path)) }
            for node in numbers { try await reload(node) }
        }
        do {
            try await body()
        } catch {
            try? await restore()
            throw error
        }
        try await restore()
    }
}
