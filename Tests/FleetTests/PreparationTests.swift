import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// Preparation of nodes while pods start.
@Suite struct PreparationTests {
    @Test(
        "an artifact fetched by the preparation is in place after staging, which fetches nothing",
        arguments: shells)
    func fetched(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            let node = it.site.node
            var plan = it.plan(ArtifactPlan(.url(try await it.serve("two"))))
            // The pods have not started: nothing answers yet.
            plan.probe = .http(path: "/")
            plan.port = it.site.green
            plan.postDeploy = PostDeployCommand(command: "echo \(it.directory)/post >>\(it.directory)/post")
            try await fleet.prepare(it.upstream, on: node, plan)
            #expect(it.releases == ["2"] && it.current == nil)
            #expect(!FileManager.default.fileExists(atPath: it.directory + "/post"))
            #expect(try it.site.text() == it.site.article())

            // From now on there is nothing to fetch.
            try FileManager.default.removeItem(atPath: it.directory + "/files/blog.tgz")
            let staged = try await fleet.stage(it.upstream, on: node, plan)
            #expect(it.releases == ["2"] && it.current == nil)
            #expect(staged.assets?.wanted[it.site.green] == "releases/2", "\(String(describing: staged.assets))")
            // Steps that need running pods are done once, in staging.
            #expect(try String(contentsOfFile: it.directory + "/post", encoding: .utf8) == it.directory + "/post\n")
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.green, token: 2)
            #expect(try it.served() == "two" && it.current == "releases/2")

            // By another process, and for another release, nothing has been prepared.
            for (fleet, token) in [(try it.site.fleet(LocalTransport(shell: shell)), 2), (fleet, 3)] {
                let other = it.plan(plan.artifact, version: "3", port: it.site.blue, token: token)
                let failure = await #expect(throws: NodeFailure.self) {
                    try await fleet.stage(it.upstream, on: node, other)
                }
                #expect(failure?.description.contains("the artifact is not in place") == true, "\(token)")
            }
        }
    }

    @Test(
        "an artifact that cannot be fetched is reported by the preparation, and by staging, until it can be",
        arguments: shells)
    func failing(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            let node = it.site.node
            let plan = it.plan(ArtifactPlan(.url("http://127.0.0.1:\(it.port)/blog.tgz?X-Amz-Signature=5ec7e7")))
            for early in [true, false] {
                let failure = await #expect(throws: NodeFailure.self) {
                    if early {
                        try await fleet.prepare(it.upstream, on: node, plan)
                    } else {
                        _ = try await fleet.stage(it.upstream, on: node, plan)
                    }
                }
                let text = failure?.description ?? ""
                #expect(text.contains("the artifact is not in place") && text.contains("404"), "\(text)")
                #expect(!text.contains("5ec7e7"))
                #expect(it.releases.isEmpty && it.current == nil)
                #expect(try it.site.text() == it.site.article())
            }
            // A preparation that failed is not taken for one: when the file is there, staging fetches it.
            _ = try await it.serve("two")
            _ = try await fleet.stage(it.upstream, on: node, plan)
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.green, token: 2)
            #expect(try it.served() == "two")
        }
    }

    @Test("the path of a URL is requested unchanged, as it may be signed", arguments: shells)
    func literalPath(shell: [String]) async throws {
        try await withAssetSite { it in
            // A server that treats a path as an opaque name, like S3.
            let names =
                "location / { if ($request_uri !~ \"^/blog/\\./a/\\.\\./blog.tgz\\?\") { return 403; } root \(it.directory)/files; rewrite ^ /blog.tgz break; }"
            try it.site.write("server { listen 127.0.0.1:\(it.port); \(names) }", to: "hosts.d/files.conf")
            try await it.site.reloadByHand()
            _ = try await it.serve("two")
            let url = "http://127.0.0.1:\(it.port)/blog/./a/../blog.tgz?X-Amz-Signature=5ec7e7"
            _ = try await it.site.fleet(LocalTransport(shell: shell))
                .stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
            #expect(it.releases == ["2"])

            let withoutCurl = AlteredTransport(replaced: ["command -v curl": "false"])
            let failure = await #expect(throws: NodeFailure.self) {
                try await it.site.fleet(withoutCurl)
                    .stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url)), version: "3"))
            }
            #expect(failure?.description.contains("curl is needed") == true, "\(String(describing: failure))")
        }
    }

    @Test(
        "a new file for an app with a preview host has the preview's upstream, and both are switched together"
    )
    func preview() async throws {
        try await withSite { site in
            try FileManager.default.removeItem(atPath: site.file)
            let port = try await freePorts(1)[0]
            let host = VirtualHost(listen: "127.0.0.1:\(port)", upstream: UpstreamFile.previewName(of: "blogLB"))
            try site.write(host.rendered, to: "hosts.d/1-preview.conf")
            var upstream = site.upstream
            let fleet = try site.fleet()
            let plan = StagePlan(port: site.green, token: 1, version: "v", color: "green", release: "blog/1")
            // Without it nginx does not take the configuration with that host.
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.stage(upstream, on: site.node, plan)
            }
            #expect(failure?.description.contains("host not found in upstream \"blogLB-preview\"") == true)
            upstream.preview = "preview.domain.com"
            _ = try await fleet.stage(upstream, on: site.node, plan)
            #expect(!FileManager.default.fileExists(atPath: site.file))
            _ = try await fleet.switch(upstream, on: site.node, to: site.green, token: 1)
            #expect(
                try site.text()
                    == UpstreamFile.rendered(
                        upstream: "blogLB", ports: site.upstream.ports, live: site.green, preview: true))
            #expect(try await site.answer() == "green")
            #expect(try await get(port: port) == "blue")
            _ = try await fleet.switch(upstream, on: site.node, to: site.blue, token: 2)
            #expect(try await site.answer() == "blue")
            #expect(try await get(port: port) == "green")
        }
    }
}
