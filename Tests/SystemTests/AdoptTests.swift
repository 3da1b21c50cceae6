import Foundation
import Kubernetes
import Nginx
import TestSupport
import Testing

extension Releases {
    @Suite struct AdoptedAppTests {
        @Test(
            "an app that the article's tool released is adopted as it is, nothing is changed, and Viridian releases it without a failed request",
            .enabled(if: ArticleTool.path != nil, ArticleTool.missing), .needs("sshd"),
            .needsPython(ArticleTool.modules))
        func article() async throws {
            let tool = try await ArticleTool()
            try await withWorld(nodes: 2) { world in
                try await InstalledByHand().make(in: world)
                let bin = world.directory + "/bin"
                try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
                for (name, text) in tool.programs(world) {
                    try world.write("#!/bin/sh\n" + text, to: "bin/\(name)")
                    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(bin)/\(name)")
                }
                let addresses = ["127.0.0.1", "127.0.0.2"]
                try await withLoginServer(in: world.directory + "/sshd", addresses: addresses, path: bin) { server in
                    try await tool.deploy(
                        "v2", in: world, hosts: addresses, login: server.configuration,
                        postDeploy: "deploy-blog")
                }
                // The tool does not wait until nginx has loaded what it wrote.
                let isServed = try await eventually { try await world.served() == ["v2", "v2"] }
                try #require(isServed)
                try await adopted(world, programs: bin)
                try await released(world)
            }
        }

        private func adopted(_ world: World, programs: String) async throws {
            let before = try await world.everything()
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            let said = try await world.viridian.run(["adopt", "blog"], environment: ["PATH": "\(programs):\(path)"])
            try #require(said.status == 0, "\(said)")
            let after = try await world.everything()
            for (name, state) in before { #expect(after[name] == state, "\(name) was changed") }
            #expect(Set(after.keys) == Set(before.keys))
            // Not even a journal.
            #expect(!FileManager.default.fileExists(atPath: world.journal))
            for words in [
                "green   \(world.ports.green)     ReplicationController blog-green  v2       2 of 2  live",
                "node-1  green      blogLB", "node-2  green      blogLB", "the word `down`", "add max_fails=0",
                "fetches s3://domain-deploy/blog/blog.tgz whatever the version is", "apps/blog.yaml: written",
                "Next: viridian check", "viridian deploy blog --version VERSION --dry-run",
            ] {
                #expect(said.output.contains(words), "\(words): \(said)")
            }
            #expect(!said.output.contains("does not understand"), "\(said)")
            #expect(!said.output.contains("Before the first release"), "\(said)")
            let lines = try world.read("apps/blog.yaml").split(separator: "\n")
            for line in [
                "app: blog", "ports: {container: 9000, blue: \(world.ports.blue), green: \(world.ports.green)}",
                "image: registry.local:5000/blog", "workload: ReplicationController", "replicas: 2",
                "upstream: blogLB", "protocol: http", "hosts: [blog.domain.com]",
                "postDeploy: {command: \"\(programs)/deploy-blog\"}",
            ] {
                #expect(lines.contains { $0 == line || $0.hasPrefix(line + "   # ") }, "\(line): \(lines)")
            }
            #expect(lines.contains { $0.hasPrefix("# artifact: {from: \"s3://domain-deploy/blog/{version}.tgz\"") })
        }

        private func released(_ world: World) async throws {
            let check = try await world.viridian("check")
            #expect(check.status == 0 && !check.lines.contains { $0.hasPrefix("bad") }, "\(check)")
            // What serves is known before the first release.
            let status = try await world.viridian("status")
            #expect(status.output.hasPrefix("blog  live: v2 on green\n"), "\(status)")
            // As a team would: nothing here is open for half a minute.
            try world.write(
                world.read("apps/blog.yaml") + "drain: {least: 0s, most: 20s}\n", to: "apps/blog.yaml")
            let plan = try await world.deploy("v3", "--dry-run")
            #expect(plan.status == 0 && !plan.output.contains("blocked"), "\(plan)")
            #expect(
                plan.output.contains("blog: v2 on green is live; v3 would be created on blue with 2 replicas"),
                "\(plan)")
            let (said, watched) = try await world.watched { try await world.deploy("v3") }
            #expect(said.status == 0, "\(said)")
            watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
            #expect(try await world.served() == ["v3", "v3"])
            #expect(try await world.workloads() == ["blog-blue"])
            let back = try await world.viridian("rollback", "blog")
            #expect(back.status == 0, "\(back)")
            #expect(try await world.served() == ["v2", "v2"])
        }
    }
}

extension ShortCommands {
    @Suite struct AdoptTests {
        @Test(
            "Deployments, ports the other way round and upstreams in another folder are adopted, and check is content")
        func variant() async throws {
            try await withWorld(nodes: 2) { world in
                try await InstalledByHand(kind: .deployments, isReversed: true, folder: "conf.d").make(in: world)
                let before = try await world.everything()
                let said = try await world.viridian("adopt", "blog")
                try #require(said.status == 0, "\(said)")
                #expect(try await world.everything() == before)
                let folder = "\(world.directory)/nodes/{node}/conf.d"
                #expect(said.output.contains("set nodes.backends to \(folder) in viridian.yaml"), "\(said)")
                #expect(
                    said.output.contains("blue is \(world.ports.green) and green is \(world.ports.blue)"), "\(said)")
                let file = try world.read("apps/blog.yaml")
                #expect(file.contains("workload: Deployment"), "\(file)")
                #expect(file.contains("blue: \(world.ports.green), green: \(world.ports.blue)}"), "\(file)")
                try world.write(
                    world.read("viridian.yaml").replacing("/nodes/{node}/backends.d", with: "/nodes/{node}/conf.d"),
                    to: "viridian.yaml")
                let check = try await world.viridian("check")
                #expect(check.status == 0 && !check.lines.contains { $0.hasPrefix("bad") }, "\(check)")
                let status = try await world.viridian("status")
                #expect(status.output.hasPrefix("blog  live: v1 on blue\n"), "\(status)")
                // The file is there and says the same.
                let again = try await world.viridian("adopt", "blog", "-o", "json")
                #expect(again.status == 0, "\(again)")
                let found = try #require(again.json, "\(again)")
                #expect(found[at: "file.state"] == "agrees" && found["live"] == "blue", "\(again)")
                #expect(found["beforeFirstRelease"]?.array?.isEmpty == true, "\(again)")
                #expect(found["nodes"]?.array?.map { $0["routesTo"] } == ["blue", "blue"], "\(again)")
            }
        }

        @Test(
            "nodes that disagree and directives that are not understood are told; a file that says something else is kept"
        )
        func disagreeing() async throws {
            try await withWorld(nodes: 2) { world in
                let installed = InstalledByHand(upstreamLines: "ip_hash;\n")
                try await installed.make(in: world)
                var other = installed
                other.live = "green"
                try world.write(other.upstream(in: world), to: world.upstreamFile(2))
                try await world.reloadByHand(2)
                let shown = try await world.viridian("adopt", "blog", "--print")
                #expect(shown.status == 0 && shown.output.contains("\napp: blog\n"), "\(shown)")
                #expect(!FileManager.default.fileExists(atPath: world.directory + "/apps/blog.yaml"))
                let said = try await world.viridian("adopt", "blog")
                #expect(said.status == 0, "\(said)")
                #expect(
                    said.output.contains("the nodes disagree: node-1 routes to blue, node-2 routes to green"), "\(said)"
                )
                #expect(said.output.contains("`ip_hash` in upstream blogLB"), "\(said)")
                let text = try world.read("apps/blog.yaml")
                #expect(text == shown.output)
                let changed = text.replacing("container: 9000", with: "container: 9001")
                try world.write(changed, to: "apps/blog.yaml")
                let differing = try await world.viridian("adopt", "blog")
                #expect(differing.status == 1, "\(differing)")
                #expect(differing.output.contains("apps/blog.yaml: exists, not changed"), "\(differing)")
                #expect(
                    differing.output.contains(
                        "ports: container 9001, blue \(world.ports.blue), green \(world.ports.green) is configured, container 9000"
                    ),
                    "\(differing)")
                #expect(try world.read("apps/blog.yaml") == changed)
            }
        }

        @Test("an app that does not run here is refused with what was found, and without viridian.yaml init is named")
        func refused() async throws {
            try await withWorld(nodes: 1) { world in
                try await InstalledByHand().make(in: world)
                let said = try await world.viridian("adopt", "www")
                #expect(said.status == 1, "\(said)")
                #expect(said.error.contains("namespace www has no services www-blue and www-green"), "\(said)")
                #expect(!FileManager.default.fileExists(atPath: world.directory + "/apps/www.yaml"))
                let server = try await world.viridian("adopt", "blog", "--server", "http://127.0.0.1:1")
                #expect(server.status == 64 && server.error.contains("it writes a file on this machine"), "\(server)")
            }
            try await inAnEmptyFolder { viridian in
                let said = try await viridian("adopt", "blog")
                #expect(said.status == 1 && said.error.contains("`viridian init` writes one"), "\(said)")
            }
        }
    }
}
