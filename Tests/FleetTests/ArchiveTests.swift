import Fleet
import Foundation
import Glibc
import Processes
import Testing

/// Archives that nodes unpack or refuse.
@Suite struct ArchiveTests {
    /// A named archive. Its first file is valid.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var archive: Archive

        var testDescription: String { name }

        init(_ name: String, _ build: (inout Archive) -> Void) {
            self.name = name
            archive = Archive()
            archive.add("good.css", .file, "good")
            build(&archive)
        }
    }

    private func mode(_ path: String) -> mode_t {
        var about = stat()
        return lstat(path, &about) == 0 ? about.st_mode & 0o7777 : 0
    }

    // MARK: - Taken

    private static let good = [
        Case("an owner called like the directory") {
            $0.add("app/", .directory, owner: "app", group: "app")
            $0.add("app/x", .file, "x", owner: "app", group: "app")
        },
        Case("a file called like a part of a date") {
            for name in ["2", "24", "2015-10-25", "14:34"] { $0.add(name, .file, "x", owner: "2", group: "24") }
        },
        Case("a group with a space") {
            $0.add("d/", .directory, owner: "AD\\jane doe", group: "domain users")
            $0.add("d/b c.css", .file, "x", owner: "AD\\jane doe", group: "domain users")
        },
        Case("names that look like what tar prints") {
            for name in ["-", "l", "-rw-r--r-", "a -> b", "link to c", "..c", "a..b"] { $0.add(name, .file, "x") }
            $0.add("s", .link, to: "a -> b")
        },
        Case("links that stay inside, and one to nothing") {
            $0.add("d/", .directory)
            $0.add("d/up", .link, to: "../good.css")
            $0.add("d/here", .link, to: ".")
            $0.add("d/top", .link, to: "..")
            $0.add("none", .link, to: "nothing")
        },
        Case("hard links among its own files, and to a link") {
            $0.add("one", .hardLink, to: "good.css")
            $0.add("link", .link, to: "good.css")
            $0.add("two", .hardLink, to: "link")
        },
    ]

    @Test(
        "archives of other machines are unpacked, whatever their accounts and files are called", arguments: good,
        Toolbox.installed)
    func taken(it: Case, toolbox: Toolbox) async throws {
        try await withAssetSite { site in
            let fleet = try site.site.fleet(try await toolbox.transport(in: site.directory))
            let url = try site.serve(it.archive.whole, as: "good.tar")
            _ = try await fleet.stage(site.upstream, on: site.site.node, site.plan(ArtifactPlan(.url(url))))
            #expect(site.releases == ["2"])
            #expect(try String(contentsOfFile: site.assets + "/releases/2/good.css", encoding: .utf8) == "good")
        }
    }

    @Test("nginx's user can read all files, and no file is setuid", arguments: Toolbox.installed)
    func modes(toolbox: Toolbox) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(try await toolbox.transport(in: it.directory))
            // As `umask 077` leaves them.
            var archive = Archive()
            archive.add("./", .directory, mode: 0o700)
            archive.add("./css/", .directory, mode: 0o2700)
            archive.add("./css/a.css", .file, "a", mode: 0o600)
            archive.add("./run", .file, "x", mode: 0o6700)
            archive.add("./cache/", .directory, mode: 0o1777)
            let url = try it.serve(archive.whole, as: "private.tar")
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
            let top = it.assets + "/releases/2"
            #expect(mode(top) == 0o755 && mode(top + "/css") == 0o755 && mode(top + "/run") == 0o755)
            #expect(mode(top + "/css/a.css") == 0o644)
            #expect(mode(top + "/cache") == 0o1777)
        }
    }

    // MARK: - Refused

    /// `outside` is a directory that no archive may write.
    private static func hostile(_ outside: String) -> [Case] {
        [
            Case("absolute name") { $0.add(outside + "/new", .file, "x") },
            Case("dots") { $0.add("../../../outside/new", .file, "x") },
            Case("dots inside") { $0.add("a/../../../../outside/new", .file, "x") },
            Case("the directory above") { $0.add("..", .link, to: outside) },
            Case("character device") { $0.add("null", .device) },
            Case("pipe") { $0.add("pipe", .pipe) },
            Case("link out") { $0.add("etc", .link, to: "/etc") },
            Case("link to itself by way of outside") { $0.add("self", .link, to: "/proc/self") },
            Case("relative link out") { $0.add("d/up", .link, to: "../../x") },
            Case("links of links") {
                $0.add("d/e/", .directory)
                $0.add("d/e/up", .link, to: "..")
                $0.add("out", .link, to: "d/e/up/../..")
            },
            Case("links of links to nothing") {
                $0.add("d/e/", .directory)
                $0.add("d/e/up", .link, to: "..")
                $0.add("out", .link, to: "d/e/up/../../nothing")
            },
            Case("through a link") {
                $0.add("a", .link, to: "b")
                $0.add("a/new", .file, "x")
            },
            Case("through a link out") {
                $0.add("a", .link, to: outside)
                $0.add("a/new", .file, "x")
            },
            Case("through a link out, with dots") {
                $0.add("./a", .link, to: outside)
                $0.add("a/./new", .file, "x")
            },
            Case("through a link out, with slashes") {
                $0.add("./a", .link, to: outside)
                $0.add(".//a//new", .file, "x")
            },
            Case("through a relative link out") {
                $0.add("a", .link, to: "../../../outside")
                $0.add("a/new", .file, "x")
            },
            Case("through a hard link to a link out") {
                $0.add("l", .link, to: outside)
                $0.add("h", .hardLink, to: "l")
                $0.add("h/new", .file, "x")
            },
            Case("a directory that becomes a link") {
                $0.add("d/", .directory)
                $0.add("d", .link, to: outside)
                $0.add("d/new", .file, "x")
            },
            Case("a link that becomes a directory") {
                $0.add("d", .link, to: outside)
                $0.add("d/", .directory, mode: 0o777)
            },
            Case("a file written through a link") {
                $0.add("f", .link, to: outside + "/file")
                $0.add("f", .file, "changed")
            },
            Case("the directory itself as a link") {
                $0.add(".", .link, to: outside)
                $0.add("new", .file, "x")
            },
            Case("hard link out") { $0.add("h", .hardLink, to: outside + "/file") },
            Case("relative hard link out") { $0.add("h", .hardLink, to: "../../../outside/file") },
            Case("a file written through a hard link") {
                $0.add("h", .hardLink, to: outside + "/file")
                $0.add("h", .file, "changed")
            },
            Case("a mode set through a hard link") {
                $0.add("h", .hardLink, to: outside + "/file", mode: 0o6777)
            },
            Case("line breaks in a link's name") {
                $0.add("a\nb", .link, to: outside)
                $0.add("a\nb/new", .file, "x")
            },
            Case("a name that is a line of tar's listing") {
                let name = "a\n-rw-r--r-- 0/0 1 2015-10-25 14:34:03 b"
                $0.add(name, .link, to: outside)
                $0.add(name + "/new", .file, "x")
            },
            Case("a line break in an owner's name") {
                $0.add("a", .link, to: outside, owner: "x\ny")
                $0.add("a/new", .file, "x")
            },
        ]
    }

    @Test("an archive that escapes its directory is refused, with nothing changed", arguments: Toolbox.installed)
    func refused(toolbox: Toolbox) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(try await toolbox.transport(in: it.directory))
            let outside = it.directory + "/srv/outside"
            try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
            try Data("safe".utf8).write(to: URL(fileURLWithPath: outside + "/file"))
            chmod(outside, 0o700)
            chmod(outside + "/file", 0o600)
            for hostile in Self.hostile(outside) {
                let url = try it.serve(hostile.archive.whole, as: "hostile.tar")
                let failure = await #expect(throws: NodeFailure.self, "\(hostile.name)") {
                    try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
                }
                guard case .artifact = failure?.reason else {
                    Issue.record("\(hostile.name): \(String(describing: failure))")
                    continue
                }
                #expect(it.releases.isEmpty && it.current == nil, "\(hostile.name): \(it.releases)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["file"], "\(hostile.name)")
                #expect(try String(contentsOfFile: outside + "/file", encoding: .utf8) == "safe", "\(hostile.name)")
                #expect(mode(outside) == 0o700 && mode(outside + "/file") == 0o600, "\(hostile.name)")
            }
        }
    }

    @Test(
        "a name that is a link and something else is refused before anything is unpacked", arguments: Toolbox.installed)
    func linkTwice(toolbox: Toolbox) async throws {
        try await withAssetSite { it in
            let fleet = try it.site.fleet(try await toolbox.transport(in: it.directory))
            let archives: [(Archive.Kind, String)] = [(.directory, "d/"), (.file, "./d"), (.link, "d")]
            for (kind, name) in archives {
                var archive = Archive()
                archive.add("d", .link, to: "elsewhere")
                archive.add(name, kind, to: kind == .link ? "there" : "")
                let url = try it.serve(archive.whole, as: "twice.tar")
                let failure = await #expect(throws: NodeFailure.self, "\(name)") {
                    try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
                }
                #expect(
                    "\(failure as Any)".contains("a link and something else of the same name"),
                    "\(name): \(failure as Any)")
            }
        }
    }

    @Test("a small archive that would fill the disk is refused before it does", arguments: Toolbox.installed)
    func bombs(toolbox: Toolbox) async throws {
        try await withAssetSite { it in
            let shell = toolbox == .busybox ? ["busybox", "sh"] : [toolbox.rawValue]
            let fleet = try it.site.fleet(
                AlteredTransport(shell: shell, replaced: ["most_unpacked=8589934592": "most_unpacked=2000000"]))
            var large = Archive()
            large.add("zeros", .file, String(repeating: "0", count: 3_000_000))
            var many = Archive()
            for number in 1...1500 { many.add("\(number)", .file, "") }
            var small = Archive()
            small.add("zeros", .file, String(repeating: "0", count: 500_000))
            for (name, archive) in [("large", large), ("many", many)] {
                for (bytes, ending) in [
                    (archive.whole, "tar"), (try await gzipped(archive.whole, in: it.directory), "tgz"),
                ] {
                    let url = try it.serve(bytes, as: "\(name).\(ending)")
                    let failure = await #expect(throws: NodeFailure.self) {
                        try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
                    }
                    #expect(
                        failure?.description.contains("is larger, once it is unpacked, than the 1953 KiB") == true,
                        "\(name).\(ending): \(String(describing: failure))")
                    #expect(it.releases.isEmpty)
                }
            }
            let url = try it.serve(try await gzipped(small.whole, in: it.directory), as: "small.tgz")
            _ = try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
            #expect(it.releases == ["2"])
        }
    }
}
