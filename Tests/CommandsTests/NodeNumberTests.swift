import Controller
import Fleet
import Foundation
import Processes
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Commands

/// Answers `check` with the given time.
private struct WrongClock: NodeTransport {
    var time: String

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let text = """
            viridian-node=\(NodeScript.version)
            file=missing
            time=\(time)
            done=\(arguments[0])

            """
        return try await Command("cat", input: text).run(deadline: deadline, onLine: onLine).termination
    }
}

@Suite struct NodeNumberTests {
    private let app: AppConfiguration

    init() throws {
        app = try AppConfiguration(
            app: "blog", ports: .init(container: 8080, blue: 30000, green: 30001), image: "registry.local:5000/blog")
    }

    private func fleet(_ transport: any NodeTransport) throws -> Fleet {
        Fleet(inventory: try StaticInventory(["node-1"]), transport: transport, settings: NodeSettings())
    }

    @Test(
        "whatever time a node reports, `check` shows the skew, or that it is larger than the limit",
        arguments: ["99999999999999999999", String(repeating: "9", count: 400), "0"])
    func clocks(time: String) async throws {
        let nodes = FleetNodes(fleet: try fleet(WrongClock(time: time)), app: app)
        let report = try await nodes.fleet.check(nodes.upstream, on: Node("node-1"), ports: [])
        let said = NodeFindings(app: app, live: nil, report: report).all.map(\.what)
        #expect(said.contains { $0.hasPrefix("the clock is more than 1000000000 s ") }, "\(said)")
    }

    @Test("a release number that is out of range is refused before any node is called, with what to remove")
    func fence() async throws {
        let nodes = FleetNodes(fleet: try fleet(WrongClock(time: "0")), app: app)
        #expect(try Fence(release: 42, isBack: false).token == 84)
        #expect(try Fence(release: 1 << 52, isBack: true).token == (1 << 53) + 1)
        for number in [(1 << 52) + 1, 4_611_686_018_427_387_904, Int.max, -1, Int.min] {
            let fence = Fence(release: number, isBack: true)
            let refusal = #expect(throws: Refusal.self) { try fence.token }
            #expect(refusal?.message.contains("viridian.dev/last-release") == true)
            let readings = await nodes.read(["node-1"], claiming: fence)
            #expect(readings.count == 1 && readings[0].color == nil && readings[0].message == refusal?.message)
            await #expect(throws: Refusal.self) { try await nodes.route("node-1", to: .green, fence: fence) }
            let live = LiveVersion(color: .green, version: "2")
            await #expect(throws: Refusal.self) { try await nodes.stageAndRoute("node-1", to: live, fence: fence) }
        }
    }
}
