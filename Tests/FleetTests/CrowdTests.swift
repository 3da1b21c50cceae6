import Fleet
import Processes
import Testing

struct CrowdTests {
    @Test("ten thousand addresses are processed with few concurrent connections")
    func tenThousand() async throws {
        let addresses = (0..<10_000).map { "10.\($0 / 65_536).\($0 / 256 % 256).\($0 % 256)" }
        let crowd = Crowd()
        let fleet = Fleet(
            inventory: try StaticInventory(addresses),
            transport: CrowdedTransport(crowd: crowd),
            settings: NodeSettings(),
            parallel: 20,
            // A busy machine may delay these longer than a frozen node.
            startTimeout: .seconds(3600)
        )
        let readings = try await fleet.read(blog)
        #expect(readings.map(\.node.address) == addresses)
        #expect(readings.allSatisfy { $0.failure?.isUnreachable == true })
        #expect(await crowd.most <= 20)
    }
}

private actor Crowd {
    private var now = 0
    private(set) var most = 0

    func enter() {
        now += 1
        most = max(most, now)
    }

    func leave() { now -= 1 }
}

private struct CrowdedTransport: NodeTransport {
    let crowd: Crowd

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        await crowd.enter()
        await Task.yield()
        await crowd.leave()
        throw NodeUnreachable("nobody is there")
    }
}
