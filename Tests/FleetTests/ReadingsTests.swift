import Fleet
import Foundation
import Nginx
import Processes
import Testing

extension Fleet {
    fileprivate func readings(_ apps: [Upstream], on node: Node) async -> [NodeReadResult] {
        await read(apps, on: node) { $1 }
    }
}

extension NodeReadResult {
    /// What two readings can be compared by. Whether nginx has loaded a file that no switch has recorded is judged by times, and how sure
    /// that is depends on how fast the machine is.
    var comparable: NodeReadResult {
        var result = self
        result.outcome = outcome.map { report in
            guard report.loadedReason != "verified workers are still running" else { return report }
            var report = report
            (report.loaded, report.loadedReason, report.serving) = (.unknown, "", nil)
            return report
        }
        return result
    }
}

/// Reading what a node has of many apps.
@Suite(.timeLimit(.minutes(10))) struct ReadingsTests {
    /// Apps whose files are in every state that a file can be in.
    private static func apps(at site: Site) throws -> [Upstream] {
        let names = [
            "blog", "edited", "missing", "broken", "directory", "linked", "accented", "unended", "other-ports", "empty",
        ]
        let text = site.article()
        try site.write(text, to: "backends.d/edited.conf")
        try site.write(
            text.replacing("blogLB", with: "brokenLB").replacing("}", with: ""), to: "backends.d/broken.conf")
        try FileManager.default.createDirectory(
            atPath: site.nginx.backends + "/directory.conf", withIntermediateDirectories: true)
        try site.write(text, to: "linked.txt")
        try FileManager.default.createSymbolicLink(
            atPath: site.nginx.backends + "/linked.conf", withDestinationPath: site.nginx.directory + "/linked.txt")
        try site.write("# für alle\n" + text, to: "backends.d/accented.conf")
        try site.write(String(text.dropLast()), to: "backends.d/unended.conf")
        try site.write("upstream blogLB { server 127.0.0.1:1; }\n", to: "backends.d/other-ports.conf")
        try site.write("", to: "backends.d/empty.conf")
        return names.map { name in
            var app = site.upstream
            app.app = name
            if name == "linked" { app.assets = site.nginx.directory + "/static files" }
            return app
        }
    }

    @Test("one conversation says of each app what a conversation about it says", arguments: Toolbox.installed)
    func same(_ toolbox: Toolbox) async throws {
        try await withSite { site in
            let transport = CountingTransport(base: try await toolbox.transport(in: site.nginx.directory))
            let fleet = try site.fleet(transport)
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 7)
            // nginx does not run with these files: they are not valid, or came after its start.
            let apps = try Self.apps(at: site)
            let before = await transport.count.actions.count
            let together = await fleet.readings(apps, on: site.node)
            #expect(await transport.count.actions.dropFirst(before) == ["readall"])
            for (app, reading) in zip(apps, together) {
                let alone = await fleet.read(app, on: [site.node])[0]
                #expect("\(reading.comparable)" == "\(alone.comparable)", "\(app.app)")
            }
            #expect(together[0].report?.livePort == site.green && together[0].report?.token == 7)
            #expect(together[0].report?.loaded == .yes)
            #expect(together[2].report?.file == .missing)
            guard case .unparsable = together[3].failure?.reason, case .unreadable = together[4].failure?.reason else {
                Issue.record("\(together)")
                return
            }
            #expect(together[5].report?.loaded != .yes && together[5].report?.assets?.current == nil)
            // A reload by others: the record of the switch no longer counts, the times do.
            for name in ["edited", "broken", "linked", "accented", "unended", "other-ports", "empty"] {
                try FileManager.default.removeItem(atPath: site.nginx.backends + "/\(name).conf")
            }
            try FileManager.default.removeItem(atPath: site.nginx.backends + "/directory.conf")
            try await site.reloadByHand()
            let reloaded = await fleet.readings(apps, on: site.node)[0].report
            #expect(reloaded?.livePort == site.green && reloaded?.loaded == .yes)
        }
    }

    @Test("500 apps are answered over SSH in one conversation, in their order", arguments: [false, true])
    func many(isInstalled: Bool) async throws {
        try await withSSHServer { server in
            let names = (1...500).map { "app-\($0)" }
            let program = server.directory + "/viridian-node"
            if isInstalled {
                let conf = server.directory + "/node.conf"
                let installed = names.dropLast().map { InstalledNode.App(name: $0, ports: [30000, 30001]) }
                try Data(InstalledNode.configuration(server.nodeSettings, apps: installed).utf8).write(
                    to: URL(fileURLWithPath: conf))
                try Data(InstalledNode.program(configuration: conf).utf8).write(to: URL(fileURLWithPath: program))
                for (path, mode) in [(program, 0o755), (conf, 0o644)] {
                    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                }
                let keys = URL(fileURLWithPath: server.directory + "/authorized_keys")
                let key = try String(contentsOf: keys, encoding: .utf8)
                try Data("restrict,command=\"\(program)\" \(key)".utf8).write(to: keys)
            }
            for name in names {
                try Data("upstream \(name) { server 127.0.0.1:30000; server 127.0.0.1:30001 down; }\n".utf8).write(
                    to: URL(fileURLWithPath: server.directory + "/\(name).conf"))
            }
            try Data("upstream {".utf8).write(to: URL(fileURLWithPath: server.directory + "/app-250.conf"))
            let apps = names.map { Upstream(app: $0, name: $0, bluePort: 30000, greenPort: 30001) }
            let readings = try await server.withFleet { await $0.readings(apps, on: Node("127.0.0.1")) }
            #expect(await server.logins == 1)
            #expect(readings.count == 500)
            for (name, reading) in zip(names, readings) where name != "app-250" && name != "app-500" {
                #expect(reading.report?.path == server.directory + "/\(name).conf", "\(reading)")
                #expect(reading.report?.routing?.port == 30000)
            }
            guard case .unparsable = readings[249].failure?.reason else {
                Issue.record("\(readings[249])")
                return
            }
            if isInstalled {
                guard case .forbidden(let what) = readings[499].failure?.reason else {
                    Issue.record("\(readings[499])")
                    return
                }
                #expect(what == "\(server.directory)/node.conf has no ports.app-500")
            } else {
                #expect(readings[499].report != nil)
            }
        }
    }

    @Test("a node whose script is older is asked for each app by itself")
    func earlier() async throws {
        try await withSite { site in
            let transport = CountingTransport(base: earlierScript)
            let fleet = try site.fleet(transport)
            var other = site.upstream
            other.app = "other"
            let readings = await fleet.readings([site.upstream, other], on: site.node)
            #expect(await transport.count.actions == ["readall", "read", "read"])
            #expect(readings[0].report?.livePort == site.blue)
            #expect(readings[1].report?.file == .missing)
        }
    }

    @Test("what was answered before the connection was lost counts; the other apps were not read")
    func cutOff() async throws {
        try await withSite { site in
            var others = (1...3).map { number in
                var app = site.upstream
                app.app = "app-\(number)"
                return app
            }
            others.insert(site.upstream, at: 0)
            let readings = await (try site.fleet(CuttingTransport(dropFrom: "app=app-2"))).readings(
                others, on: site.node)
            #expect(readings[0].report?.livePort == site.blue)
            for reading in readings[2...] {
                guard case .cutOff = reading.failure?.reason else {
                    Issue.record("\(reading)")
                    return
                }
            }
        }
    }

    @Test("a node that cannot be reached is unreachable for every app, after one conversation")
    func unreachable() async throws {
        let transport = CountingTransport(base: UnreachableTransport())
        let fleet = Fleet(inventory: try StaticInventory(["web-1"]), transport: transport, settings: NodeSettings())
        let readings = await fleet.readings([blog, blog], on: Node("web-1"))
        #expect(readings.map { $0.failure?.reason } == Array(repeating: .unreachable(why: "nobody is there"), count: 2))
        #expect(await transport.count.actions == ["readall"])
        #expect(await fleet.readings([], on: Node("web-1")).isEmpty)
    }
}
