import Foundation
import Kubernetes
import Nginx
import Processes
import Testing

/// All tests with real nodes over SSH. Serialized: they share the machines.
@Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: RealNodes.isThere, RealNodes.missing))
enum RealNodesTests {}

extension RealNodesTests {
    @Suite struct StoryTests {
        @Test("twenty nodes: release, verify, promote, rollback, abort, without a failed request on three of them")
        func story() async throws {
            try await withRealNodes(20) { world, nodes in
                let before = try nodes.numbers.map { try nodes.text($0) }
                try await world.release("v1")
                let reports = try await world.underWrk {
                    let paused = try await world.deploy("v2", "--verify", "--wait", "paused")
                    #expect(paused.status == 3, "\(paused)")
                    #expect(try await world.served() == ["v1", "v1", "v1"])
                    let promoted = try await world.viridian("promote", "blog")
                    #expect(promoted.status == 0, "\(promoted)")
                    #expect(try await world.served() == ["v2", "v2", "v2"])
                    let back = try await world.viridian("rollback", "blog", "--reason", "too slow")
                    #expect(back.status == 0, "\(back)")
                    #expect(try await world.served() == ["v1", "v1", "v1"])
                    let third = try await world.deploy("v3", "--verify", "--wait", "paused")
                    #expect(third.status == 3, "\(third)")
                    let aborted = try await world.viridian("abort", "blog", "--reason", "the font is wrong")
                    #expect(aborted.status == 0, "\(aborted)")
                    try await world.release("v4")
                }
                #expect(reports.count == 3)
                for report in reports {
                    let requests = report.firstMatch(of: /([0-9]+) requests in/).flatMap { Int($0.1) } ?? 0
                    #expect(requests > 500, "\(report)")
                    #expect(!report.contains("Socket errors") && !report.contains("Non-2xx"), "\(report)")
                }
                for (node, text) in zip(nodes.numbers, before) {
                    #expect(
                        try nodes.text(node).replacing(" down", with: "") == text.replacing(" down", with: ""))
                }
                let status = try await world.status()
                #expect(status[at: "live.version"] == "v4", "\(status.text)")
                let live = status[at: "live.color"]
                let routes = try await world.routes()
                #expect(routes.count == 20)
                #expect(routes.values.allSatisfy { $0["state"] == "ok" && $0["color"] == live }, "\(routes)")
            }
        }
    }

    /// Faults of a node during a release. After each: no request to a dead colour, the old colour alive as long as a
    /// node needs it, `nodes` is correct, and `repair` fixes it.
    @Suite struct FaultTests {
        /// A moment of a release, by its first line of output.
        enum Moment: String, CaseIterable, CustomTestStringConvertible {
            case staging = "Waiting for the pods to come online fully"
            case switching = "--- Switching 4 nodes"
            case draining = "All nodes route to green"

            var testDescription: String { "\(self)" }
        }

        private static let tolerant = World.App(drain: "{least: 1s, most: 5s}", more: "tolerate: 1")
        private static let impatient = "timeout: 6s"

        @Test(
            "a node that freezes is told, and keeps the old colour alive until it is back", arguments: Moment.allCases)
        func frozen(_ moment: Moment) async throws {
            try await withRealNodes(4, Self.tolerant, watched: 4, nodeLines: Self.impatient) { world, nodes in
                try await world.release("v1")
                let (said, watched) = try await world.watched {
                    let said = try await world.viridian(
                        "deploy", "blog", "--version", "v2",
                        deadline: .seconds(120),
                        onLine: { line in
                            if line.contains(moment.rawValue) { try? nodes.freeze(nodes.victim) }
                        }
                    )
                    // Its nginx keeps running, and visitors get the colour in its file, from running pods.
                    let routes = try await world.routes()
                    #expect(routes[nodes.victimAddress]?["state"] == "unreachable", "\(routes)")
                    #expect(routes.values.filter { $0["state"] == "ok" && $0["color"] == "green" }.count == 3)
                    return said
                }
                #expect(said.status == 5, "\(said)")
                #expect(said.output.contains(nodes.victimAddress), "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(try await world.workloads() == ["blog-blue", "blog-green"])
                try await world.repair(nodes) { try nodes.thaw(nodes.victim) }
            }
        }

        @Test("a node that freezes during a switch without tolerance: the others go back")
        func frozenStrict() async throws {
            let app = World.App(drain: "{least: 1s, most: 5s}")
            try await withRealNodes(4, app, watched: 4, nodeLines: Self.impatient) { world, nodes in
                try await world.release("v1")
                let (said, watched) = try await world.watched {
                    try await world.viridian(
                        "deploy", "blog", "--version", "v2",
                        deadline: .seconds(120),
                        onLine: { line in
                            if line.contains(Moment.switching.rawValue) { try? nodes.freeze(nodes.victim) }
                        }
                    )
                }
                #expect(said.status == 2 || said.status == 5, "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                let routes = try await world.routes()
                #expect(routes.values.filter { $0["state"] == "ok" && $0["color"] == "blue" }.count == 3, "\(routes)")
                #expect(routes[nodes.victimAddress]?["state"] == "unreachable", "\(routes)")
                try await world.repair(nodes, version: "v1") { try nodes.thaw(nodes.victim) }
            }
        }

        @Test("a node that is killed and restarted while a release is paused takes part in its switch")
        func restarted() async throws {
            try await withRealNodes(4) { world, nodes in
                try await world.release("v1")
                #expect(try await world.deploy("v2", "--verify", "--wait", "paused").status == 3)
                try await nodes.crash(nodes.victim)
                let away = try await world.routes()
                #expect(away[nodes.victimAddress]?["state"] == "unreachable", "\(away)")
                #expect(
                    away[nodes.victimAddress]?["message"]?.string?.contains("nothing is listening") == true, "\(away)")
                try await nodes.start(nodes.victim)
                let said = try await world.viridian("promote", "blog")
                #expect(said.status == 0, "\(said)")
                #expect(try await world.routes().values.allSatisfy { $0["state"] == "ok" && $0["color"] == "green" })
                #expect(try await world.workloads() == ["blog-green"])
            }
        }

        @Test("a connection that is cut during a switch does no harm")
        func cut() async throws {
            try await withRealNodes(4, Self.tolerant, watched: 4) { world, nodes in
                try await world.release("v1")
                let (said, watched) = try await world.watched {
                    try await world.viridian(
                        "deploy", "blog", "--version", "v2",
                        onLine: { line in
                            if line.contains(Moment.switching.rawValue) { try? nodes.cutConnections(nodes.victim) }
                        }
                    )
                }
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(said.status == 0 || said.status == 5, "\(said)")
                let routes = try await world.routes()
                let color = routes[nodes.victimAddress]?["color"]?.string
                #expect(try nodes.text(nodes.victim).contains("\(world.port(color)) down") == false, "\(routes)")
                if said.status == 5 { try await world.repair(nodes) {} }
                #expect(try await world.routes().values.allSatisfy { $0["state"] == "ok" && $0["color"] == "green" })
            }
        }

        @Test("a reload that nginx refuses although the command succeeded is detected, and all nodes go back")
        func refusedReload() async throws {
            try await withRealNodes(4, watched: 4) { world, nodes in
                try await world.release("v1")
                // A port that is in use: `nginx -t` and `nginx -s reload` succeed, but the master process refuses.
                try nodes.write(
                    "server { listen 127.0.1.\(nodes.victim):22; return 200; }\n", to: "sites-enabled/other",
                    of: nodes.victim)
                let (said, watched) = try await world.watched { try await world.deploy("v2") }
                #expect(said.status == 2, "\(said)")
                #expect(said.output.contains(nodes.victimAddress) && said.output.contains("bind()"), "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(try await world.served() == Array(repeating: "v1", count: 4))
                #expect(try await world.workloads() == ["blog-blue"])
                nodes.remove("sites-enabled/other", of: nodes.victim)
                try await world.release("v3")
                #expect(try await world.routes().values.allSatisfy { $0["state"] == "ok" && $0["color"] == "green" })
            }
        }

        @Test("a configuration that another app's file breaks ends the release before any traffic moves")
        func brokenByOthers() async throws {
            try await withRealNodes(4, watched: 4) { world, nodes in
                try await world.release("v1")
                try nodes.write("server { lisen 80; }\n", to: "sites-enabled/other", of: nodes.victim)
                let (said, watched) = try await world.watched { try await world.deploy("v2") }
                #expect(said.status == 2, "\(said)")
                #expect(said.output.contains(nodes.victimAddress) && said.output.contains("lisen"), "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(watched.versions.keys.sorted() == ["v1"])
                #expect(try await world.workloads() == ["blog-blue"])
                nodes.remove("sites-enabled/other", of: nodes.victim)
                try await world.release("v3")
            }
        }

        @Test("if a node has seen a newer release, an older one stops before it creates anything")
        func lowerToken() async throws {
            try await withRealNodes(4, watched: 4) { world, nodes in
                try await world.release("v1")
                try nodes.write("1000\n", to: "backends.d/.viridian/blog.token", of: nodes.victim)
                let said = try await world.deploy("v2")
                #expect(said.status == 2, "\(said)")
                #expect(said.output.contains("has seen blog/500"), "\(said)")
                #expect(try await world.served() == Array(repeating: "v1", count: 4))
                #expect(try await world.workloads() == ["blog-blue"])
            }
        }

        @Test("a node that joins during the drain keeps the old colour alive until it is repaired")
        func joins() async throws {
            let inventory = "inventory: kubernetes\n  kubernetes: {selector: role=web, address: InternalIP}"
            let app = World.App(drain: "{least: 3s, most: 5s}")
            try await withRealNodes(4, app, watched: 4, inventory: inventory) { world, nodes in
                for address in nodes.addresses.dropLast() { try await world.join(address) }
                try await world.release("v1")
                let joined = Flagged()
                let (said, watched) = try await world.watched {
                    try await world.viridian(
                        "deploy", "blog", "--version", "v2",
                        onLine: { line in
                            guard line.contains(Moment.draining.rawValue), await joined.raise() else { return }
                            do {
                                try await world.join(nodes.victimAddress)
                            } catch {
                                Issue.record(error)
                            }
                        }
                    )
                }
                #expect(said.status == 5, "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                // Its file is unchanged, and blue still answers.
                #expect(try await world.routes()[nodes.victimAddress]?["color"] == "blue")
                #expect(try await world.workloads() == ["blog-blue", "blog-green"])
                try await world.repair(nodes) {}
            }
        }
    }
}

extension World {
    fileprivate func port(_ color: String?) -> Int { color == "blue" ? ports.blue : ports.green }

    /// Creates a node of the cluster with this address. It gets its label last, so that it is never listed without the address.
    fileprivate func join(_ address: String) async throws {
        let name = "web-" + address.replacing(".", with: "-")
        _ = try await client.create(.nodes, ["metadata": ["name": .string(name)]])
        let status = #"{"status": {"addresses": [{"type": "InternalIP", "address": "\#(address)"}]}}"#
        for words in [
            ["patch", "node", name, "--subresource=status", "--type=merge", "-p", status],
            ["label", "node", name, "role=web"],
        ] {
            let kubectl = Command("kubectl", ["--kubeconfig", directory + "/kubeconfig"] + words)
            let completed = try await kubectl.run(deadline: .seconds(30))
            try #require(completed.succeeded, "\(words): \(completed.error)")
        }
    }

    /// Ends a fault; then `repair` brings the nodes to the live colour and deletes the other one.
    fileprivate func repair(
        _ nodes: RealNodes,
        version: String = "v2",
        sourceLocation: SourceLocation = #_sourceLocation,
        _ end: () throws -> Void
    ) async throws {
        let live = version == "v1" ? "blue" : "green"
        try end()
        let repaired = try await viridian("repair", "blog", deadline: .seconds(60))
        #expect(repaired.status == 0, "\(repaired)", sourceLocation: sourceLocation)
        let routes = try await routes()
        let areRight = routes.values.allSatisfy { $0["state"] == "ok" && $0["color"]?.string == live }
        #expect(areRight, "\(routes)", sourceLocation: sourceLocation)
        #expect(try await workloads() == ["blog-" + live], sourceLocation: sourceLocation)
        #expect(try await served().allSatisfy { $0 == version }, sourceLocation: sourceLocation)
    }
}

/// Can be set once.
private actor Flagged {
    private var isRaised = false

    func raise() -> Bool {
        defer { isRaised = true }
        return !isRaised
    }
}
