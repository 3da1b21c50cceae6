import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// Conversations over a real sshd.
@Suite(.timeLimit(.minutes(10))) struct SSHConversationTests {
    @Test("a connection is opened once and used for consecutive conversations")
    func held() async throws {
        try await withSSHServer { server in
            try await server.withFleet { fleet in
                for _ in 0..<5 {
                    let reading = try #require(try await fleet.read(blog).first)
                    #expect(try reading.outcome.get().file == .missing)
                }
            }
            #expect(await server.logins == 1)
        }
    }

    @Test("two concurrent conversations with a node use two connections, which are kept")
    func twoAtOnce() async throws {
        try await withSSHServer { server in
            try await server.withFleet { fleet in
                for _ in 0..<3 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<2 {
                            group.addTask {
                                let plan = StagePlan(
                                    port: 30001, token: 0, version: "v", color: "green", release: "blog/1", probe: nil
                                )
                                let failure = await #expect(throws: NodeFailure.self) {
                                    try await fleet.stage(blog, on: Node("127.0.0.1"), plan)
                                }
                                #expect(failure?.reason == .notRunning)
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
            #expect((1...2).contains(await server.logins))
        }
    }

    @Test("a release's conversations over SSH work as on this machine")
    func stageAndSwitch() async throws {
        try await withSite { site in
            try await withSSHServer { server in
                try await server.withFleet(node: { $0 = site.settings }) { fleet in
                    let before = try site.text()
                    let lines = Lines()
                    let plan = StagePlan(
                        port: site.green,
                        token: 2,
                        version: "20151025.143403",
                        color: "green",
                        release: "blog/1",
                        postDeploy: PostDeployCommand(
                            command: "printf '%s\\n' \"$VIRIDIAN_VERSION\"\necho \"it's 100% \\\\ done\""
                        )
                    )
                    _ = try await fleet.stage(site.upstream, on: site.node, plan) { await lines.add($0) }
                    #expect(await lines.all == ["20151025.143403", "it's 100% \\ done"])
                    #expect(try site.text() == before)
                    let report = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 2)
                    #expect(!report.wasAlreadySwitched)
                    #expect(try await site.answer() == "green")
                    #expect(try site.text() == site.article(live: "green"))
                    let drain = try await fleet.drain(site.upstream, on: site.node, port: site.blue)
                    #expect(drain.connections == 0)
                }
                #expect(await server.logins == 1)
            }
        }
    }

    @Test("output of the login is not mistaken for the node script's")
    func noise() async throws {
        let noisy = "ForceCommand echo Welcome; printf 'viridian-node=9'; echo noise >&2; echo done=read; exec sh"
        try await withSSHServer(server: [noisy]) { server in
            try await server.withFleet { fleet in
                let reading = try #require(try await fleet.read(blog).first)
                #expect(try reading.outcome.get().file == .missing)
            }
        }
    }

    @Test("a node script that is installed as a forced command needs no upload")
    func installed() async throws {
        try await withDirectory { directory in
            let script = directory + "/viridian-node"
            try Data(("#!/bin/sh\n" + NodeSession.functions + "serve\n").utf8).write(to: URL(fileURLWithPath: script))
            try await withSSHServer(server: ["ForceCommand sh \(script)"]) { server in
                try await server.withFleet { fleet in
                    for _ in 0..<2 {
                        let reading = try #require(try await fleet.read(blog).first)
                        #expect(try reading.outcome.get().file == .missing)
                    }
                }
                #expect(await server.logins == 1)
            }
        }
    }

    @Test("many nodes concurrently: each answers, with few concurrent handshakes")
    func many() async throws {
        let addresses = (1...30).map { "127.0.9.\($0)" }
        try await withSSHServer(addresses: Array(addresses.prefix(15))) { first in
            try await first.withFleet(Array(addresses.prefix(15))) { fleet in
                for _ in 0..<2 {
                    let readings = try await fleet.read(blog)
                    #expect(readings.compactMap(\.report).count == 15)
                }
            }
            #expect(await first.logins == 15)
        }
    }

    @Test("the number of connections is limited; the longest idle one is closed first")
    func bounded() async throws {
        let addresses = (1...8).map { "127.0.8.\($0)" }
        try await withSSHServer(addresses: addresses) { server in
            try await server.withFleet(addresses, ssh: { $0.connectionLimit = 3 }) { fleet in
                for _ in 0..<2 {
                    let readings = try await fleet.read(blog)
                    #expect(readings.compactMap(\.report).count == 8, "\(readings.compactMap(\.failure))")
                    let clients = try server.processes().values.filter {
                        $0.hasPrefix("ssh ") || $0.contains("/ssh -F")
                    }
                    #expect(clients.count <= 3)
                }
                // What was read last is still open.
                let before = await server.logins
                let last = Node(addresses[7])
                _ = await fleet.read(blog, on: [last])
                _ = await fleet.read(blog, on: [last])
                #expect(await server.logins <= before + 1)
            }
        }
    }

    @Test(
        "connections that sshd refuses because there are too many are retried",
        arguments: ["MaxStartups 2", "MaxStartups 3:60:5"])
    func maxStartups(line: String) async throws {
        let addresses = (1...12).map { "127.0.7.\($0)" }
        try await withSSHServer(addresses: addresses, server: [line]) { server in
            try await server.withFleet(
                addresses,
                ssh: { $0.connectTimeout = .seconds(600) },
                node: { $0.timeout = .seconds(700) }
            ) { fleet in
                let readings = try await fleet.read(blog)
                #expect(readings.compactMap(\.report).count == 12, "\(readings.compactMap(\.failure))")
            }
        }
    }
}
