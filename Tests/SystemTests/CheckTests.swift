import Fleet
import Foundation
import Kubernetes
import Nginx
import Sandbox
import Testing

extension ShortCommands {
    @Suite struct CheckTests {
        @Test("check is all ok before the first release and after it, and changes nothing")
        func good() async throws {
            try await withWorld { world in
                for round in 1...2 {
                    let said = try await world.viridian("check")
                    #expect(said.status == 0, "\(said)")
                    #expect(said.lines.count > 8 && said.lines.allSatisfy { $0.hasPrefix("ok ") }, "\(said)")
                    let states = try await world.viridian("check", "-o", "json").jsonLines.map { $0["state"] }
                    #expect(states.allSatisfy { $0 == "ok" })
                    if round == 1 { try await world.release("v1") }
                }
                // The checks changed nothing.
                #expect(try await world.workloads() == ["blog-blue"])
            }
        }

        @Test("a key of ssh that cannot be read hides none of the other findings")
        func unreadableKey() async throws {
            try await withWorld { world in
                let file = try world.read("viridian.yaml")
                try world.write(
                    file.replacing("transport: local", with: "transport: ssh\n  ssh: {identityFile: no-key}"),
                    to: "viridian.yaml")
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                let bad = check.lines.filter { $0.hasPrefix("bad") }
                #expect(bad.count == 1 && bad[0].contains("no-key: the file in nodes.ssh.identityFile"), "\(check)")
                #expect(check.lines.contains { $0.hasPrefix("ok") && $0.contains("Kubernetes API") }, "\(check)")
            }
        }

        @Test("check names a node that was edited by hand, with exit status 1, and so do nodes and status")
        func bad() async throws {
            try await withWorld { world in
                try await world.release("v1")
                // By hand, and loaded: node-1 to green.
                let edited = try world.read(world.upstreamFile(1))
                    .replacing("\(world.ports.green) max_fails=0 down", with: "\(world.ports.green) max_fails=0")
                    .replacing("\(world.ports.blue) max_fails=0", with: "\(world.ports.blue) max_fails=0 down")
                try world.write(edited, to: world.upstreamFile(1))
                try await world.reloadByHand(1)
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                let bad = check.lines.filter { $0.hasPrefix("bad") }
                #expect(
                    bad.contains {
                        $0.contains("node-1: routes to green, but blue is live. To fix: viridian repair blog")
                    }, "\(check)")
                let nodes = try await world.viridian("nodes", "-o", "json").jsonLines
                #expect(nodes.first?["state"] == "drifted", "\(nodes)")
                #expect(nodes.first?["color"] == "green")
                let status = try await world.viridian("status", "blog")
                let advice = status.lines.filter { $0.contains("viridian repair blog") }
                #expect(advice.count == 1 && advice[0].contains("node-1"), "\(status)")
            }
        }

        @Test(
            "an upstream file without the preview's upstream is named with what to add, not the file that passes to it"
        )
        func previewWithoutUpstream() async throws {
            try await withWorld(nodes: 1, .init(more: "preview: preview.localhost")) { world in
                let site = try #require(world.sites[0].split(separator: "/").last.map(String.init))
                let hosts = ["blogLB", "blogLB-preview"].map {
                    VirtualHost(
                        listen: site, names: [$0 == "blogLB" ? "blog.localhost" : "preview.localhost"], upstream: $0)
                }
                try world.nodes[0].write(hosts: hosts)
                try world.write(
                    UpstreamFile.rendered(upstream: "blogLB", ports: world.ports, live: world.ports.blue),
                    to: world.upstreamFile(1))
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                let bad = check.lines.filter { $0.hasPrefix("bad") }
                let refused = bad.filter { $0.contains("nginx does not accept its configuration") }
                try #require(refused.count == 1, "\(check)")
                #expect(refused[0].contains("backends.d/blog.conf has no upstream blogLB-preview"), "\(check)")
                #expect(refused[0].contains("To fix: add it with the servers of blogLB"), "\(check)")
                #expect(!bad.contains { $0.contains("does not include") }, "\(check)")
            }
        }

        @Test("check checks every right that is rendered, and no other")
        func rights() async throws {
            try await withWorld(nodes: 1) { world in
                let nodes = "  inventory: kubernetes\n  kubernetes: {selector: role=web, address: InternalIP}"
                try world.write(
                    world.read("viridian.yaml").replacing("  inventory: static\n  static: [node-1]", with: nodes),
                    to: "viridian.yaml")
                let rendered = try await world.viridian("render", "rbac", "blog")
                // `resources: [pods/log]`, and on the next line its verbs.
                let rules = rendered.output.matches(of: /resources: \[([a-z\/]+)\]\n *verbs: \[([a-z, ]+)\]/)
                try #require(rules.count == 11, "\(rendered)")
                var rights: Set<String> = []
                for rule in rules {
                    for verb in rule.2.split(separator: ", ") {
                        rights.insert("\(verb) \(rule.1)")
                        world.cluster.faults.deny(
                            RequestMatcher(
                                verbs: [String(verb)], resource: String(rule.1.split(separator: "/")[0]),
                                subresource: rule.1.split(separator: "/").dropFirst().first.map(String.init)))
                    }
                }
                let denied = try await world.viridian("check")
                #expect(denied.status == 1, "\(denied)")
                let lines = denied.lines.filter { $0.contains("rights are missing in namespace blog") }
                try #require(lines.count == 4, "\(denied)")
                #expect(lines[0].hasPrefix("bad ") && lines[1...].allSatisfy { $0.hasPrefix("warning") })
                #expect(
                    lines.allSatisfy {
                        $0.contains("To fix: add them to the account's role (viridian render rbac blog)")
                    }
                )
                var missing: Set<String> = ["list nodes"]
                for right in lines.joined().matches(of: /(get|list|watch|create|update|patch|delete) ([a-z\/]+)/) {
                    missing.insert("\(right.1) \(right.2)")
                }
                // The sandbox has no claims, and never denies reading them.
                #expect(missing == rights.subtracting(["get persistentvolumeclaims"]))
                #expect(lines[1].contains("(deploy --remove-strays); releases run without them"))
                #expect(lines[2].contains("autoscaler; releases run without them"))
                #expect(lines[3].contains("a quota that does not hold both colours; releases run without them"))
                #expect(
                    denied.lines.contains {
                        $0.hasPrefix("bad ")
                            && $0.contains("may not list nodes, but nodes.inventory is kubernetes")
                    }, "\(denied)")

                world.cluster.faults.clear()
                let allowed = try await world.viridian("check")
                #expect(!allowed.output.contains("rights are missing"), "\(allowed)")
                #expect(
                    allowed.lines.contains("ok       the account may list nodes, as nodes.inventory requires"),
                    "\(allowed)"
                )
            }
        }

        @Test("check holds one conversation with each node and reads each object once, however many apps there are")
        func cost() async throws {
            try await withWorld(nodes: 3) { world in
                try await world.release("v1")
                let apps = try await world.addApps(4)
                let transport = try world.countingShell()
                world.cluster.faults.inject(.delay(.zero))
                let check = try await world.viridian("check", environment: transport)
                #expect(check.status == 0, "\(check)")
                #expect(try world.conversations() == ["checkall", "checkall", "checkall"])
                for app in apps {
                    for node in 1...3 {
                        let place = "\(app) node-\(node): "
                        #expect(check.lines.contains { $0.hasPrefix("ok       \(place)reachable as ") }, "\(place)")
                    }
                }
                // For each app: its rights, its namespace, its lease, two services, of both colours the workload of either kind and the
                // autoscalers, and the quotas; for the live one its pods.
                let requests = world.cluster.faults.hits
                #expect((5 * 8...5 * 12 + 3).contains(requests), "\(requests)")
                let nodes = try await world.viridian("nodes", environment: transport)
                #expect(nodes.lines.count == 1 + 3 * 5, "\(nodes)")
                let status = try await world.viridian("status", environment: transport)
                #expect(status.status == 0, "\(status)")
                #expect(try world.conversations().dropFirst(3) == Array(repeating: "readall", count: 6)[...])
            }
        }

        @Test(
            "a node that cannot be reached is named once, with the apps that it concerns, and in JSON for each of them")
        func unreachableNode() async throws {
            try await withWorld(nodes: 3) { world in
                let apps = try await world.addApps(5)
                let transport = try world.countingShell(without: 2)
                let check = try await world.viridian("check", environment: transport)
                #expect(check.status == 1, "\(check)")
                let lines = check.lines.filter { $0.contains("node-2") }
                #expect(
                    lines == [
                        "bad      node-2: cannot be reached: no route to the node (apps: \(apps.prefix(4).joined(separator: ", ")) and 2 more)"
                    ], "\(lines)")
                #expect(check.lines.contains { $0.hasPrefix("ok       \(apps[5]) node-3: reachable as ") }, "\(check)")
                let objects = try await world.viridian("check", "-o", "json", environment: transport).jsonLines
                    .filter { $0["node"] == "node-2" }
                #expect(objects.map { $0["app"]?.string } == apps)
                #expect(
                    objects.allSatisfy { $0["what"] == "cannot be reached: no route to the node" && $0["apps"] == nil })
            }
        }

        @Test("check names a node whose nginx is not running, with exit status 1")
        func stopped() async throws {
            try await withWorld(nodes: 1, runningNginx: false) { world in
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(
                    check.lines.contains {
                        $0.hasPrefix("bad") && $0.contains("node-1: nginx is not running. To fix: ")
                    },
                    "\(check)")
                let status = try await world.viridian("status", "blog")
                #expect(status.status == 0, "\(status)")
                #expect(status.output.contains("nginx is not running"), "\(status)")
            }
        }
    }
}

extension World {
    /// Adds apps that have no release yet, to those of the configuration.
    /// - Returns: the names of all apps, in the configuration's order.
    fileprivate func addApps(_ count: Int) async throws -> [String] {
        let names = (1...count).map { "app-\($0)" }
        for name in names {
            let ports = try await Ports.shared.nodePorts()
            try write(
                """
                app: \(name)
                ports: {container: 9000, blue: \(ports.blue), green: \(ports.green)}
                image: registry.local:5000/\(name)
                template: ../blog-pod.yaml

                """, to: "apps/\(name).yaml")
            _ = try await client.create(.namespaces, ["metadata": ["name": .string(name)]])
        }
        return names + ["blog"]
    }

    /// An environment in which each conversation with a node is written down, and that with node number `lost` does not begin.
    fileprivate func countingShell(without lost: Int? = nil) throws -> [String: String] {
        try FileManager.default.createDirectory(atPath: directory + "/bin", withIntermediateDirectories: true)
        try write(
            """
            #!/bin/sh
            if [ "$1 $2" = '-s --' ]; then
                echo "$3" >>\(directory)/conversations
                case "$*" in */node-\(lost ?? 0)/*) echo 'no route to the node' >&2; exit 255 ;; esac
            fi
            exec /bin/sh "$@"

            """, to: "bin/sh")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory + "/bin/sh")
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["PATH": "\(directory)/bin:\(path)"]
    }

    /// The actions of the conversations, in their order.
    fileprivate func conversations() throws -> [String] {
        try read("conversations").split(separator: "\n").map(String.init)
    }
}
