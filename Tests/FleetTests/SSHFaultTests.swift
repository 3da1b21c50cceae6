import Fleet
import Foundation
import Glibc
import Nginx
import Processes
import Testing

/// Lost connections, nodes that stop answering, and cancellation.
@Suite(.timeLimit(.minutes(10))) struct SSHFaultTests {
    /// Staging whose post-deploy command runs for long; it prints `began` first.
    private func plan(_ command: String, timeout: Duration = .seconds(36_000)) -> StagePlan {
        StagePlan(
            port: 30001, token: 0, version: "v", color: "green", release: "blog/1", probe: nil,
            postDeploy: PostDeployCommand(command: command, timeout: timeout)
        )
    }

    @Test("cancelling ends the commands on the node, even if they ignore signals")
    func cancellation() async throws {
        try await withSite { site in
            try await withSSHServer { server in
                try await server.withFleet(node: { $0 = site.settings }) { fleet in
                    let began = Lines()
                    // By themselves they would end long after the test has to be over.
                    let command = "trap '' HUP; sleep 30001 & echo began; sleep 30002; wait"
                    let stage = Task {
                        try await fleet.stage(site.upstream, on: site.node, plan(command)) {
                            await began.add($0)
                        }
                    }
                    try await eventually { await began.all == ["began"] }
                    #expect(try server.processes().values.contains { $0.contains("sleep 30002") })
                    stage.cancel()
                    await #expect(throws: CancellationError.self) { try await stage.value }
                    // The transport is still open: the node's processes end for the conversation's end.
                    try await eventually { try !server.processes().values.contains { $0.contains("sleep 30") } }
                }
            }
        }
    }

    @Test("a conversation that exceeds its deadline is ended on the node too")
    func deadline() async throws {
        try await withSSHServer { server in
            try await SSHTransport.withTransport(server.settings) { transport in
                let inventory = try StaticInventory(["127.0.0.1"])
                let usual = Fleet(inventory: inventory, transport: transport, settings: server.nodeSettings)
                // The connection is open already, so that the limit is the conversation's alone.
                #expect(try await usual.read(blog).first?.report != nil)
                var settings = server.nodeSettings
                let began = server.directory + "/began"
                settings.test = "trap '' HUP; : >\(began); sleep 30003; sleep 30004"
                var attempts = 0
                // A busy machine may need longer to get as far as that.
                for limit in [Duration.seconds(2), .seconds(20), .seconds(200)]
                where !FileManager.default.fileExists(atPath: began) {
                    settings.timeout = limit
                    attempts += 1
                    let slow = Fleet(inventory: inventory, transport: transport, settings: settings)
                    let failure = try await slow.read(blog).first?.failure
                    #expect(failure?.reason == .timedOut(after: limit))
                    try await eventually { try !server.processes().values.contains { $0.contains("sleep 30") } }
                }
                #expect(FileManager.default.fileExists(atPath: began))
                // That session is over; the next conversation has a new one.
                #expect(try await usual.read(blog).first?.report != nil)
                #expect(await server.logins == 1 + attempts)
            }
        }
    }

    @Test("a lost connection leaves nothing running, and the next conversation opens another")
    func cut() async throws {
        try await withSite { site in
            try await withSSHServer { server in
                try await server.withFleet(node: { $0 = site.settings }) { fleet in
                    let began = Lines()
                    let stage = Task {
                        try await fleet.stage(site.upstream, on: site.node, plan("echo began; sleep 30005; :")) {
                            await began.add($0)
                        }
                    }
                    try await eventually { await began.all == ["began"] }
                    for connection in try server.connections() { kill(connection, SIGKILL) }
                    let failure = await #expect(throws: NodeFailure.self) { try await stage.value }
                    #expect(failure?.isUnreachable == true)
                    guard case .cutOff = failure?.reason else {
                        Issue.record("\(String(describing: failure))")
                        return
                    }
                    try await eventually { try !server.processes().values.contains { $0.contains("sleep 30005") } }
                    #expect(try await site.onlyReport(fleet).livePort == site.blue)
                }
                #expect(await server.logins == 2)
            }
        }
    }

    @Test("a switch whose connection is lost is completed or reverted, never left half done", arguments: 0..<4)
    func cutSwitch(moment: Int) async throws {
        try await withSite { site in
            try await withSSHServer { server in
                try await server.withFleet(node: { $0 = site.settings }) { fleet in
                    #expect(try await site.onlyReport(fleet).livePort == site.blue)
                    let flip = Task {
                        try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 2)
                    }
                    // Somewhere in the middle: a switch takes about 150 ms.
                    try await Task.sleep(for: .milliseconds(10 + 40 * moment))
                    for connection in try server.connections() { kill(connection, SIGKILL) }
                    _ = try? await flip.value
                    // Where the order was carried through, it is so after a moment.
                    try await eventually {
                        let report = try await site.onlyReport(fleet)
                        guard report.loaded == .yes, let port = report.livePort else { return false }
                        let color = port == site.blue ? "blue" : "green"
                        return try site.text() == site.article(live: color) && report.serving?.port == port
                    }
                    let settled = try #require(try await site.onlyReport(fleet).livePort)
                    #expect(try await site.answer() == (settled == site.blue ? "blue" : "green"))
                }
            }
        }
    }

    @Test("a connection lost while it was idle is replaced without an error")
    func idle() async throws {
        try await withSSHServer { server in
            try await server.withFleet { fleet in
                for _ in 0..<3 {
                    #expect(try await fleet.read(blog).first?.report != nil)
                    for connection in try server.connections() { kill(connection, SIGKILL) }
                }
            }
            #expect(await server.logins == 3)
        }
    }

    @Test("a connection that is idle for too long is closed")
    func idleLimit() async throws {
        try await withSSHServer { server in
            try await server.withFleet(ssh: { $0.idleLimit = .milliseconds(50) }) { fleet in
                #expect(try await fleet.read(blog).first?.report != nil)
                try await eventually { try server.connections().isEmpty }
                #expect(try await fleet.read(blog).first?.report != nil)
            }
            #expect(await server.logins == 2)
        }
    }

    @Test("a frozen server does not delay the others")
    func frozen() async throws {
        try await withSSHServer { frozen in
            try await withSSHServer { server in
                kill(frozen.process, SIGSTOP)
                defer { kill(frozen.process, SIGCONT) }
                // One configuration for both: the other port is another host's.
                let text = "Host 127.0.0.2\n HostName 127.0.0.1\n Port \(frozen.port)\n"
                let config = server.directory + "/ssh_config"
                try Data((text + (try String(contentsOfFile: config, encoding: .utf8))).utf8)
                    .write(to: URL(fileURLWithPath: config))
                try await server.withFleet(["127.0.0.2", "127.0.0.1"], ssh: { $0.connectTimeout = .seconds(3) }) {
                    fleet in
                    let times = Times()
                    await withTaskGroup(of: Void.self) { group in
                        for address in ["127.0.0.2", "127.0.0.1"] {
                            group.addTask {
                                let reading = await fleet.read(blog, on: [Node(address)])[0]
                                await times.note(address, reading.failure.map { "\($0.reason)" } ?? "read")
                            }
                        }
                    }
                    #expect(await times.order == ["127.0.0.1", "127.0.0.2"])
                    #expect(await times.said["127.0.0.1"] == "read")
                    #expect(await times.said["127.0.0.2"]?.contains("sent nothing for 3 s") == true)
                }
            }
        }
    }
}

private actor Times {
    private(set) var order: [String] = []
    private(set) var said: [String: String] = [:]

    func note(_ address: String, _ words: String) {
        order.append(address)
        said[address] = words
    }
}
