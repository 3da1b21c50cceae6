import Foundation
import Kubernetes
import Nginx
import Sandbox
import Testing

extension ShortCommands {
    /// Output while the cluster, the journal or a node is not available.
    @Suite struct UnreachableClusterTests {
        @Test(
            "with an unreachable cluster, status and nodes report where every node routes, and status ends with 1"
        )
        func noCluster() async throws {
            try await withWorld { world in
                try await world.release("v1")
                try await world.release("v2")
                let kubeconfig = try world.read("kubeconfig")
                let dead = try await Ports.shared.some(1)[0]
                for file in [
                    kubeconfig.replacing(world.cluster.server, with: "http://127.0.0.1:\(dead)"), nil,
                ] {
                    if let file {
                        try world.write(file, to: "kubeconfig")
                    } else {
                        try FileManager.default.removeItem(atPath: world.directory + "/kubeconfig")
                    }
                    let status = try await world.viridian("status", "blog")
                    #expect(status.status == 1, "\(status)")
                    #expect(status.output.contains("nodes  2: 2 to green"), "\(status)")
                    #expect(status.output.contains("latest blog/2 v2 live"), "\(status)")
                    #expect(status.error.contains("the cluster could not be read: "), "\(status)")
                    let json = try await world.viridian("status", "blog", "-o", "json")
                    #expect(json.json?["problem"]?.string != nil && json.json?["nodes"]?.array?.count == 2, "\(json)")
                    let nodes = try await world.viridian("nodes")
                    #expect(nodes.status == 0 && nodes.output.contains("green"), "\(nodes)")
                    let check = try await world.viridian("check")
                    #expect(check.status == 1 && check.output.contains("blog node-1: "), "\(check)")
                    #expect(check.lines.contains { $0.hasPrefix("bad") && $0.contains("To fix: ") }, "\(check)")
                    #expect(nodes.error.contains("warning: what is live of blog could not be read"), "\(nodes)")
                    guard file != nil else { continue }
                    let isFixed = check.lines.allSatisfy { !$0.hasPrefix("bad") || $0.contains("To fix: ") }
                    #expect(isFixed && check.output.contains("To fix: start the cluster's API"), "\(check)")
                    for words in [["deploy", "blog", "--version", "v3"], ["repair", "blog"]] {
                        let said = try await world.viridian.run(words)
                        #expect(said.status == 1 && said.error.contains("nothing is listening there"), "\(said)")
                        #expect(said.error.contains("Nothing was changed: what is live stays live"), "\(said)")
                        #expect(said.error.contains("viridian check shows whether the cluster answers"), "\(said)")
                    }
                    let plan = try await world.deploy("v3", "--dry-run")
                    #expect(plan.output.contains("blog: what is live is unknown; v3 would be created"), "\(plan)")
                }
            }
        }

        @Test("a journal that cannot be written is read from a copy; check reports it, and deploy is refused")
        func journal() async throws {
            try await withWorld { world in
                try await world.release("v1")
                // SQLite cannot open the file beside its log, as on a full or read-only disk.
                let shared = world.journal + "-shm"
                try? FileManager.default.removeItem(atPath: shared)
                try FileManager.default.createSymbolicLink(atPath: shared, withDestinationPath: "nowhere")
                for words in [
                    ["status"], ["releases", "blog"], ["show", "blog"], ["logs", "blog", "-f"], ["nodes"], ["audit"],
                ] {
                    let said = try await world.viridian.run(words)
                    #expect(said.status == 0 && !said.output.isEmpty, "\(said)")
                    #expect(said.error.contains("warning: journal \(world.journal)"), "\(said)")
                }
                #expect(try await world.status()[at: "live.version"] == "v1")
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(check.lines.contains { $0.hasPrefix("bad") && $0.contains(world.journal) }, "\(check)")
                #expect(check.lines.contains { $0.contains("node-2: routes to ") }, "\(check)")
                let deploy = try await world.deploy("v2")
                #expect(deploy.status == 1 && deploy.error.contains(world.journal), "\(deploy)")
            }
        }

        @Test("a journal that can be read and not written is said to be so by check, and deploy is refused")
        func readOnly() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.release("v1")
                // Reading goes on without what readers share; whether a directory in its place can be opened depends on the system.
                let shared = world.journal + "-shm"
                try? FileManager.default.removeItem(atPath: shared)
                try FileManager.default.createDirectory(atPath: shared, withIntermediateDirectories: false)
                #expect(try await world.status()[at: "live.version"] == "v1")
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(check.lines.contains { $0.hasPrefix("bad") && $0.contains(world.journal) }, "\(check)")
                let deploy = try await world.deploy("v2")
                #expect(deploy.status == 1 && deploy.error.contains(world.journal), "\(deploy)")
            }
        }

        @Test("only the owner can read the journal and its files")
        func owner() async throws {
            try await withWorld(nodes: 1) { world in
                #expect(try await world.viridian("releases", "blog").status == 0)
                for name in try FileManager.default.contentsOfDirectory(atPath: world.directory)
                where name.hasPrefix("viridian.sqlite") {
                    #expect(try permissions(of: world.directory + "/" + name) == 0o600, "\(name)")
                }
                let check = try await world.viridian("check")
                #expect(check.lines.contains { $0.hasPrefix("ok") && $0.contains("journal ") }, "\(check)")
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: world.journal)
                let open = try await world.viridian("check")
                let isSaid = open.lines.contains { $0.hasPrefix("warning") && $0.contains("To fix: chmod 600 ") }
                #expect(isSaid, "\(open)")
            }
        }

        @Test("deploy --dry-run prints what a release would do, and changes nothing")
        func dryRun() async throws {
            try await withWorld { world in
                let first = try await world.deploy("v1", "--dry-run")
                #expect(
                    first.status == 0 && first.output.contains("nothing is live yet; v1 would be created on blue"),
                    "\(first)")
                #expect(try await world.viridian("releases", "blog", "-o", "json").output.isEmpty)
                try await world.release("v1")
                let said = try await world.deploy("v2", "--dry-run", "--verify")
                #expect(said.status == 0, "\(said)")
                #expect(
                    said.output.contains("v1 on blue is live; v2 would be created on green with 1 replica"), "\(said)")
                #expect(said.output.contains("registry.local:5000/blog:v1 → registry.local:5000/blog:v2"), "\(said)")
                #expect(said.output.contains("node-2: routes to blue; would be switched to green"), "\(said)")
                let json = try await world.deploy("v2", "--dry-run", "-o", "json")
                #expect(json.json?["color"] == "green" && json.json?["obstacles"]?.array?.isEmpty == true, "\(json)")
                #expect(try await world.workloads() == ["blog-blue"])
                #expect(try await world.viridian("releases", "blog", "-o", "json").jsonLines.count == 1)
                #expect(try await world.deploy("v2", "--verify", "--wait", "paused").status == 3)
                let busy = try await world.deploy("v3", "--dry-run")
                #expect(busy.status == 75 && busy.output.contains("blog/2 (v2) has not ended"), "\(busy)")
            }
        }

        @Test("nodes and status report a node whose nginx is not running, with the fix")
        func down() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.release("v1")
                let pid = try world.read("nodes/node-1/nginx.pid").trimmingCharacters(in: .whitespacesAndNewlines)
                kill(try #require(Int32(pid)), SIGTERM)
                let isDown = try await eventually {
                    try await world.viridian("nodes", "-o", "json").json?["state"]?.string == "down"
                }
                #expect(isDown)
                let row = try await world.viridian("nodes", "-o", "json").json
                #expect(row?["color"] == nil && row?["message"] == "nginx is not running", "\(String(describing: row))")
                let status = try await world.viridian("status", "blog")
                #expect(status.output.contains("1 unknown") && status.output.contains("start it"), "\(status)")
                #expect(!status.output.contains("viridian repair"), "\(status)")
            }
        }

        @Test(
            "drifted nodes are named with the cause; a dry repair reports what it would do, and the audit log what was done"
        )
        func drifted() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let file = try world.read(world.upstreamFile(1))
                let other = file.replacing(" down", with: "").replacing(
                    "127.0.0.1:\(world.ports.blue)", with: "127.0.0.1:\(world.ports.blue) down")
                try world.write(other, to: world.upstreamFile(1))
                try await world.reloadByHand(1)
                let nodes = try await world.viridian("nodes")
                #expect(
                    nodes.output.contains("routes to green, but blue is live; to fix: viridian repair blog"), "\(nodes)"
                )
                let dry = try await world.viridian("repair", "blog", "--dry-run", "-o", "json")
                #expect(dry.status == 5, "\(dry)")
                #expect(dry.json?["dryRun"] == true && dry.json?["whole"] == false, "\(dry)")
                #expect(dry.json?["nodes"]?.array?.first?["outcome"] == "wouldBeBroughtBack", "\(dry)")
                try world.write("garbage", to: world.upstreamFile(1))
                let failed = try await world.viridian("repair", "blog")
                #expect(
                    failed.status == 5 && failed.output.contains("viridian check shows what to fix"), "\(failed)")
                let entry = try await world.viridian("audit", "blog", "-o", "json").jsonLines.first
                #expect(entry?["action"] == "repair", "\(String(describing: entry))")
                #expect(
                    entry?["detail"]?.string?.contains("not brought back: node-1") == true,
                    "\(String(describing: entry))")
            }
        }
    }
}

private func permissions(of path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
}
