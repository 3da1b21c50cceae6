import Fleet
import Foundation
import Glibc
import Nginx
import Processes
import Testing

/// A node with an assets directory, and a web server with artifacts.
struct AssetSite: Sendable {
    var site: Site
    var directory: String
    /// What `served` puts there.
    var port: Int

    var assets: String { directory + "/srv/blog" }
    var upstream: Upstream {
        Upstream(app: "blog", name: "blogLB", bluePort: site.blue, greenPort: site.green, assets: assets)
    }

    func serve(_ bytes: [UInt8], as name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: directory + "/files/" + name))
        return "http://127.0.0.1:\(port)/\(name)"
    }

    func serve(_ text: String, as name: String = "blog.tgz") async throws -> String {
        try serve(try await gzipped(Archive.assets(text).whole, in: directory), as: name)
    }

    func plan(
        _ artifact: ArtifactPlan?,
        version: String = "2",
        port: Int? = nil,
        token: Int = 2
    ) -> StagePlan {
        StagePlan(
            port: port ?? site.green, token: token, version: version, color: "green", release: "blog/\(token)",
            artifact: artifact)
    }

    /// Everything in the directory of releases, hidden names too.
    var releases: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: assets + "/releases")) ?? []).sorted()
    }

    var current: String? { link("current") }

    /// What a link beside the releases points at.
    func link(_ name: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: assets + "/" + name)
    }

    func served(_ name: String = "css/a.css") throws -> String {
        try String(contentsOfFile: assets + "/current/" + name, encoding: .utf8)
    }
}

func withAssetSite(_ body: @escaping @Sendable (AssetSite) async throws -> Void) async throws {
    try await withDirectory { directory in
        try FileManager.default.createDirectory(atPath: directory + "/files", withIntermediateDirectories: true)
        try await withSite(extraHosts: []) { site in
            let port = try await freePorts(1)[0]
            try site.write("server { listen 127.0.0.1:\(port); root \(directory)/files; }", to: "hosts.d/files.conf")
            try await site.reloadByHand()
            try await body(AssetSite(site: site, directory: directory, port: port))
        }
    }
}

@Suite struct ArtifactTests {
    @Test("assets are unpacked beside the current ones, and follow the switch and its revert", arguments: shells)
    func follows(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            let node = it.site.node
            // The first release: no assets yet.
            var url = try await it.serve("one")
            _ = try await fleet.stage(it.upstream, on: node, it.plan(ArtifactPlan(.url(url)), version: "1", token: 1))
            #expect(it.current == nil && it.releases == ["1"])
            let first = try await fleet.switch(it.upstream, on: node, to: it.site.green, token: 1)
            #expect(it.current == "releases/1" && first.report.assets?.current == "releases/1")
            #expect(try it.served() == "one" && it.served("css/b.css") == "one")
            // The second, on the other colour.
            url = try await it.serve("two")
            let plan = it.plan(ArtifactPlan(.url(url)), version: "2", port: it.site.blue)
            let staged = try await fleet.stage(it.upstream, on: node, plan)
            #expect(it.current == "releases/1" && it.releases == ["1", "2"])
            #expect(
                staged.assets?.wanted == [it.site.blue: "releases/2", it.site.green: "releases/1"],
                "\(String(describing: staged.assets))")
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.blue, token: 2)
            #expect(try it.served() == "two")
            // Back: nothing is fetched. Before the first release nothing was served.
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.green, token: 3)
            #expect(try it.served() == "one")
            let readings = await fleet.read(it.upstream, on: [node])
            let report = try #require(readings[0].report)
            #expect(report.assets?.missing(for: it.site.green) == nil && report.livePort == it.site.green)
        }
    }

    @Test("beside the current assets are links to the candidate's and to the previous ones", arguments: shells)
    func neighbours(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            let node = it.site.node
            var url = try await it.serve("one")
            _ = try await fleet.stage(it.upstream, on: node, it.plan(ArtifactPlan(.url(url)), version: "1", token: 1))
            #expect(it.link("candidate") == "releases/1" && it.link("previous") == nil)
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.green, token: 1)
            #expect(it.link("candidate") == "releases/1" && it.link("previous") == nil)
            url = try await it.serve("two")
            let plan = it.plan(ArtifactPlan(.url(url)), version: "2", port: it.site.blue)
            _ = try await fleet.stage(it.upstream, on: node, plan)
            #expect(it.link("candidate") == "releases/2" && it.link("previous") == nil)
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.blue, token: 2)
            #expect(it.current == "releases/2" && it.link("previous") == "releases/1")
            // A switch that changes nothing forgets nothing.
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.blue, token: 2)
            #expect(it.link("previous") == "releases/1")
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.green, token: 3)
            #expect(it.current == "releases/1" && it.link("previous") == "releases/2")
            // One that is refused leaves it as it was.
            let broken = try it.site.fleet(LocalTransport(shell: shell)) { $0.reload = "exit 1" }
            await #expect(throws: NodeFailure.self) {
                try await broken.switch(it.upstream, on: node, to: it.site.blue, token: 4)
            }
            #expect(it.current == "releases/1" && it.link("previous") == "releases/2")
            // What somebody else keeps under the name stays, and is in nobody's way.
            try FileManager.default.removeItem(atPath: it.assets + "/previous")
            try FileManager.default.createDirectory(
                atPath: it.assets + "/previous", withIntermediateDirectories: false)
            _ = try await fleet.switch(it.upstream, on: node, to: it.site.blue, token: 5)
            #expect(it.current == "releases/2" && it.link("previous") == nil)
        }
    }

    @Test("a manually changed link is reported, and a switch to the current colour fixes it")
    func repaired() async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet()
            let url = try await it.serve("one")
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url)), version: "1"))
            _ = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            try FileManager.default.removeItem(atPath: it.assets + "/current")
            try FileManager.default.createSymbolicLink(atPath: it.assets + "/current", withDestinationPath: "/tmp")
            let report = try #require(await fleet.read(it.upstream, on: [it.site.node])[0].report)
            #expect(report.assets?.current == "/tmp")
            #expect(report.assets?.missing(for: it.site.green) == "releases/1")
            let again = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            #expect(again.wasAlreadySwitched && it.current == "releases/1")
        }
    }

    @Test("a switch that nginx refuses leaves assets and upstream unchanged")
    func givenUp() async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet { $0.reload = "exit 1" }
            try FileManager.default.createDirectory(
                atPath: it.assets + "/releases/0", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: it.assets + "/current", withDestinationPath: "releases/0")
            let url = try await it.serve("one")
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url)), version: "1"))
            await #expect(throws: NodeFailure.self) {
                try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            }
            #expect(it.current == "releases/0" && it.link("previous") == nil)
            #expect(try it.site.text() == it.site.article())
            // Assets from before any release belong to the colour that was live then.
            let fixed = try it.site.fleet()
            _ = try await fixed.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            #expect(it.current == "releases/1")
            _ = try await fixed.switch(it.upstream, on: it.site.node, to: it.site.blue, token: 3)
            #expect(it.current == "releases/0")
        }
    }

    @Test(
        "a truncated, missing or invalid artifact, or one with another size or checksum, is refused",
        arguments: shells)
    func damaged(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            let good = try await gzipped(Archive.assets("good").whole, in: it.directory)
            let plain = Archive.assets("good").whole
            let zeros = String(repeating: "0", count: 64)
            let cases: [(ArtifactPlan, String)] = [
                (ArtifactPlan(.url(try it.serve(Array(good.dropLast(20)), as: "cut.tgz"))), "cannot be unpacked"),
                (ArtifactPlan(.url(try it.serve(Array(plain.prefix(1024)), as: "cut.tar"))), "was cut off"),
                (
                    ArtifactPlan(.url(try it.serve(good, as: "a.tgz")), size: good.count + 1),
                    "bytes, not \(good.count + 1)"
                ),
                (ArtifactPlan(.url(try it.serve(good, as: "b.tgz")), checksum: .sha256(zeros)), "not \(zeros)"),
                (ArtifactPlan(.url("http://127.0.0.1:\(it.port)/none.tgz?X-Amz-Signature=5ec7e7")), "404"),
                (ArtifactPlan(.url(try it.serve(Array("<html>".utf8), as: "c.tgz"))), "no archive"),
                (
                    ArtifactPlan(
                        .url(try it.serve(good, as: "d.tgz")),
                        checksum: .url(try it.serve(Array("<html>".utf8), as: "d.sha256"))), "no sha256"
                ),
            ]
            for (artifact, words) in cases {
                let failure = await #expect(throws: NodeFailure.self, "\(words)") {
                    try await fleet.stage(it.upstream, on: it.site.node, it.plan(artifact))
                }
                let text = failure?.description ?? ""
                #expect(text.contains("the artifact is not in place") && text.contains(words), "\(text)")
                #expect(!text.contains("5ec7e7"))
                #expect(it.releases.isEmpty && it.current == nil)
            }
            let digest = try await Command("sha256sum", [it.directory + "/files/a.tgz"]).run().output
            let sum = try it.serve(Array(digest.utf8), as: "a.sha256")
            let whole = ArtifactPlan(
                .url(try it.serve(good, as: "a.tgz")), checksum: .url(sum), size: good.count)
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(whole))
            #expect(it.releases == ["2"])
        }
    }

    @Test("the newest assets are kept, and those that either colour needs")
    func keep() async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet()
            for version in 1...5 {
                let url = try await it.serve("\(version)")
                let port = version.isMultiple(of: 2) ? it.site.blue : it.site.green
                let plan = it.plan(
                    ArtifactPlan(.url(url), keep: 1), version: "\(version)", port: port, token: version)
                _ = try await fleet.stage(it.upstream, on: it.site.node, plan)
                // The candidate, and the live version, which is about to be the previous one.
                #expect(it.releases == (version == 1 ? ["1"] : ["\(version - 1)", "\(version)"]))
                _ = try await fleet.switch(it.upstream, on: it.site.node, to: port, token: version)
                #expect(try it.served() == "\(version)")
            }
        }
    }

    @Test("directories in releases/ that Viridian did not create are never removed", arguments: shells)
    func foreign(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            for name in ["20141025.143403", "backup", ".before.2", ".kept.1.txt"] {
                try FileManager.default.createDirectory(
                    atPath: it.assets + "/releases/" + name, withIntermediateDirectories: true)
            }
            for version in 1...3 {
                let url = try await it.serve("\(version)")
                let plan = it.plan(ArtifactPlan(.url(url), keep: 1), version: "\(version)", token: version)
                _ = try await fleet.stage(it.upstream, on: it.site.node, plan)
            }
            #expect(it.releases == [".kept.1.txt", "20141025.143403", "3", "backup"])
        }
    }

    @Test("a releases/ that is a link or writable by others is refused, as root removes directories in it")
    func linked() async throws {
        try await withAssetSite { it in
            let files = FileManager.default
            let fleet = try it.site.fleet()
            let plan = it.plan(ArtifactPlan(.url(try await it.serve("one")), keep: 1))
            let precious = it.directory + "/precious"
            try files.createDirectory(atPath: precious + "/1", withIntermediateDirectories: true)
            try files.createDirectory(atPath: it.assets, withIntermediateDirectories: true)
            try files.createSymbolicLink(atPath: it.assets + "/releases", withDestinationPath: precious)
            func refusal(_ plan: StagePlan) async -> String {
                do {
                    _ = try await fleet.stage(it.upstream, on: it.site.node, plan)
                    return "not refused"
                } catch {
                    return "\(error)"
                }
            }
            #expect(await refusal(plan).contains("/releases is a symbolic link"))
            let path = it.directory + "/blog.tar"
            try Data(Archive.assets("local").whole).write(to: URL(fileURLWithPath: path))
            #expect(await refusal(it.plan(ArtifactPlan(.file(path)))).contains("/releases is a symbolic link"))
            #expect(try files.contentsOfDirectory(atPath: precious) == ["1"])
            try files.removeItem(atPath: it.assets + "/releases")
            for place in [it.assets + "/releases", it.assets] {
                try files.createDirectory(atPath: place, withIntermediateDirectories: true)
                try files.setAttributes([.posixPermissions: 0o777], ofItemAtPath: place)
                #expect(await refusal(plan).contains("\(place) can be written by"))
                try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
                guard geteuid() == 0 else { continue }
                try files.setAttributes([.ownerAccountID: 65534], ofItemAtPath: place)
                #expect(await refusal(plan).contains("\(place) can be written by others than root"))
                try files.setAttributes([.ownerAccountID: 0], ofItemAtPath: place)
            }
            #expect(await refusal(plan) == "not refused")
        }
    }

    @Test("a local file is sent over the conversations, in pieces", arguments: shells)
    func local(shell: [String]) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(LocalTransport(shell: shell))
            var archive = Archive.assets("local")
            var seed: UInt64 = 1
            let noise = (0..<700_000).map { _ -> Character in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1
                return Character(UnicodeScalar(33 + UInt8((seed >> 33) % 90)))
            }
            archive.add("noise.txt", .file, String(noise))
            let path = it.directory + "/blog.tar"
            try Data(archive.whole).write(to: URL(fileURLWithPath: path))
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.file(path))))
            #expect(it.releases == ["2"])
            _ = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            #expect(try it.served("noise.txt") == String(noise))
            for (missing, words) in [(it.directory + "/none.tar", "no file"), (it.directory, "no file")] {
                let failure = await #expect(throws: NodeFailure.self) {
                    try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.file(missing))))
                }
                #expect(failure?.description.contains(words) == true)
            }
        }
    }

    @Test(
        "a secret URL is in no process's arguments while it is fetched",
        arguments: [[:], ["command -v curl": "false"]])
    func secretURL(replaced: [String: String]) async throws {
        try await withAssetSite { it in
            // Slow enough to be inspected.
            let main = "server { listen 127.0.0.1:\(it.port); root \(it.directory)/files; limit_rate 60k; }"
            try it.site.write(main, to: "hosts.d/files.conf")
            try await it.site.reloadByHand()
            var archive = Archive.assets("slow")
            archive.add("big.bin", .file, String(repeating: "x", count: 240_000))
            let secret = "X-Amz-Signature=5ec7e7\(UUID().uuidString)"
            let url = try it.serve(archive.whole, as: "slow.tar") + "?" + secret
            let fleet = try it.site.fleet(AlteredTransport(replaced: replaced))
            let done = Flag()
            let seen = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
                    await done.set()
                    return 0
                }
                group.addTask {
                    var fetchers: Set<String> = []
                    while await !done.isSet {
                        for process in try FileManager.default.contentsOfDirectory(atPath: "/proc")
                        where Int(process) != nil {
                            guard let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
                            else {
                                continue
                            }
                            #expect(!words.contains(secret), "\(words)")
                            let fetcher = replaced.isEmpty ? "curl\0" : "wget\0"
                            if words.hasPrefix(fetcher), words.contains(it.assets) { fetchers.insert(process) }
                        }
                        try await Task.sleep(for: .milliseconds(20))
                    }
                    return fetchers.count
                }
                return try await group.reduce(0, +)
            }
            #expect(seen >= 1)
            #expect(it.releases == ["2"])
        }
    }

    @Test("an existing version is reused, and one in use is never replaced")
    func again() async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet()
            let one = try await gzipped(Archive.assets("one").whole, in: it.directory)
            let two = try await gzipped(Archive.assets("two").whole, in: it.directory)
            func plan(_ bytes: [UInt8], _ name: String, port: Int) async throws -> StagePlan {
                let url = try it.serve(bytes, as: name)
                let sum = try await Command("sha256sum", [it.directory + "/files/" + name]).run().output.prefix(64)
                return it.plan(ArtifactPlan(.url(url), checksum: .sha256(String(sum))), port: port)
            }
            _ = try await fleet.stage(it.upstream, on: it.site.node, try await plan(one, "1.tgz", port: it.site.green))
            // Not in use yet: another file of the same version takes its place.
            _ = try await fleet.stage(it.upstream, on: it.site.node, try await plan(two, "2.tgz", port: it.site.green))
            _ = try await fleet.switch(it.upstream, on: it.site.node, to: it.site.green, token: 2)
            #expect(try it.served() == "two")
            _ = try await fleet.stage(it.upstream, on: it.site.node, try await plan(two, "2.tgz", port: it.site.blue))
            let other = try await plan(one, "1.tgz", port: it.site.blue)
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.stage(it.upstream, on: it.site.node, other)
            }
            #expect(failure?.description.contains("is in use") == true, "\(String(describing: failure))")
            #expect(try it.served() == "two")
        }
    }

    @Test("a `current` that is not a link is refused, and partial files of a lost connection are removed")
    func leftovers() async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet()
            let url = try await it.serve("one")
            let half = it.assets + "/releases/.20151025.143403.7"
            try FileManager.default.createDirectory(atPath: half + "/css", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: it.assets + "/current", withIntermediateDirectories: true)
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
            }
            #expect(failure?.description.contains("is no symbolic link") == true)
            try FileManager.default.removeItem(atPath: it.assets + "/current")
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
            #expect(it.releases == ["2"])
        }
    }
}
