import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// What `viridian adopt` reads on a node.
@Suite struct InspectTests {
    @Test(
        "a node tells nginx's whole configuration, its deploy program and static files, and is left as it was",
        arguments: shells)
    func inspects(shell: [String]) async throws {
        try await withSite { site in
            let directory = site.nginx.directory
            let files = FileManager.default
            for name in ["/srv/blog/releases/1", "/srv/blog/releases/2", "/bin"] {
                try files.createDirectory(atPath: directory + name, withIntermediateDirectories: true)
            }
            try files.createSymbolicLink(atPath: directory + "/srv/blog/current", withDestinationPath: "releases/2")
            try site.write(
                """
                # A comment.

                server {
                    listen 127.0.0.1:\(try await freePorts(1)[0]);
                    root "\(directory)/srv/blog/current/public";
                    location / { fastcgi_pass blogLB; }
                }

                """, to: "hosts.d/blog.conf")
            try site.write("#!/bin/sh\naws s3 cp s3://domain-deploy/blog/blog.tgz .\n", to: "bin/deploy-blog")
            try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory + "/bin/deploy-blog")
            try await site.reloadByHand()
            let before = try Self.state(of: directory)
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            let transport = LocalTransport(shell: shell, environment: ["PATH": "\(directory)/bin:\(path)"])
            let results = try await site.fleet(transport).inspect(app: "blog", on: [site.node])
            let found = try results[0].get()
            #expect(try Self.state(of: directory) == before)
            #expect(found.path == site.file && found.hasFile && found.isRunning && found.isAccepted == true)
            #expect(found.loaded == .yes && found.nginx.contains("nginx/") && found.linesLeftOut == 0)
            #expect(found.deployProgram == directory + "/bin/deploy-blog")
            #expect(found.deploySource == "s3://domain-deploy/blog/blog.tgz")
            #expect(found.staticFiles == [.init(path: directory + "/srv/blog", releases: 2, current: "releases/2")])
            let configuration = found.configuration
            #expect(configuration.unread.isEmpty, "\(configuration.unread)")
            #expect(configuration.upstreams.map(\.file) == [site.file])
            #expect(configuration.upstreams.first?.routing(site.upstream.ports) == .only(site.blue))
            let targets = configuration.hosts.flatMap { $0.targets("blogLB") }
            #expect(
                targets.contains { $0.pass == .fastcgi && $0.place == "\(directory)/hosts.d/blog.conf, line 6" },
                "\(targets)")
        }
    }

    @Test("a configuration that nginx does not accept is told in nginx's words")
    func refused() async throws {
        try await withSite { site in
            try site.write("servr {}\n", to: "hosts.d/typo.conf")
            let found = try await site.fleet().inspect(app: "blog", on: [site.node])[0].get()
            #expect(found.isAccepted == false)
            #expect(found.messages.contains { $0.contains("unknown directive \"servr\"") }, "\(found.messages)")
            let other = try await site.fleet { $0.test = "true" }.inspect(app: "blog", on: [site.node])[0].get()
            #expect(other.isAccepted == nil && other.configuration.files.isEmpty)
        }
    }

    /// Every file and folder below a directory: what it holds, and when it last changed. What nginx itself writes is left out.
    private static func state(of directory: String) throws -> [String: String] {
        var state: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory) where !name.hasSuffix(".log") {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)
            state[name] = "\(attributes[.modificationDate] ?? "") \(attributes[.size] ?? "")"
        }
        return state
    }
}
