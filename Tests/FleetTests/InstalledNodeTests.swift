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

    init(_ it: AssetSite, post: String? = nil, artifact: String? = nil) throws {
        self.it = it
        program = it.directory + "/viridian-node"
        configuration = it.directory + "/node.conf"
        try Data(InstalledNode.program(configuration: configuration).utf8).write(to: URL(fileURLWithPath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let app = InstalledNode.App(
            name: "blog", ports: [it.site.blue, it.site.green], postDeploy: post, assets: it.assets, artifact: artifact)
        try write(InstalledNode.configuration(it.site.settings, apps: [app]))
    }

    func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: configuration)
    }

    func fleet(_ change: (inout NodeSettings) -> Void = { _ in }) throws -> Fleet {
        try it.site.fleet(InstalledTransport(program: program, original: "touch \(it.directory)/ran"), change)
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
    @Test("an installed script reads, stages, fetches from the named place, switches and goes back")
    func works() async throws {
        try await withAssetSite { it in
            let command = "echo post for $VIRIDIAN_VERSION"
            let installed = try InstalledSite(it, post: command, artifact: "http://127.0.0.1:\(it.port)/")
            let fleet = try installed.fleet()
            var plan = it.plan(ArtifactPlan(.url(try await it.serve("one"))))
            plan.postDeploy = PostDeploy(command: command)
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

    @Test("whoever holds its key can bring nothing of their own: commands, places, ports, sources, text")
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
                await staging { plan, _ in plan.postDeploy = PostDeploy(command: "touch \(mark)") }.hasPrefix(
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
            ] {
                #expect(
                    await staging { plan, _ in plan.artifact = ArtifactPlan(.url(url)) }.contains(
                        "is not where this artifact is"), "\(url)")
            }
            let file = it.directory + "/blog.tar"
            try Data(Archive.assets("x").whole).write(to: URL(fileURLWithPath: file))
            #expect(
                await staging { plan, _ in plan.artifact = ArtifactPlan(.file(file)) }.contains("does not say file"))
            // An upstream of their own.
            let transport = InstalledTransport(program: installed.program)
            for (old, new) in [
                (it.site.article(), "upstream blogLB { server 127.0.0.1:\(it.site.green); server 10.6.6.6:80; }\n"),
                (it.site.article(), it.site.article(live: "green") + "include /tmp/evil.conf;\n"),
            ] {
                let said = Said()
                _ = try await transport.run(
                    arguments: [
                        "switch", "app=blog", "backends=\(it.site.nginx.backends)", "test=\(it.site.nginx.test)",
                        "reload=\(it.site.nginx.reload)", "pid=\(it.site.nginx.pidFile)", "token=9", "expect=yes",
                        "port=\(it.site.green)",
                    ],
                    payload: .texts([.init("old", Array(old.utf8)), .init("new", Array(new.utf8))]), on: node,
                    sudo: false, deadline: .seconds(30)
                ) { await said.add($0.text) }
                let all = await said.all
                #expect(all.contains("forbidden=the new file differs in more than the word down"), "\(all)")
                #expect(try it.site.text() == it.site.article())
            }
            #expect(!FileManager.default.fileExists(atPath: mark))
            #expect(it.releases.isEmpty)
        }
    }

    @Test("without its file, or with one that others may write, it refuses everything")
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
            #expect(await refusal().contains("is not there"))
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

    @Test("the lines for sudoers and authorized_keys are taken by sudo and by sshd's own check")
    func lines() async throws {
        #expect(
            InstalledNode.sudoers(user: "deploy") == "deploy ALL=(root) NOPASSWD: /usr/local/sbin/viridian-node \"\"")
        #expect(
            InstalledNode.authorizedKey("ssh-ed25519 AAAA deploy")
                == "restrict,command=\"sudo -n /usr/local/sbin/viridian-node\" ssh-ed25519 AAAA deploy")
    }
}

private actor Said {
    private(set) var all: [String] = []
    func add(_ text: String) { all.append(text) }
}
