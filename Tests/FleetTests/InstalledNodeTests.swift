import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// Talks with the program as sshd starts it for a key with a forced command: whatever the client asks for, this is what runs, with
/// that in SSH_ORIGINAL_COMMAND.
private struct InstalledTransport: NodeTransport {
    var program: String
    var original = "sh"

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let (input, writer) = AsyncStream<String>.makeStream()
        writer.yield(NodeSession.request(1, arguments: arguments, payload: payload))
        let command = Command(
            program,
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "SSH_ORIGINAL_COMMAND": original, "ENV": original])
        let follow: @Sendable (OutputLine) async -> Void = { line in
            if line.text.hasPrefix("end=1 ") { writer.finish() }
            await onLine(line)
        }
        return try await command.run(deadline: deadline, input: input, onLine: follow).termination
    }
}

private struct InstalledSite: Sendable {
    var it: AssetSite
    var program: String
    var configuration: String

    init(_ it: AssetSite, upstream: String? = "blogLB", post: String? = nil, artifact: String? = nil) throws {
        self.it = it
        program = it.directory + "/viridian-node"
        configuration = it.directory + "/node.conf"
        try Data(InstalledNode.program(configuration: configuration).utf8).write(to: URL(fileURLWithPath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let app = InstalledNode.App(
            name: "blog", ports: [it.site.blue, it.site.green], upstream: upstream, postDeploy: post,
            assets: it.assets, artifact: artifact)
        try write(InstalledNode.configuration(it.site.settings, apps: [app]))
    }

    func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: configuration)
    }

    func fleet(_ change: (inout NodeSettings) -> Void = { _ in }) throws -> Fleet {
        try it.site.fleet(InstalledTransport(program: program, original: "touch \(it.directory)/ran"), change)
    }

    /// The script's output for a custom request of the key's holder.
    func answer(_ action: String, _ arguments: [String], _ payload: NodePayload = .none) async throws -> [String] {
        let (said, nginx) = (Said(), it.site.nginx)
        let fixed = [
            "app=blog", "backends=\(nginx.backends)", "test=\(nginx.test)", "reload=\(nginx.reload)",
            "pid=\(nginx.pidFile)",
        ]
        _ = try await InstalledTransport(program: program).run(
            arguments: [action] + fixed + arguments, payload: payload, on: it.site.node, sudo: false,
            deadline: .seconds(600)
        ) { await said.add($0.text) }
        return await said.all
    }

    func refusal(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "not refused"
        } catch let failure as NodeFailure {
            guard case .forbidden(let what) = failure.reason else { return "\(failure)" }
            return what
        } catch {
            return "\(error)"
        }
    }
}

@Suite struct InstalledNodeTests {
    @Test("an installed script reads, stages, fetches from the configured source, switches and reverts")
    func works() async throws {
        try await withAssetSite { it in
            let command = "echo post for $VIRIDIAN_VERSION"
            let installed = try InstalledSite(it, post: command, artifact: "http://127.0.0.1:\(it.port)/")
            let fleet = try installed.fleet()
            var plan = it.plan(ArtifactPlan(.url(try await it.serve("one"))))
            plan.postDeploy = PostDeployCommand(command: command)
            let lines = Lines()
            _ = try await fleet.stage(it.upstream, on: it.site.node, plan) { await lines.add($0) }
            #expect(await lines.all == ["post for 2"])
            _ = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            #expect(try it.site.text() == it.site.article(live: "green") && it.current == "releases/2")
            _ = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.blue, token: 3)
            #expect(try it.site.text() == it.site.article())
            #expect(try await it.site.answer() == "blue")
            let drain = try await fleet.drain(it.upstream, on: it.site.node, port: it.site.green)
            #expect(drain.connections == 0)
            #expect(!FileManager.default.fileExists(atPath: it.directory + "/ran"))
        }
    }

    @Test("the key's holder cannot use other commands, paths, ports, sources or texts")
    func refuses() async throws {
        try await withAssetSite { it in
            let installed = try InstalledSite(it, post: "true", artifact: "http://127.0.0.1:\(it.port)/blog/")
            let (upstream, node) = (it.upstream, it.site.node)
            let mark = it.directory + "/ran"
            func reading(_ change: (inout NodeSettings) -> Void) async -> String {
                await installed.refusal {
                    let fleet = try installed.fleet(change)
                    _ = try await fleet.read(upstream, on: [node])[0].outcome.get()
                }
            }
            #expect(await reading { $0.test = "touch \(mark)" }.hasPrefix("test is not what"))
            #expect(await reading { $0.reload = "touch \(mark)" }.hasPrefix("reload is not what"))
            #expect(await reading { $0.backends = "/etc" }.hasPrefix("backends is not what"))
            #expect(await reading { $0.pid = "/tmp/other.pid" }.hasPrefix("pid is not what"))
            let fleet = try installed.fleet()
            func staging(_ change: (inout StagePlan, inout Upstream) -> Void) async -> String {
                var (plan, upstream) = (it.plan(nil), upstream)
                change(&plan, &upstream)
                let (changed, other) = (plan, upstream)
                return await installed.refusal { _ = try await fleet.stage(other, on: node, changed) }
            }
            #expect(
                await staging { plan, _ in plan.postDeploy = PostDeployCommand(command: "touch \(mark)") }.hasPrefix(
                    "postDeploy.blog is not"))
            #expect(await staging { _, upstream in upstream.assets = "/etc" }.hasPrefix("assets.blog is not"))
            #expect(await staging { _, upstream in upstream.app = "www" }.contains("has no ports.www"))
            for assets in [it.assets, nil] {
                let said = await staging { plan, upstream in
                    upstream = Upstream(
                        app: "blog", name: "blogLB", bluePort: it.site.blue, greenPort: 22, assets: assets)
                    plan.port = 22
                }
                #expect(said.contains(assets == nil ? "port 22 is not one of ports.blog" : "ports.blog is not what"))
            }
            for url in [
                "http://127.0.0.1:\(it.port)/other.tgz", "http://127.0.0.1:\(it.port)/blog/../other.tgz",
                "http://evil.example.com/?http://127.0.0.1:\(it.port)/blog/",
                "http://127.0.0.1:\(it.port)/blog/%2e%2E/other.tgz",
            ] {
                #expect(
                    await staging { plan, _ in plan.artifact = ArtifactPlan(.url(url)) }.contains(
                        "does not come from artifact.blog"), "\(url)")
            }
            let file = it.directory + "/blog.tar"
            try Data(Archive.assets("x").whole).write(to: URL(fileURLWithPath: file))
            #expect(
                await staging { plan, _ in plan.artifact = ArtifactPlan(.file(file)) }.contains("does not say file"))
            // Another upstream.
            for (old, new) in [
                (it.site.article(), "upstream blogLB { server 127.0.0.1:\(it.site.green); server 10.6.6.6:80; }\n"),
                (it.site.article(), it.site.article(live: "green") + "include /tmp/evil.conf;\n"),
            ] {
                let all = try await installed.answer(
                    "switch", ["token=9", "expect=yes", "port=\(it.site.green)"],
                    .texts([.init("old", Array(old.utf8)), .init("new", Array(new.utf8))]))
                #expect(all.contains("forbidden=the new file differs in more than the word down"), "\(all)")
                #expect(try it.site.text() == it.site.article())
            }
            #expect(!FileManager.default.fileExists(atPath: mark))
            #expect(it.releases.isEmpty)
        }
    }

    @Test("without its configuration file, or with one writable by others, it refuses everything")
    func needsItsFile() async throws {
        try await withAssetSite { it in
            let installed = try InstalledSite(it)
            let fleet = try installed.fleet()
            func refusal() async -> String {
                await installed.refusal { _ = try await fleet.read(it.upstream, on: [it.site.node])[0].outcome.get() }
            }
            #expect(await refusal() == "not refused")
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: installed.configuration)
            #expect(await refusal().contains("must belong to root"))
            try FileManager.default.removeItem(atPath: installed.configuration)
            #expect(await refusal().contains("does not exist or cannot be read"))
        }
    }

    @Test("a node without the app's file gets an upstream of its two ports, and no other text")
    func firstFile() async throws {
        try await withAssetSite { it in
            let installed = try InstalledSite(it)
            try FileManager.default.removeItem(atPath: it.site.file)
            let fleet = try installed.fleet()
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(nil))
            _ = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            #expect(try await it.site.answer() == "green")
        }
    }

    @Test(
        "without an upstream file, the key's holder cannot create an upstream with another name, which other sites may use"
    )
    func otherUpstreams() async throws {
        try await withAssetSite { it in
            try FileManager.default.removeItem(atPath: it.site.file)
            let servers = """
                    server 127.0.0.1:\(it.site.blue) max_fails=0;
                    server 127.0.0.1:\(it.site.green) max_fails=0 down;
                }

                """
            func making(_ text: String, in installed: InstalledSite) async throws -> [String] {
                try await installed.answer(
                    "switch", ["token=9", "expect=no", "port=\(it.site.blue)"], .texts([.init("new", Array(text.utf8))])
                )
            }
            let installed = try InstalledSite(it)
            for name in ["api.internal", "blogLB-other", "blog", "blogLB {}\nupstream api"] {
                for before in ["", "upstream blogLB {\n\(servers)"] {
                    let said = try await making("\(before)upstream \(name) {\n\(servers)", in: installed)
                    #expect(
                        said.contains("forbidden=the new file is more than an upstream of the two ports"), "\(said)")
                    #expect(!FileManager.default.fileExists(atPath: it.site.file))
                }
            }
            let unnamed = try InstalledSite(it, upstream: nil)
            let said = try await making("upstream blogLB {\n\(servers)", in: unnamed)
            #expect(said.contains { $0.hasPrefix("forbidden=") && $0.hasSuffix("has no upstream.blog") }, "\(said)")
            let own = try await making("upstream blogLB {\n\(servers)", in: try InstalledSite(it))
            #expect(own.contains("verified=yes"), "\(own)")
        }
    }

    @Test(
        "an installed script is checked, also while a colour is live, and refuses only the apps that its file does not have so"
    )
    func checks() async throws {
        try await withAssetSite { it in
            let installed = try InstalledSite(it)
            let fleet = try installed.fleet()
            var (www, ports, assets, upstream) = (it.upstream, it.upstream, it.upstream, it.upstream)
            www.app = "www"
            ports.ports = PortPair(blue: it.site.blue, green: 22)
            assets.assets = "/etc"
            upstream.name = "otherLB"
            let results = await fleet.check(
                [it.upstream, www].map { CheckedApp($0, livePort: it.site.blue) }, on: it.site.node)
            let report = try results[0].get()
            #expect(report.accepted && report.isIncluded == true && report.openPorts == [it.site.blue])
            #expect(report.disks.allSatisfy { $0.isWritable })
            func refusal(_ result: Result<CheckReport, NodeFailure>) async -> String {
                await installed.refusal { _ = try result.get() }
            }
            let unknown = await refusal(results[1])
            #expect(unknown.hasSuffix("has no ports.www"), "\(unknown)")
            for (other, name) in [(ports, "ports"), (assets, "assets"), (upstream, "upstream")] {
                let refused = await fleet.check([CheckedApp(other, livePort: it.site.blue)], on: it.site.node)
                let said = await refusal(refused[0])
                #expect(said.hasPrefix("\(name).blog is not what"), "\(said)")
            }
            let elsewhere = try installed.fleet { $0.test = "touch \(it.directory)/ran" }
            let refused = await elsewhere.check([CheckedApp(it.upstream, livePort: nil)], on: it.site.node)
            let said = await refusal(refused[0])
            #expect(said.hasPrefix("test is not what"), "\(said)")
            #expect(!FileManager.default.fileExists(atPath: it.directory + "/ran"))
        }
    }

    @Test("an installed script shows nginx's configuration only where its file says inspect=yes")
    func inspects() async throws {
        try await withAssetSite { it in
            let installed = try InstalledSite(it)
            let fleet = try installed.fleet()
            // An app of which the file knows nothing.
            func result() async throws -> Result<NodeInspection, NodeFailure> {
                try await fleet.inspect(app: "www", on: [it.site.node])[0]
            }
            let refused = try await result()
            guard case .failure(let failure) = refused, case .forbidden(let what) = failure.reason else {
                Issue.record("\(refused)")
                return
            }
            #expect(what == "\(installed.configuration) does not have inspect=yes")
            let text = try String(contentsOfFile: installed.configuration, encoding: .utf8)
            try installed.write(text + "inspect=yes\n")
            let found = try await result().get()
            #expect(found.configuration.upstreams.map(\.name) == ["blogLB"])
            let other = try installed.fleet { $0.test = "touch \(it.directory)/ran" }
            let others = try await other.inspect(app: "www", on: [it.site.node])
            #expect(throws: NodeFailure.self) { try others[0].get() }
            #expect(!FileManager.default.fileExists(atPath: it.directory + "/ran"))
        }
    }

    @Test("an unreachable release number is refused, so that later releases are not locked out")
    func lockOut() async throws {
        try await withAssetSite { it in
            let fleet = try InstalledSite(it).fleet()
            _ = await fleet.read(it.upstream, on: [it.site.node], claiming: 84)
            for token in [1_000_085, 1 << 53, Int.max] {
                let reading = await fleet.read(it.upstream, on: [it.site.node], claiming: token)[0]
                #expect(reading.failure != nil, "\(token)")
            }
            let reading = await fleet.read(it.upstream, on: [it.site.node], claiming: 86)[0]
            #expect(try reading.outcome.get().token == 86)
        }
    }

    @Test("files are received and unpacked only in the app's assets directory")
    func elsewhere() async throws {
        try await withAssetSite { it in
            let installed = try InstalledSite(it, artifact: "file")
            for assets in [[], ["assets="], ["assets=\(it.directory)"], ["assets=\(it.assets)/.."]] {
                for (action, arguments) in [
                    ("receive", ["offset=0", "size=3"]), ("stage", ["artifact=part", "port=\(it.site.green)"]),
                ] {
                    let said = try await installed.answer(
                        action, ["token=9", "version=v1"] + arguments + assets, .bytes([1, 2, 3]))
                    #expect(said.contains { $0.hasPrefix("forbidden=assets.blog is not what") }, "\(assets) \(said)")
                }
            }
            #expect(!FileManager.default.fileExists(atPath: "/releases"))
            #expect(!FileManager.default.fileExists(atPath: it.directory + "/releases"))
            let endless = try await installed.answer(
                "receive", ["token=9", "version=v1", "assets=\(it.assets)", "offset=67108864", "size=3"],
                .bytes([1, 2, 3]))
            #expect(endless.contains { $0.hasPrefix("misused=offset") }, "\(endless)")
        }
    }

    @Test("a source without a slash after its host allows no host")
    func openSources() async throws {
        try await withAssetSite { it in
            for (source, url) in [
                ("https://assets.example.com", "https://assets.example.com.evil.invalid/x.tgz"),
                ("https://assets.example.com", "https://assets.example.com@127.0.0.1:1/x.tgz"),
                ("https://", "https://evil.invalid/x.tgz"), ("https:///", "https:///evil.invalid/x.tgz"),
            ] {
                let installed = try InstalledSite(it, artifact: source)
                let plan = it.plan(ArtifactPlan(.url(url)))
                let said = await installed.refusal {
                    _ = try await installed.fleet().stage(it.upstream, on: it.site.node, plan)
                }
                #expect(said.contains("needs a slash after its host"), "\(source): \(said)")
            }
        }
    }

    @Test("the line in authorized_keys lets the client run nothing else")
    func authorizedKey() async throws {
        #expect(
            InstalledNode.authorizedKey("ssh-ed25519 AAAA deploy")
                == "restrict,command=\"sudo -n /usr/local/sbin/viridian-node\" ssh-ed25519 AAAA deploy")
    }
}

private actor Said {
    private(set) var all: [String] = []
    func add(_ text: String) { all.append(text) }
}
