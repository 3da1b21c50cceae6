import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

/// What `script/package` makes, installed and used.
@Suite(.serialized, .timeLimit(.minutes(20)), .needs("dpkg-deb", "dpkg-shlibdeps", "objdump"))
struct PackageTests {
    @Test("the same sources make the same packages, byte for byte", arguments: ["deb", "tarball"])
    func reproducible(_ kind: String) async throws {
        let package = try await Packages.shared.package(kind)
        let first = try Data(contentsOf: URL(fileURLWithPath: package))
        let again = Packages.directory + "/again"
        defer { try? FileManager.default.removeItem(atPath: again) }
        let program = try await Packages.shared.linkedProgram()
        let second = try await Packages.run(
            "script/package", [kind, "--fast", "--binary", program, "--output", again],
            ["DEBFULLNAME": "Platform team", "DEBEMAIL": "platform@domain.com"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: second.trimmingCharacters(in: .newlines))) == first)
    }

    @Test("Debian's own check of packages finds nothing", .needs("lintian"))
    func lintian() async throws {
        let package = try await Packages.shared.package("deb")
        let said = try await Command("lintian", ["--allow-root", "--fail-on", "error,warning", package])
            .run(deadline: .seconds(600))
        #expect(said.succeeded && said.output.isEmpty, "\(said.output)\n\(said.error)")
    }

    @Test(
        "a clean Debian: installed with what it depends on, the program, its manual, its service and its user are there; purged, only the journal is",
        .needs("debootstrap"), .needsRoot)
    func debian() async throws {
        let package = try await Packages.shared.package("deb")
        try await withDebian { debian in
            try await debian.install(package)
            let version = try await debian("viridian", "version", as: "viridian")
            #expect(version.output.hasPrefix("viridian \(try await packagedVersion()) ("), "\(version)")
            let manual = try await debian("man", "viridian-deploy")
            #expect(manual.output.contains("Release a version of an app and follow it until it is live."), "\(manual)")
            let format = try await debian("man", "5", "viridian.yaml")
            #expect(format.output.contains("nodes.ssh.identityFile"), "\(format)")

            let unit = try await debian("systemd-analyze", "verify", "--man=no", "viridian.service")
            #expect(unit.succeeded && unit.error.isEmpty, "\(unit)")
            #expect(try await debian("systemctl", "is-enabled", "viridian").output == "enabled\n")
            // It is not started before there is a configuration, which the user of the service reads and root writes.
            let drop = debian.path + "/lib/systemd/system/viridian.service.d/configured.conf"
            let condition = try String(contentsOfFile: drop, encoding: .utf8)
            #expect(condition.contains("ConditionPathExists=/etc/viridian/viridian.yaml"))
            let owner = try await debian("stat", "-c", "%U:%G %a", "/etc/viridian", "/var/lib/viridian")
            #expect(owner.output == "root:viridian 750\nviridian:viridian 700\n", "\(owner)")

            let written = try await debian("viridian", "init", "/etc/viridian")
            #expect(written.succeeded, "\(written)")
            try Data("the journal".utf8).write(
                to: URL(fileURLWithPath: debian.path + "/var/lib/viridian/viridian.sqlite"))
            let purged = try await debian("apt-get", "purge", "-y", "-qq", "viridian")
            #expect(purged.succeeded, "\(purged)")
            // apt shows what dpkg says on a terminal of its own, as one stream.
            let told = purged.output + purged.error
            #expect(told.contains("the journal in /var/lib/viridian is kept"), "\(purged)")
            let left = try await debian(
                "find", "/etc", "/usr", "/lib", "/var/lib", "-name", "*viridian*", "-not", "-path", "*/dpkg/*")
            #expect(
                left.output.split(separator: "\n").sorted() == [
                    "/var/lib/viridian", "/var/lib/viridian/viridian.sqlite",
                ], "\(left)")
        }
    }

    @Test(
        "in a clean Debian, the server of the package runs as its user and answers", .needs("debootstrap"), .needsRoot)
    func service() async throws {
        let package = try await Packages.shared.package("deb")
        try await withWorld(nodes: 1) { world in
            try await withDebian { debian in
                try await debian.install(package)
                try serveConfiguration(of: world, in: debian.path + "/etc/viridian")
                let command = debian.command(["viridian", "serve", "--listen", "127.0.0.1:0"], as: "viridian")
                try await expectServing(command)
            }
        }
    }

    @Test(
        "an upgrade with a running release loses nothing: it goes on with the new program and ends live, and no request fails",
        .needs("debootstrap"), .needsRoot)
    func upgrade() async throws {
        // The same program in both: what is tried is that it is replaced, as a package manager does that, while it runs.
        let old = try await Packages.shared.package("deb", version: "0.0.9")
        let new = try await Packages.shared.package("deb", version: "0.1.0")
        let newer = try await Packages.shared.package("deb", version: "0.1.1")
        try await withWorld(.init(drain: "{least: 3s, most: 60s}")) { world in
            try await withDebian { debian in
                try await debian.install(old)
                var installed = world.viridian
                installed.executable = debian.path + "/usr/bin/viridian"
                let viridian = installed
                try await world.release("v1")
                let token = try await world.token()

                let (_, watched) = try await world.watched {
                    try await viridian.serving { server in
                        try await request(#"{"version": "v2", "verify": true}"#, of: server, token)
                        try await server.wait(for: "paused", of: 2, token)
                        try await debian.install(new)
                        // The program is another one now; the server goes on until it is restarted, as systemd does it: SIGTERM.
                        #expect(try await server.get("/healthz", token: nil).status == 200)
                    }
                    try await viridian.serving { server in
                        #expect(try await server.state(of: 2, token) == "paused")
                        let answer = try await server.post("/api/v1/apps/blog/releases/2/promote", "{}", token: token)
                        #expect(answer.status == 202, "\(String(decoding: answer.body, as: UTF8.self))")
                        try await server.wait(for: "live", of: 2, token)
                        // And in the middle of a switch that is being drained.
                        try await request(#"{"version": "v3"}"#, of: server, token)
                        let isDraining = try await eventually {
                            let answer = try await server.get("/api/v1/apps/blog/releases/3", token: token)
                            return try JSON(parsing: answer.body)["phase"]?.string == "draining"
                        }
                        #expect(isDraining)
                        try await debian.install(newer)
                    }
                    try await viridian.serving { server in try await server.wait(for: "live", of: 3, token) }
                }
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(watched.versions.keys.sorted() == ["v1", "v2", "v3"], "\(watched.versions)")
                try await world.expectLive("v3", on: "blue", release: 3)
                #expect(try await debian("dpkg-query", "-W", "viridian").output == "viridian\t0.1.1\n")
            }
        }
    }

    @Test("the tarball, unpacked: the program, its manual and its completions")
    func tarball() async throws {
        let package = try await Packages.shared.package("tarball")
        try await inAnEmptyFolder { folder in
            let unpacked = try await Command("tar", ["-xzf", package, "-C", folder.directory, "--strip-components=1"])
                .run(deadline: .seconds(600))
            #expect(unpacked.succeeded, "\(unpacked.error)")
            var viridian = folder
            viridian.executable = folder.directory + "/bin/viridian"
            let version = try await viridian("version", "-o", "json")
            #expect(version.json?["version"]?.string == (try await packagedVersion()), "\(version)")
            #expect(try await viridian("init", "configuration").status == 0)
            let manual = try await Command("man", ["-l", folder.directory + "/share/man/man1/viridian.1"]).run(
                deadline: .seconds(600))
            #expect(manual.output.contains("VIRIDIAN_SERVER"), "\(manual)")
            for file in [
                "INSTALL.md", "LICENSE", "lib/systemd/system/viridian.service",
                "share/bash-completion/completions/viridian",
                "share/fish/vendor_completions.d/viridian.fish", "share/zsh/site-functions/_viridian",
            ] {
                #expect(FileManager.default.fileExists(atPath: folder.directory + "/" + file), "\(file)")
            }
            let notes = try String(contentsOfFile: folder.directory + "/INSTALL.md", encoding: .utf8)
            #expect(notes.contains("libsqlite3.so.0") && !notes.contains("@"), "\(notes)")
        }
    }

    @Test(
        "the image, run by an engine as it would be in a cluster: a user without rights, nothing to write to but the journal's volume",
        .needs("buildah", "podman", "runc"), .needsRoot)
    func image() async throws {
        let package = try await Packages.shared.package("image")
        try await withWorld(nodes: 1) { world in
            let configuration = world.directory + "/container"
            try FileManager.default.createDirectory(atPath: configuration, withIntermediateDirectories: true)
            try serveConfiguration(of: world, in: configuration)
            // Storage of its own, and what engines need where they may not set limits.
            let engine = [
                "--root", world.directory + "/images", "--runroot", world.directory + "/containers",
                "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime",
                "runc",
            ]
            let loaded = try await Command("podman", engine + ["load", "-q", "-i", package]).run(
                deadline: .seconds(600))
            #expect(loaded.succeeded, "\(loaded.error)")
            let image = "viridian:\(try await packagedVersion())"
            let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
            let container =
                ["run", "--rm", "--network", "host", "--read-only", "--cap-drop", "all"] + limits
                + ["--volume", configuration + ":/etc/viridian:ro", image]
            let version = try await Command("podman", engine + container + ["version"]).run(deadline: .seconds(600))
            #expect(version.output.hasPrefix("viridian "), "\(version)")
            try await expectServing(Command("podman", engine + container + ["serve", "--listen", "127.0.0.1:0"]))

            let shells = try await Command(
                "podman", engine + ["run", "--rm", "--entrypoint", "/bin/sh"] + limits + [image]
            )
            .run(deadline: .seconds(600))
            #expect(shells.termination == .exited(127), "there is a shell in it: \(shells)")
            let ssh = ["run", "--rm", "--network", "host", "--entrypoint", "/usr/bin/ssh"] + limits + [image, "-V"]
            let client = try await Command("podman", engine + ssh).run(deadline: .seconds(600))
            #expect(client.error.contains("OpenSSH_"), "\(client)")
            _ = try await Command("podman", engine + ["rmi", "--all", "--force"]).run(deadline: .seconds(600))
        }
    }

    @Test("every manual page is one, as mandoc and man's own index read it", .needs("mandoc", "lexgrog"))
    func manualPages() async throws {
        try await inAnEmptyFolder { folder in
            _ = try await Packages.run("script/man-pages", [Program.path, folder.directory + "/man"])
            let found = try await Command("find", [folder.directory + "/man", "-type", "f"]).run(
                deadline: .seconds(600))
            let pages = found.output.split(separator: "\n").map(String.init)
            #expect(pages.count > 25)
            let lint = try await Command("mandoc", ["-Tlint", "-Wwarning"] + pages).run(deadline: .seconds(600))
            #expect(lint.succeeded && lint.output.isEmpty, "\(lint.output)")
            let index = try await Command("lexgrog", pages).run(deadline: .seconds(600))
            #expect(index.succeeded, "\(index.output)\n\(index.error)")
        }
    }

    private func packagedVersion() async throws -> String {
        let said = try await Command(try await Packages.shared.linkedProgram(), ["version", "-o", "json"]).run(
            deadline: .seconds(600))
        return try #require(try JSON(parsing: said.output)["version"]?.string)
    }

    private func request(_ body: String, of server: Serving, _ token: String) async throws {
        let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token)
        #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    /// A configuration for a server that only has to answer, with the world's cluster.
    private func serveConfiguration(of world: World, in folder: String) throws {
        let kubeconfig = folder + "/kubeconfig"
        try FileManager.default.copyItem(atPath: world.directory + "/kubeconfig", toPath: kubeconfig)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: kubeconfig)
        try FileManager.default.copyItem(
            atPath: Packages.source + "/Tests/Packages/viridian.yaml", toPath: folder + "/viridian.yaml")
    }
}
