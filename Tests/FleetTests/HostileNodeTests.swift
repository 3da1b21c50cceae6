import Fleet
import Foundation
import Processes
import Testing

/// A compromised node: it answers every command with these facts.
private struct TakenOverNode: NodeTransport {
    var facts: [String]

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let lines = ["viridian-node=\(version)"] + facts + ["done=\(arguments[0])"]
        let text = lines.joined(separator: "\n") + "\n"
        return try await Command("cat", input: text).run(deadline: deadline, onLine: onLine).termination
    }

    private var version: Int { NodeScript.version }
}

@Suite struct HostileNodeTests {
    private static let odd = [
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-1", "99999999999999999999",
        "9007199254740993", "1e400", "0x7f", "", " ", "٣", "9007199254740992", "4611686018427387904", "+5",
    ]

    @Test("no number in a node's output crashes this process", arguments: odd)
    func numbers(_ number: String) async throws {
        let facts = [
            "clock=\(number)@b", "token=\(number)", "master=\(number)", "workers=\(number) \(number):\(number)",
            "draining=\(number)", "replaced=\(number)", "connections=\(number)",
            "arriving=\(number)", "from=10.0.0.1 \(number)", "from=10.0.0.2 \(number)", "assets=none",
            "assets_of=\(number) releases/1", "file=missing", "path=/etc/nginx/backends.d/blog.conf", "loaded=no",
            "time=\(number)", "disk=\(number) /", "inodes=\(number) /", "writable=yes /", "open=\(number)",
            "localnet=\(number)", "staged=yes", "post=\(number)", "reloaded=no", "verified=yes",
        ]
        let fleet = Fleet(
            inventory: try StaticInventory(["node-1"]), transport: TakenOverNode(facts: facts), settings: NodeSettings()
        )
        let node = Node("node-1")
        let plan = StagePlan(port: 30001, token: 2, version: "2", color: "green", release: "blog/1")
        // Twice: the second command's deadline uses the clock of the first output.
        for _ in 0..<2 {
            let reading = try #require(try await fleet.read(blog).first)
            #expect((0...(1 << 53)).contains(reading.report?.token ?? 0))
            #expect(reading.report?.workers.allSatisfy { $0 >= 0 } == true)
            _ = try? await fleet.check(blog, on: node, ports: [30000])
            if let drain = try? await fleet.drain(blog, on: node, port: 30000) {
                // These are summed over sources and nodes.
                let counts = [drain.connections] + (drain.arrivals.map { Array($0.values) } ?? [])
                #expect(counts.allSatisfy { (0...Int(Int32.max)).contains($0) }, "\(counts)")
            }
            _ = try? await fleet.stage(blog, on: node, plan)
            _ = try? await fleet.switch(blog, on: node, to: 30001, token: 2)
        }
    }

    @Test("a node that refuses with an invalid release number is reported with the fix")
    func fencedByNonsense() async throws {
        let transport = TakenOverNode(facts: ["token=0", "fenced=9223372036854775807"])
        let fleet = Fleet(
            inventory: try StaticInventory(["node-1"]), transport: transport, settings: NodeSettings())
        let plan = StagePlan(port: 30001, token: 2, version: "2", color: "green", release: "blog/1")
        let failure = await #expect(throws: NodeFailure.self) {
            _ = try await fleet.stage(blog, on: Node("node-1"), plan)
        }
        let text = "\(try #require(failure))"
        #expect(text.contains("9223372036854775807") && text.contains(".token file"), "\(text)")
    }
}
