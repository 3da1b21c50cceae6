import Fleet
import Foundation
import Nginx
import Processes
import Testing

extension CheckReport {
    /// What two checks can be compared by, also without how much space there was at that moment.
    fileprivate var text: String {
        var report = self
        report.reading = reading.comparable
        for index in report.disks.indices {
            (report.disks[index].freeKibibytes, report.disks[index].freeInodes) = (nil, nil)
        }
        return "\(report)"
    }
}

extension Site {
    /// Three more apps: one behind a server of its own, with a location that goes to a port directly, one without a file, one with
    /// static assets.
    fileprivate func apps() throws -> [CheckedApp] {
        var (shop, missing, docs) = (upstream, upstream, upstream)
        shop = Upstream(
            app: "shop", name: "shopLB", bluePort: green, greenPort: blue, preview: "preview.shop.example.com",
            hosts: ["shop.example.com", "*.shop.example.com"])
        missing.app = "missing"
        docs = Upstream(
            app: "docs", name: "docsLB", bluePort: blue, greenPort: green, assets: nginx.directory + "/static files")
        try write(
            """
            upstream shopLB { server 127.0.0.1:\(green); server 127.0.0.1:\(blue) down; }
            upstream shopLB-preview { server 127.0.0.1:\(blue); server 127.0.0.1:\(green) down; }
            upstream shop_ws { server 127.0.0.1:\(green); server 127.0.0.1:\(blue) down; }

            """, to: "shop.txt")
        try FileManager.default.createSymbolicLink(
            atPath: nginx.backends + "/shop.conf", withDestinationPath: nginx.directory + "/shop.txt")
        try write(
            """
            server {
                listen 127.0.0.1:\(listen);
                server_name www.example.com shop.example.com;
                location / { proxy_pass http://shopLB; }
                location /socket { proxy_pass http://shop_ws; }
                location /metrics { proxy_pass http://127.0.0.1:\(green); }
            }
            server {
                listen 127.0.0.1:\(listen);
                server_name preview.shop.example.com;
                location / { proxy_pass http://shopLB-preview; }
            }

            """, to: "hosts.d/shop.conf")
        return [
            CheckedApp(upstream, livePort: blue), CheckedApp(shop, livePort: nil),
            CheckedApp(missing, livePort: green), CheckedApp(docs, livePort: green),
        ]
    }
}

/// Checking what a node has of many apps.
@Suite(.timeLimit(.minutes(10))) struct ManyAppsCheckTests {
    private func alone(_ app: CheckedApp, _ fleet: Fleet, _ node: Node) async throws -> CheckReport {
        try await fleet.check(app.upstream, on: node, ports: app.livePort.map { [$0] } ?? [])
    }

    @Test("one conversation says of each app what a check of it by itself says", arguments: Toolbox.installed)
    func same(_ toolbox: Toolbox) async throws {
        try await withSite { site in
            let transport = CountingTransport(base: try await toolbox.transport(in: site.nginx.directory))
            let fleet = try site.fleet(transport)
            let apps = try site.apps()
            let together = await fleet.check(apps, on: site.node)
            #expect(await transport.count.actions == ["checkall"])
            for (app, result) in zip(apps, together) {
                let (report, single) = (try result.get(), try await alone(app, fleet, site.node))
                #expect(report.text == single.text, "\(app.upstream.app)")
                #expect(report.accepted && report.isIncluded == true && report.missingPrograms.isEmpty)
                #expect(report.openPorts == (app.livePort.map { [$0] } ?? []))
            }
            let shop = try together[1].get()
            // The other app has the same ports here.
            let direct = shop.direct.map { "\($0.file.split(separator: "/").last ?? ""):\($0.line)" }
            #expect(Set(direct) == ["blog.conf:2", "blog.conf:3", "shop.conf:6"], "\(direct)")
            #expect(
                shop.visitorURLs == [
                    "http://shop.example.com/ at 127.0.0.1:\(site.listen)",
                    "http://shop.example.com/socket at 127.0.0.1:\(site.listen)",
                    "http://preview.shop.example.com/ at 127.0.0.1:\(site.listen)",
                ])
            let (missing, docs) = (try together[2].get(), try together[3].get())
            #expect(missing.reading.report?.file == .missing)
            #expect(docs.disks.count == 2)
        }
    }

    @Test("what is wrong with nginx or with one app's file is told as by a check of it alone", arguments: shells)
    func broken(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            var apps = try site.apps()
            try site.write("upstream brokenLB {", to: "backends.d/broken.conf")
            try FileManager.default.createDirectory(
                atPath: site.nginx.backends + "/folder.conf", withIntermediateDirectories: true)
            try site.write("# \0\n" + site.article(), to: "backends.d/zero.conf")
            for name in ["broken", "folder", "zero"] {
                apps.append(
                    CheckedApp(
                        Upstream(app: name, name: name + "LB", bluePort: site.blue, greenPort: site.green),
                        livePort: site.blue))
            }
            for (app, result) in zip(apps, await fleet.check(apps, on: site.node)) {
                let (report, single) = (try result.get(), try await alone(app, fleet, site.node))
                #expect(report.text == single.text, "\(app.upstream.app)")
                #expect(!report.accepted && report.isIncluded == nil && !report.testOutput.isEmpty)
            }
            // Another command than nginx's own is only run.
            let other = try site.fleet(LocalTransport(shell: shell)) { $0.test = "echo fine; true" }
            for (app, result) in zip(apps, await other.check(apps, on: site.node)) {
                let (report, single) = (try result.get(), try await alone(app, other, site.node))
                #expect(report.text == single.text, "\(app.upstream.app)")
                #expect(report.accepted && report.isIncluded == nil && report.visitorURLs.isEmpty)
            }
        }
    }

    @Test("500 apps are checked over SSH with one login, in their order")
    func many() async throws {
        try await withSSHServer { server in
            let names = (1...500).map { "app-\($0)" }
            for name in names {
                try Data("upstream \(name) { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }\n".utf8).write(
                    to: URL(fileURLWithPath: server.directory + "/\(name).conf"))
            }
            let apps = names.map {
                CheckedApp(Upstream(app: $0, name: $0, bluePort: 30000, greenPort: 30001), livePort: nil)
            }
            let results = try await server.withFleet { await $0.check(apps, on: Node("127.0.0.1")) }
            #expect(await server.logins == 1)
            #expect(results.count == 500)
            for (name, result) in zip(names, results) {
                let report = try result.get()
                #expect(report.path == server.directory + "/\(name).conf")
                #expect(report.reading.report?.routing?.port == 30000 && report.accepted)
                #expect(report.disks.map(\.path) == [server.directory])
            }
        }
    }

    @Test("a node whose script is older is asked for each app by itself")
    func earlier() async throws {
        try await withSite { site in
            let transport = CountingTransport(base: earlierScript)
            let fleet = try site.fleet(transport)
            let results = await fleet.check(Array(try site.apps().prefix(2)), on: site.node)
            #expect(await transport.count.actions == ["checkall", "check", "check"])
            for result in results {
                let report = try result.get()
                #expect(report.accepted)
            }
        }
    }

    @Test("a node that cannot be reached is unreachable for every app, after one conversation")
    func unreachable() async throws {
        let transport = CountingTransport(base: UnreachableTransport())
        let fleet = Fleet(inventory: try StaticInventory(["web-1"]), transport: transport, settings: NodeSettings())
        let results = await fleet.check(
            Array(repeating: CheckedApp(blog, livePort: 30000), count: 3), on: Node("web-1"))
        #expect(results.count == 3)
        for result in results {
            guard case .failure(let failure) = result else {
                Issue.record("\(result)")
                continue
            }
            #expect(failure.reason == .unreachable(why: "nobody is there"))
        }
        #expect(await transport.count.actions == ["checkall"])
        #expect(await fleet.check([], on: Node("web-1")).isEmpty)
    }
}
