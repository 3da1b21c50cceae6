import Foundation
import HTTPTransport
import Kubernetes
import Nginx
import Sandbox
import Testing

extension Releases {
    @Suite("Several clusters")
    struct SeveralClustersTests {
        @Test(
            "one server releases in two clusters at the same time, on the same ports, and says which cluster is which")
        func together() async throws {
            try await withTwoClusters { world in
                let token = try await world.token()
                try await world.viridian.serving { server in
                    async let blog = server.release("v1", of: "blog", token)
                    async let shop = server.release("v2", of: "shop", token)
                    let numbers = try await (blog, shop)
                    #expect(try await server.becomes("live", "blog", numbers.0, token))
                    #expect(try await server.becomes("live", "shop", numbers.1, token))
                    #expect(try await world.served(world.east) == "v1")
                    #expect(try await world.served(world.west) == "v2")

                    for site in [world.east, world.west] {
                        let view = try await server.json("/api/v1/apps/\(site.app)", token)
                        #expect(view["cluster"]?.string == site.name, "\(view)")
                    }
                    let nodes = try await server.json("/api/v1/nodes", token)["nodes"]?.array ?? []
                    #expect(
                        nodes.map { [$0["cluster"]?.string, $0["address"]?.string] } == [
                            ["east", "east-1"], ["west", "west-1"],
                        ])
                    let metrics = String(decoding: try await server.get("/metrics", token: nil).body, as: UTF8.self)
                    #expect(
                        metrics.contains(#"viridian_live_info{app="shop",cluster="west",color="blue",version="v2"} 1"#))
                    let ready = try await server.json("/readyz")
                    #expect(
                        ready == [
                            "ready": true, "journal": "ok", "cluster": "ok", "clusters": ["east": "ok", "west": "ok"],
                        ])
                    let check = try await world.viridian("check")
                    #expect(check.status == 0, "\(check)")
                    #expect(check.lines.contains { $0.hasPrefix("ok       west shop west-1: ") }, "\(check)")
                    let table = try await world.viridian("nodes")
                    #expect(table.lines.first?.hasPrefix("NODE") == true, "\(table)")
                    #expect(table.lines.contains { $0.contains("west-1") && $0.contains("west ") }, "\(table)")
                }
            }
        }

        @Test(
            "while one cluster's API is stopped, the other's app is released; check, status and /readyz name the one that is away, and its app's release goes on when it is back"
        )
        func away() async throws {
            try await withTwoClusters { world in
                let token = try await world.token()
                try await world.viridian.serving { server in
                    for app in ["blog", "shop"] {
                        let number = try await server.release("v1", of: app, token)
                        #expect(try await server.becomes("live", app, number, token), "\(app)")
                    }
                    let running = try await server.post(
                        "/api/v1/apps/shop/releases", #"{"version": "v2", "verify": true}"#, token: token)
                    #expect(running.status == 201)
                    #expect(try await server.becomes("paused", "shop", 2, token))

                    world.west.cluster.faults.inject(.drop)
                    await world.west.cluster.faults.closeWatches()
                    let number = try await server.release("v2", of: "blog", token)
                    #expect(try await server.becomes("live", "blog", number, token))
                    #expect(try await world.served(world.east) == "v2")
                    #expect(try await world.served(world.west) == "v1")

                    // Once the server has noticed.
                    let isNoticed = try await eventually(within: .seconds(600)) {
                        try await server.json("/readyz")[at: "clusters.west"] == "does not answer"
                    }
                    #expect(isNoticed)
                    let answer = try await server.get("/readyz", token: nil)
                    #expect(answer.status == 200)
                    #expect(
                        try JSON(parsing: answer.body) == [
                            "ready": true, "journal": "ok", "cluster": "west does not answer",
                            "clusters": ["east": "ok", "west": "does not answer"],
                        ])

                    async let status = world.viridian("status", deadline: .seconds(600))
                    async let check = world.viridian("check", deadline: .seconds(600))
                    let (seen, checked) = try await (status, check)
                    #expect(seen.status == 1 && seen.output.contains("blog  live: v2 on green"), "\(seen)")
                    #expect(seen.errorLines.count == 1 && seen.error.contains("cluster west"), "\(seen)")
                    #expect(checked.status == 1, "\(checked)")
                    let bad = checked.lines.filter { $0.hasPrefix("bad") }
                    #expect(!bad.isEmpty && bad.allSatisfy { $0.hasPrefix("bad      west") }, "\(checked)")
                    #expect(
                        checked.lines.contains { $0.hasPrefix("ok       east blog: service blog-green") }, "\(checked)")
                    // Its nodes are asked all the same.
                    #expect(
                        checked.lines.contains { $0.hasPrefix("ok       west shop west-1: routes to blue") },
                        "\(checked)")

                    world.west.cluster.faults.clear()
                    #expect(
                        try await server.post("/api/v1/apps/shop/releases/2/promote", "{}", token: token).status == 202)
                    #expect(try await server.becomes("live", "shop", 2, token))
                    #expect(try await world.served(world.west) == "v2")
                }
            }
        }

        @Test(
            "a release goes on only in the cluster in which it began: moved meanwhile, its app says where it is and what to do, and the other clusters' apps are released"
        )
        func moved() async throws {
            try await withTwoClusters { world in
                let first = try await world.viridian("deploy", "shop", "--version", "v1")
                #expect(first.status == 0, "\(first)")
                let second = try await world.viridian(
                    "deploy", "shop", "--version", "v2", "--verify", "--wait", "paused")
                #expect(second.output.contains("shop/2"), "\(second)")
                let file = try String(contentsOfFile: world.directory + "/apps/shop.yaml", encoding: .utf8)
                let ports = try await Ports.shared.nodePorts()
                try world.write(
                    file.replacing("cluster: west", with: "cluster: east")
                        .replacing("blue: \(world.ports.blue)", with: "blue: \(ports.blue)")
                        .replacing("green: \(world.ports.green)", with: "green: \(ports.green)"), to: "apps/shop.yaml")
                let sentence =
                    "shop/2 (v2) has not ended in cluster west, where its pods and its nodes are, and shop is configured for cluster "
                    + "east now: the release can go on only in west"
                for words in [
                    ["promote"], ["abort"], ["rollback"], ["deploy", "--version", "v2"], ["deploy", "--version", "v3"],
                ] {
                    let said = try await world.viridian.run([words[0], "shop"] + words.dropFirst())
                    #expect(said.status == 1 && said.error.contains(sentence), "\(said)")
                    #expect(said.error.contains("set `cluster: west` in the app's file again"), "\(said)")
                }
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(
                    check.lines.contains { $0.hasPrefix("bad      east shop: \(sentence). To fix: set ") }, "\(check)")
                let token = try await world.token()
                try await world.viridian.serving { server in
                    let answer = try await server.post("/api/v1/apps/shop/releases/2/promote", "{}", token: token)
                    #expect((400..<500).contains(answer.status), "\(answer.status)")
                    #expect(String(decoding: answer.body, as: UTF8.self).contains(sentence))
                    let number = try await server.release("v1", of: "blog", token)
                    #expect(try await server.becomes("live", "blog", number, token))
                    let release = try await server.json("/api/v1/apps/shop/releases/2", token)
                    #expect(release["state"]?.string == "paused", "\(release)")
                }
                try world.write(file, to: "apps/shop.yaml")
                let promoted = try await world.viridian("promote", "shop")
                #expect(promoted.status == 0, "\(promoted)")
                #expect(try await world.served(world.west) == "v2")
            }
        }

        @Test("a cluster that was never read since the server's start is unknown there, and its nodes are listed")
        func neverRead() async throws {
            try await withTwoClusters { world in
                let token = try await world.token()
                world.west.cluster.faults.inject(.drop)
                try await world.viridian.serving { server in
                    let environment = ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token]
                    let nodes = try await world.viridian.run(["nodes"], environment: environment)
                    #expect(nodes.status == 0 && nodes.lines.first?.contains("CLUSTER") == true, "\(nodes)")
                    #expect(nodes.lines.contains { $0.contains("west-1") && $0.contains("shop") }, "\(nodes)")
                    #expect(nodes.error.contains("what is live of shop in cluster west could not be read"), "\(nodes)")
                    let status = try await world.viridian.run(["status", "shop"], environment: environment)
                    #expect(status.status == 1 && status.output.contains("the live colour is unknown"), "\(status)")
                    #expect(status.output.contains("nodes  1: "), "\(status)")
                }
            }
        }

        @Test("a cluster that is not configured is named with its file and line, and the nearest name, by every verb")
        func unknown() async throws {
            try await withTwoClusters { world in
                let file = try String(contentsOfFile: world.directory + "/apps/shop.yaml", encoding: .utf8)
                try world.write(file.replacing("cluster: west", with: "cluster: wset"), to: "apps/shop.yaml")
                for words in [["check"], ["status"], ["deploy", "blog", "--version", "v1"]] {
                    let said = try await world.viridian.run(words)
                    #expect(said.status != 0 && said.output.isEmpty, "\(said)")
                    #expect(said.error.contains("apps/shop.yaml:2"), "\(said)")
                    #expect(said.error.contains("wset") && said.error.contains("west"), "\(said)")
                }
            }
        }

        @Test("a kubeconfig that is not there stops the verbs of its own cluster's apps, by name, and no others")
        func noKubeconfig() async throws {
            try await withTwoClusters { world in
                try FileManager.default.removeItem(atPath: world.directory + "/west.kubeconfig")
                let blog = try await world.viridian("deploy", "blog", "--version", "v1")
                #expect(blog.status == 0, "\(blog)")
                let shop = try await world.viridian("deploy", "shop", "--version", "v1")
                #expect(shop.status == 1, "\(shop)")
                #expect(
                    shop.error.contains(
                        "cluster west: \(world.directory)/west.kubeconfig: there is no such kubeconfig"),
                    "\(shop)")
                let check = try await world.viridian("check")
                let bad = check.lines.filter { $0.hasPrefix("bad") }
                #expect(check.status == 1 && bad.count == 1, "\(check)")
                #expect(bad.first?.contains("correct kubeconfig of cluster west") == true, "\(check)")
            }
        }
    }
}
