import Fleet
import Foundation
import Glibc
import Nginx
import Processes
import Testing

actor Lines {
    private(set) var all: [String] = []
    func add(_ line: NodeLine) { all.append(line.text) }
}

private func plan(
    _ site: Site,
    port: Int? = nil,
    probe: CandidateProbe? = .tcp,
    probeTimeout: Duration = .seconds(600),
    post: PostDeployCommand? = nil
) -> StagePlan {
    StagePlan(
        port: port ?? site.green,
        token: 2,
        version: "20151025.143403",
        color: "green",
        release: "blog/2",
        probe: probe,
        probeTimeout: probeTimeout,
        postDeploy: post
    )
}

@Suite struct StageTests {
    @Test("staging does not change the file, the workers and the traffic", arguments: shells)
    func untouched(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            let before = try await site.onlyReport(fleet)
            let report = try await fleet.stage(site.upstream, on: site.node, plan(site, probe: .http(path: "/")))
            #expect(report.workers == before.workers && report.livePort == site.blue)
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
        }
    }

    @Test(
        "steps prepared while pods start are not repeated in staging; a later release repeats them",
        arguments: shells)
    func prepared(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell)) { $0.test = site.countedTest }
            var release = plan(site, port: try await freePorts(1)[0])
            try await fleet.prepare(site.upstream, on: site.node, release)
            let once = site.tests
            #expect(once > 0)
            release.port = site.green
            _ = try await fleet.stage(site.upstream, on: site.node, release)
            #expect(site.tests == once)
            release.token += 2
            _ = try await fleet.stage(site.upstream, on: site.node, release)
            #expect(site.tests > once)
        }
    }

    @Test("a node that cannot be staged later cannot be prepared either, whether or not the candidate answers")
    func unprepared() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            try site.write("nonsense;", to: "hosts.d/other.conf")
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.prepare(site.upstream, on: site.node, plan(site))
            }
            #expect(failure?.description.contains("nonsense") == true)
        }
    }

    @Test("a candidate that does not answer on its port fails staging", arguments: shells)
    func deadCandidate(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            let dead = try await freePorts(1)[0]
            let upstream = Upstream(app: "blog", name: "blogLB", bluePort: site.blue, greenPort: dead)
            try site.write(site.article().replacing("\(site.green)", with: "\(dead)"))
            for probe in [CandidateProbe.tcp, .http(path: "/")] {
                let failure = await #expect(throws: NodeFailure.self) {
                    try await fleet.stage(
                        upstream, on: site.node, plan(site, port: dead, probe: probe, probeTimeout: .seconds(1)))
                }
                #expect(failure?.description.contains("127.0.0.1:\(dead): ") == true, "\(String(describing: failure))")
                #expect(failure?.description.contains("refused") == true, "\(String(describing: failure))")
            }
        }
    }

    @Test("a candidate that answers 500, or accepts and sends nothing, fails an http probe and passes a tcp one")
    func sickCandidate() async throws {
        try await withSite { site in
            let silent = try Listener()
            let sick = try await freePorts(1)[0]
            try site.write("server { listen 127.0.0.1:\(sick); return 500; }", to: "hosts.d/sick.conf")
            try await site.reloadByHand()
            let fleet = try site.fleet()
            for (port, limit, words) in [
                (silent.port, Duration.seconds(1), ["no answer within 1 s"]),
                (sick, .seconds(5), ["HTTP/1.1 500 Internal Server Error"]),
            ] {
                _ = try await fleet.stage(site.upstream, on: site.node, plan(site, port: port))
                let failure = await #expect(throws: NodeFailure.self) {
                    try await fleet.stage(
                        site.upstream, on: site.node,
                        plan(site, port: port, probe: .http(path: "/"), probeTimeout: limit))
                }
                #expect(failure?.reason == .noAnswer(port: port, output: words))
            }
            withExtendedLifetime(silent) {}
        }
    }

    @Test("staging waits for a candidate that starts later")
    func lateCandidate() async throws {
        try await withSite { site in
            let late = try await freePorts(1)[0]
            let fleet = try site.fleet()
            async let staged = fleet.stage(
                site.upstream,
                on: site.node,
                plan(site, port: late)
            )
            try await Task.sleep(for: .milliseconds(300))  // Late is what this is about.
            let listener = try Listener(port: late)
            _ = try await staged
            withExtendedLifetime(listener) {}
        }
    }

    @Test(
        "the post-deploy command runs with the release in its environment, and its lines are passed on",
        arguments: shells
    )
    func postDeploy(shell: [String]) async throws {
        try await withSite { site in
            let lines = Lines()
            let command = """
                echo "$VIRIDIAN_APP $VIRIDIAN_VERSION $VIRIDIAN_COLOR $VIRIDIAN_RELEASE"; echo to-stderr >&2
                printf 'fenced=9\\ndone=stage\\n\\nrefused=test\\n'; printf 'no newline'
                """
            let fleet = try site.fleet(LocalTransport(shell: shell))
            _ = try await fleet.stage(
                site.upstream, on: site.node, plan(site, post: PostDeployCommand(command: command))
            ) {
                await lines.add($0)
            }
            #expect(
                await lines.all == [
                    "blog 20151025.143403 green blog/2", "to-stderr", "fenced=9", "done=stage", "", "refused=test",
                    "no newline",
                ]
            )
        }
    }

    @Test("a post-deploy command that fails or times out fails staging with its last lines")
    func failingPostDeploy() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            await #expect(
                throws: NodeFailure(site.node, .postDeploy(status: 3, output: ["copying", "disk full"]))
            ) {
                let post = PostDeployCommand(command: "echo copying; echo disk full >&2; exit 3")
                _ = try await fleet.stage(site.upstream, on: site.node, plan(site, post: post))
            }
            var said = ""
            // A busy machine may need longer for the first line.
            for limit in [Duration.seconds(1), .seconds(10), .seconds(100)] where !said.hasSuffix("copying") {
                let slow = await #expect(throws: NodeFailure.self) {
                    let post = PostDeployCommand(command: "echo copying; sleep 3000", timeout: limit)
                    _ = try await fleet.stage(site.upstream, on: site.node, plan(site, post: post))
                }
                said = slow?.description ?? ""
            }
            #expect(said == "127.0.0.1: the post-deploy command timed out and was terminated: copying")
        }
    }

    @Test("a post-deploy command with much output neither blocks nor floods")
    func talkative() async throws {
        try await withSite { site in
            let lines = Lines()
            let post = PostDeployCommand(command: "yes line | head -n 20000")
            let fleet = try site.fleet()
            _ = try await fleet.stage(site.upstream, on: site.node, plan(site, post: post)) { await lines.add($0) }
            #expect(await lines.all.count == 5000)
            #expect(await lines.all.last == "… further lines are omitted")
        }
    }

    @Test("connections to the old port are counted once each, and not after they have ended", arguments: shells)
    func drain(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            let sockets = try (0..<3).map { _ in try connected(to: site.blue) }
            // One of a request that has just been answered may still be closing.
            try await eventually {
                let open = try await fleet.drain(site.upstream, on: site.node, port: site.blue)
                return open.connections == 3 && !open.isDrained
            }
            #expect(try await fleet.drain(site.upstream, on: site.node, port: site.green).connections == 0)
            for socket in sockets { close(socket) }
            try await eventually { try await fleet.drain(site.upstream, on: site.node, port: site.blue).isDrained }
        }
    }

    @Test(
        "the sources of new connections to the old port are reported, existing connections are not", arguments: shells
    )
    func arrivals(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            func look(apart: Duration = .zero) async throws -> DrainReport {
                try await fleet.drain(site.upstream, on: site.node, port: site.blue, interval: apart)
            }
            let before = try connected(to: site.blue)
            #expect(try await look().arrivals == nil)
            #expect(try await look().arrivals == [:])
            let after = try connected(to: site.blue)
            // These tables may be long and are not read continuously.
            #expect(try await look(apart: .seconds(3600)).arrivals == nil)
            let drain = try await look()
            #expect(drain.arrivals == ["127.0.0.1": 1] && !drain.isDrained)
            #expect(try await look().arrivals == [:])
            close(before)
            close(after)
        }
    }

    @Test("a long request keeps its worker, and the drain reports it until it has ended")
    func drainingWorker() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            // An incomplete request.
            let socket = try connected(to: site.listen)
            let part = Array("GET / HTTP/1.1\r\nHost: x\r\n".utf8)
            #expect(send(socket, part, part.count, Int32(MSG_NOSIGNAL)) == part.count)
            #expect(try await site.answer() == "blue")
            let report = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            let drain = try await fleet.drain(site.upstream, on: site.node, port: site.blue)
            #expect(drain.draining == report.replaced && !drain.isDrained)
            close(socket)
            try await eventually { try await fleet.drain(site.upstream, on: site.node, port: site.blue).isDrained }
        }
    }

    @Test(
        "check reports the version, the test, the include, the permissions, the ports and the max_fails trap",
        arguments: shells)
    func check(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            let report = try await fleet.check(site.upstream, on: site.node, ports: [site.blue, site.green])
            #expect(report.nginx.hasPrefix("nginx version: nginx/"))
            #expect(report.accepted && report.isIncluded == true && report.missingPrograms.isEmpty)
            #expect(report.openPorts == [site.blue, site.green])
            #expect(report.disks.map(\.path) == [site.nginx.backends])
            #expect(report.disks.allSatisfy { $0.isWritable && ($0.freeKibibytes ?? 0) > 0 })
            #expect(try #require(report.clockSkew) == 0)
            #expect(report.serversThatMayFail.map(\.line) == [2, 3])
            let elsewhere = try site.fleet { $0.backends = site.nginx.directory + "/elsewhere" }
            #expect(
                try await elsewhere.check(site.upstream, on: site.node, ports: [site.blue, site.green]).isIncluded
                    == false)
        }
    }

    @Test(
        "a file that nginx's configuration does not include fails staging, as a switch would have no effect",
        arguments: shells)
    func notIncluded(shell: [String]) async throws {
        try await withSite { site in
            let elsewhere = site.nginx.directory + "/elsewhere"
            let fleet = try site.fleet(LocalTransport(shell: shell)) { $0.backends = elsewhere }
            try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
            for text in [nil, site.article()] {
                if let text { try site.write(text, to: "elsewhere/blog.conf") }
                await #expect(throws: NodeFailure(site.node, .notIncluded(file: elsewhere + "/blog.conf"))) {
                    try await fleet.stage(site.upstream, on: site.node, plan(site))
                }
            }
        }
    }

    @Test("nginx's master is found without a configured pid file", arguments: shells)
    func findsMaster(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell)) { $0.pid = nil }
            #expect(try await site.onlyReport(fleet).livePort == site.blue)
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(try await site.onlyReport(fleet).livePort == site.green)
        }
    }
}

@Suite struct LocalNginxTests {
    @Test("nginx ends with its body, and its port is free again")
    func ends() async throws {
        let (port, pid) = try await withSite { site in
            (site.listen, try #require(try await site.onlyReport(try site.fleet()).master))
        }
        #expect(kill(Int32(pid), 0) != 0)
        _ = try Listener(port: port)
    }

    @Test("nginx ends when its owner is cancelled")
    func cancelled() async throws {
        try await withDirectory { directory in
            let started = Flag()
            let port = try await freePorts(1)[0]
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await withLocalNginx(in: directory, hosts: [], http: ["server { listen 127.0.0.1:\(port); }"]) {
                        _ in
                        await started.set()
                        try await Task.sleep(for: .seconds(1000))
                    }
                }
                try await eventually { await started.isSet }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.waitForAll() }
            }
            _ = try Listener(port: port)
        }
    }

    @Test("an nginx that cannot start is reported with its message")
    func cannotStart() async throws {
        try await withDirectory { directory in
            let taken = try Listener()
            let error = await #expect(throws: LocalNginxError.self) {
                try await withLocalNginx(in: directory, hosts: [], http: ["server { listen 127.0.0.1:\(taken.port); }"])
                { _ in
                }
            }
            #expect(error?.description.contains("Address already in use") == true, "\(String(describing: error))")
            withExtendedLifetime(taken) {}
        }
    }
}
