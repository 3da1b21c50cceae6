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

    @Test("the log shows what is still open on each node: at first, when it changes, and when it is over")
    func lines() async throws {
        let (one, two) = (World.nodes[0], World.nodes[1])
        func open(_ node: String, _ connections: Int, _ workers: Int) -> DrainEvidence.Open {
            DrainEvidence.Open(node: node, connections: connections, oldWorkers: workers)
        }
        await site.world.hold(open: [
            // The first read is made before the drain could end, to find new connections, and is not logged.
            open(one, 4, 1), open(two, 2, 0),
            open(one, 3, 1), open(one, 1, 1), open(one, 0, 2), open(two, 1, 0),
        ])
        let release = try await site.deploy()
        #expect(release.state == .live && release.drain?.open == [])
        let lines = try said()
        let first = lines.filter { $0.source == one }.map(\.text)
        #expect(
            first.first
                == "still open: 3 connections to blue and 1 old nginx worker, which finishes its requests")
        #expect(first.last == "drained: no connection to blue is left")
        // Numbers that change with every read are not repeated each time.
        #expect(first.count <= 3)
        #expect(
            lines.filter { $0.source == two }.map(\.text)
                == ["still open: 1 connection to blue", "drained: no connection to blue is left"])
    }

    @Test("a node at which a connection arrived a moment ago is not drained yet, though none is open")
    func arrivals() throws {
        var watch = DrainWatch(arrivalWindow: .seconds(10))
        func open(_ arriving: Int?) -> [DrainEvidence.Open] {
            [.init(node: "web-1", connections: 0, oldWorkers: 0, arriving: arriving, sources: ["10.0.0.7"])]
        }
        let start = Timestamp(milliseconds: 0)
        #expect(watch.stillOpen(open(2), at: start).map(\.arriving) == [2])
        let later = watch.stillOpen(open(0), at: start + .seconds(9))
        #expect(later.map(\.isStillArriving) == [true] && later[0].sources == ["10.0.0.7"])
        #expect(watch.stillOpen(open(0), at: start + .seconds(10)).isEmpty)
        #expect(watch.stillOpen(open(nil), at: start + .seconds(11)).isEmpty)
    }

    @Test("an old colour at which connections arrive until the drain's end is kept, and the log names their sources")
    func keptColor() async throws {
        let node = World.nodes[0]
        let arriving = DrainEvidence.Open(node: node, connections: 0, oldWorkers: 0, arriving: 1, sources: ["10.0.0.7"])
        await site.world.hold(open: Array(repeating: arriving, count: 10_000))
        let release = try await site.deploy()
        #expect(release.state == .live)
        #expect(release.leftovers.map(\.version.color) == [.blue])
        #expect(await site.world.workloads.keys.contains(.blue))
        #expect(
            try said().contains {
                $0.source == node && $0.text.contains("still arriving: 1 new connection to blue from 10.0.0.7")
            })
    }

    @Test("a node that does not answer is named")
    func unknown() async throws {
        await site.world.failAlways(
            "open", with: NodeProblem(node: World.nodes[0], isUnreachable: true, message: "gone"))
        _ = try await site.deploy()
        let lines = try said()
        #expect(
            World.nodes.allSatisfy { node in
                lines.contains { $0.source == node && $0.text == "does not report its open connections to blue" }
            })
    }
}
