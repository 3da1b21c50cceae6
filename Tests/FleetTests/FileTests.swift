import Fleet
import Foundation
import Nginx
import Processes
import Testing

@Suite struct FileTests {
    @Test("a file that was edited since it was read keeps the edit and is switched")
    func changedBetween() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            _ = try await fleet.read(site.upstream)
            try site.write("# maintained by salt\n" + site.article())
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(try site.text() == "# maintained by salt\n" + site.article(live: "green"))
            #expect(try await site.answer() == "green")
        }
    }

    @Test(
        "both colours up and both down are reported, and a switch fixes them",
        arguments: [Routing.both, .neither])
    func bothOrNeither(routing: Routing) async throws {
        let suffix = routing == .both ? "" : " down"
        try await withSite({
            "upstream blogLB {\nserver 127.0.0.1:\($0.blue)\(suffix);\nserver 127.0.0.1:\($0.green)\(suffix);\n}\n"
        }) { site in
            let fleet = try site.fleet()
            let report = try await site.onlyReport(fleet)
            #expect(report.routing == routing && report.serving == routing && report.livePort == nil)
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 1)
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
        }
    }

    @Test("a missing file is reported, not created by staging, and written by the switch")
    func missing() async throws {
        try await withSite({ _ in nil }, extraHosts: ["upstream blogLB { server 127.0.0.1:1; }"]) { site in
            let fleet = try site.fleet()
            let report = try await site.onlyReport(fleet)
            #expect(report.file == .missing && report.livePort == nil)
            // The name is in use, so that nginx would not accept the new file: staging reports it and leaves no file.
            let plan = StagePlan(port: site.green, token: 1, version: "v", color: "green", release: "blog/1")
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.stage(site.upstream, on: site.node, plan)
            }
            guard case .refused(.test, let words, _) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(words.contains { $0.contains("duplicate upstream") })
            #expect(!FileManager.default.fileExists(atPath: site.file))
            // The operator removes the other one: now the switch writes the file, and a release after it.
            let main = try String(contentsOfFile: site.nginx.configuration, encoding: .utf8)
            try site.write(main.replacing("    upstream blogLB { server 127.0.0.1:1; }\n", with: ""), to: "nginx.conf")
            _ = try await fleet.stage(site.upstream, on: site.node, plan)
            #expect(!FileManager.default.fileExists(atPath: site.file))
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(
                try site.text()
                    == UpstreamFile.rendered(upstream: "blogLB", ports: site.upstream.ports, live: site.green)
            )
            #expect(try await site.answer() == "green")
        }
    }

    @Test("a missing directory is created by the switch")
    func missingDirectory() async throws {
        try await withSite { site in
            try site.write("", to: "backends.d/blog.conf")
            try FileManager.default.removeItem(atPath: site.nginx.backends)
            let fleet = try site.fleet()
            #expect(try await site.onlyReport(fleet).file == .missing)
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(try await site.answer() == "green")
        }
    }

    @Test("carriage returns, owner, mode and a link are kept")
    func attributes() async throws {
        try await withSite({ $0.article().replacing("\n", with: "\r\n") }) { site in
            let crlf = try site.text()
            try FileManager.default.createDirectory(
                atPath: site.nginx.directory + "/shared",
                withIntermediateDirectories: true
            )
            try FileManager.default.moveItem(atPath: site.file, toPath: site.nginx.directory + "/shared/blog-upstream")
            let real = site.nginx.directory + "/shared/blog-upstream"
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: real)
            try FileManager.default.createSymbolicLink(
                atPath: site.file, withDestinationPath: "../shared/blog-upstream")
            let fleet = try site.fleet()
            let report = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(report.report.path == URL(fileURLWithPath: real).resolvingSymlinksInPath().path)
            #expect(try site.text() == site.article(live: "green").replacing("\n", with: "\r\n"))
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: site.file) == "../shared/blog-upstream")
            let mode = try FileManager.default.attributesOfItem(atPath: real)[.posixPermissions] as? Int
            #expect(mode == 0o640)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: site.nginx.directory + "/shared") == [
                    "blog-upstream"
                ])
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 1)
            #expect(try site.text() == crlf)
        }
    }

    @Test("a file that does not parse or names other ports is a failure with the line")
    func unparsable() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            try site.write("upstream blogLB {\nserver 127.0.0.1:1\n}\n")
            let readings = try await fleet.read(site.upstream)
            #expect(
                readings[0].failure?.reason
                    == .unparsable(file: site.file, line: 3, problem: "line 3: unexpected \"}\"")
            )
            try site.write("upstream blogLB {\nserver 127.0.0.1:1;\n}\n")
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            #expect(failure?.description.contains("it has 127.0.0.1:1") == true)
            #expect(try site.text() == "upstream blogLB {\nserver 127.0.0.1:1;\n}\n")
        }
    }

    @Test("a directory that cannot be written is reported by staging and by the switch, with nothing changed")
    func readOnly() async throws {
        try await withSite { site in
            // Root can write every directory, so the script runs as nobody.
            let isRoot = geteuid() == 0
            let transport = LocalTransport(
                shell: isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"] : ["sh"]
            )
            if !isRoot {
                try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: site.nginx.backends)
            }
            let fleet = try site.fleet(transport)
            let plan = StagePlan(port: site.green, token: 1, version: "v", color: "green", release: "blog/1")
            let staging = await #expect(throws: NodeFailure.self) {
                try await fleet.stage(site.upstream, on: site.node, plan)
            }
            let switching = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            for failure in [staging, switching] {
                #expect(
                    failure?.description.contains("its files cannot be written") == true,
                    "\(String(describing: failure))")
            }
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
        }
    }
}

@Suite struct LoadedTests {
    @Test("a manual edit that nginx has not loaded is detected, with the colour that is actually served")
    func handEdit() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            try await eventually { try await site.onlyReport(fleet).loaded == .yes }
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            try site.write(site.article(live: "blue"))
            let report = try await site.onlyReport(fleet)
            #expect(report.loaded == .no)
            #expect(report.routing == .only(site.blue) && report.livePort == site.green)
            #expect(try await site.answer() == "green")
            try await site.reloadByHand()
            let after = try await site.onlyReport(fleet)
            #expect(after.loaded == .yes && after.livePort == site.blue, "\(after.loadedReason)")
        }
    }

    @Test("an edit is detected on a node without releases")
    func firstEdit() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            try await eventually { try await site.onlyReport(fleet).loaded == .yes }
            // The workers' start is known to the hundredth of a second, so the edit must not be in the same one.
            try await Task.sleep(for: .milliseconds(50))
            try site.write(site.article(live: "green"))
            let report = try await site.onlyReport(fleet)
            #expect(report.loaded == .no && report.livePort == nil, "\(report.loadedReason)")
        }
    }

    @Test("a reload for another app also loads this app's edit, and that is detected")
    func neighbour() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            try await site.reloadByHand()
            let report = try await site.onlyReport(fleet)
            #expect(report.loaded == .yes && report.livePort == site.green, "\(report.loadedReason)")
        }
    }

    @Test("a worker that crashed and was replaced has loaded what the master had")
    func crashedWorker() async throws {
        try await withSite { site in
            let main = try String(contentsOfFile: site.nginx.configuration, encoding: .utf8)
            try site.write(main.replacing("worker_processes 1", with: "worker_processes 2"), to: "nginx.conf")
            let fleet = try site.fleet()
            let switched = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            let first = try #require(switched.report.workers.first)
            try site.write(site.article(live: "blue"))
            kill(Int32(first), SIGKILL)
            try await eventually {
                let workers = try await site.onlyReport(fleet).workers
                return workers.count == 2 && !workers.contains(first)
            }
            let report = try await site.onlyReport(fleet)
            #expect(report.loaded == .no && report.livePort == site.green, "\(report.loadedReason)")
        }
    }
}
