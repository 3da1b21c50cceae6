import Controller
import ReleaseMachine
import Testing

@Suite struct DrainTests {
    let site = Site()

    private func said() throws -> [(source: String, text: String)] {
        site.journal.events(1).compactMap { event in
            guard case .said(let line) = event, let source = line.source, line.text != "staging" else { return nil }
            return (source, line.text)
        }
    }

    @Test("the log says what is still open and where, when it is seen first, while it changes, and when it is over")
    func lines() async throws {
        let (one, two) = (World.nodes[0], World.nodes[1])
        func open(_ node: String, _ connections: Int, _ workers: Int) -> DrainEvidence.Open {
            DrainEvidence.Open(node: node, connections: connections, oldWorkers: workers)
        }
        await site.world.hold(open: [
            open(one, 3, 1), open(one, 1, 1), open(one, 0, 2), open(two, 1, 0),
        ])
        let release = try await site.deploy()
        #expect(release.state == .live && release.drain?.open == [])
        let lines = try said()
        let first = lines.filter { $0.source == one }.map(\.text)
        #expect(
            first.first
                == "still open: 3 connections to blue and 1 nginx worker from before, which finishes its requests")
        #expect(first.last == "nothing holds blue any more")
        // Numbers that change with every look are not repeated each time.
        #expect(first.count <= 3)
        #expect(
            lines.filter { $0.source == two }.map(\.text)
                == ["still open: 1 connection to blue", "nothing holds blue any more"])
    }

    @Test("a node that cannot be asked is named as that")
    func unknown() async throws {
        await site.world.failAlways(
            "open", with: NodeTrouble(node: World.nodes[0], isUnreachable: true, message: "gone"))
        _ = try await site.deploy()
        let lines = try said()
        #expect(
            World.nodes.allSatisfy { node in
                lines.contains { $0.source == node && $0.text == "cannot be asked what still holds blue" }
            })
    }
}
