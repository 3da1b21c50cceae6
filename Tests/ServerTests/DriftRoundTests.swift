import Controller
import Foundation
import Journal
import ReleaseMachine
import Synchronization
import Testing
import ViridianConfiguration

@testable import Server

/// The fake world's apps, read all together as a fleet does.
struct FakeReadings: SharedReadings {
    actor Conversations {
        private(set) var nodes: [String] = []
        /// Nodes that are being read, and wait at their gate.
        private(set) var held: Set<String> = []
        private var gates: [String: Gate] = [:]

        func hold(_ node: String, at gate: Gate?) { gates[node] = gate }

        func begin(_ node: String) async {
            nodes.append(node)
            guard let gate = gates[node] else { return }
            held.insert(node)
            await gate.pass()
            held.remove(node)
        }
    }

    let world: FakeWorld
    let apps: [String]
    var nodes = FakeWorld.nodes
    /// Apps whose objects in the cluster cannot be read.
    var unreadable: Set<String> = []
    let conversations = Conversations()

    func list() async throws -> [String] { nodes }

    func read(_ node: String, _ apps: [String]) async -> [NodeReading] {
        await conversations.begin(node)
        var readings: [NodeReading] = []
        for app in apps {
            let color = await world.state(app).routes[node]
            readings.append(NodeReading(node: node, color: color, isNew: color == nil))
        }
        return readings
    }

    func survey(_ app: String) async throws -> ClusterSurvey {
        guard !unreadable.contains(app) else { throw Refusal("\(app) cannot be read") }
        return try await world.survey(app)
    }
}

@Suite("Rounds of drift watching", .timeLimit(.minutes(10)))
struct DriftRoundTests {
    @Test("a round costs one conversation a node, however many apps there are", arguments: [1, 500])
    func conversations(count: Int) async throws {
        let names = (1...count).map { "app-\($0)" }
        let nodes = (1...30).map { "10.0.0.\($0)" }
        let readings = FakeReadings(world: FakeWorld(), apps: names, nodes: nodes)
        let received = Received()
        let outcome = await DriftRound(readings: readings, clock: SystemClock()).run(
            names, within: .zero
        ) { column, _ in
            await received.add(column)
        }
        #expect(outcome.conversations == 30)
        let read = await readings.conversations.nodes
        #expect(read.sorted() == nodes.sorted())
        #expect(outcome.observations.map(\.app) == names)
        for (app, result) in outcome.observations {
            let observation = try result.get()
            #expect(observation.readings.map(\.node) == nodes, "\(app)")
            #expect(observation.survey.recorded?.color == .blue)
        }
        let columns = await received.columns
        #expect(columns.count == 30 && columns.allSatisfy { $0.count == count })
    }

    @Test("the nodes are read one after the other over the whole round")
    func spread() async throws {
        let readings = FakeReadings(
            world: FakeWorld(), apps: ["blog"], nodes: (1...4).map { "10.0.0.\($0)" })
        let clock = SleptClock()
        let outcome = await DriftRound(readings: readings, clock: clock).run(
            ["blog"], within: .seconds(40)
        ) { _, _ in }
        #expect(outcome.conversations == 4)
        #expect(clock.slept == [.seconds(10), .seconds(10), .seconds(10)])
    }

    @Test("an app whose objects cannot be read does not keep the others from being checked")
    func failure() async throws {
        let world = FakeWorld()
        let readings = FakeReadings(world: world, apps: ["blog", "shop", "docs"], unreadable: ["shop"])
        let outcome = await DriftRound(readings: readings, clock: SystemClock()).run(
            readings.apps, within: .zero
        ) { _, _ in }
        #expect(outcome.observations.map { $0.result.failure == nil } == [true, false, true])
        try await withServer(
            apps: readings.apps, world: world, together: readings,
            settings: { $0.checkInterval = .milliseconds(50) }
        ) { server in
            let problem = try await eventually {
                try await server.get("/api/v1/apps/shop").json["problem"].string
            }
            #expect(problem == "shop cannot be read")
            await world.route(FakeWorld.nodes[1], of: "docs", to: .green)
            let drifted = try await eventually {
                let app = try await server.get("/api/v1/apps/docs").json
                return app["drifted"].array.isEmpty ? nil : app
            }
            #expect(drifted?["drifted"].array.compactMap(\.string) == [FakeWorld.nodes[1]])
            let blog = try await server.get("/api/v1/apps/blog").json
            #expect(blog["problem"].string == nil && blog["drifted"].array.isEmpty)
        }
    }

    @Test("while the cluster does not answer, each app says so, and not any more when it is back")
    func outage() async throws {
        let world = FakeWorld()
        let readings = FakeReadings(world: world, apps: ["blog", "shop"])
        await world.goDown()
        let outcome = await DriftRound(readings: readings, clock: SystemClock()).run(
            readings.apps, within: .zero
        ) { _, _ in }
        #expect(
            outcome.observations.map { "\($0.result.failure.map { "\($0)" } ?? "")" } == [
                "the API does not answer", "the API does not answer",
            ])
        try await withServer(
            apps: readings.apps, world: world, together: readings,
            settings: { $0.checkInterval = .milliseconds(50) }
        ) { server in
            let problem = try await eventually {
                try await server.get("/api/v1/apps/shop").json["problem"].string
            }
            #expect(problem == "the API does not answer")
            await world.comeBack()
            let isBack = try await eventually {
                try await server.get("/api/v1/apps/shop").json["problem"].string == nil ? true : nil
            }
            #expect(isBack == true)
        }
    }

    @Test("a server with many apps reads each node once a round, and says what it costs")
    func server() async throws {
        let names = (1...40).map { "app-\($0)" }
        let world = FakeWorld()
        let readings = FakeReadings(world: world, apps: names)
        try await withServer(
            apps: names, world: world, together: readings,
            settings: { $0.checkInterval = .milliseconds(200) }
        ) { server in
            let isRead = try await eventually {
                await readings.conversations.nodes.count >= 6 ? true : nil
            }
            #expect(isRead == true)
            // The next round begins when all of a round have been read.
            let nodes = await readings.conversations.nodes
            for start in stride(from: 0, to: nodes.count - 1, by: 2) {
                #expect(Set(nodes[start...(start + 1)]) == Set(FakeWorld.nodes))
            }
            #expect(await world.read.isEmpty)
            #expect(server.services.metrics.text.contains("\nviridian_check_round_conversations 2\n"))
            #expect(
                server.services.metrics.text.contains("viridian_nodes{app=\"app-40\",color=\"blue\"} 2\n"))
        }
    }

    @Test(
        "drift of a node is noticed before the round has read the others, and repaired where the app says so"
    )
    func atOnce() async throws {
        let world = FakeWorld()
        let readings = FakeReadings(world: world, apps: ["blog"])
        try await withServer(
            world: world, together: readings, configure: { $0.repair = .auto },
            settings: { $0.checkInterval = .milliseconds(100) }
        ) { server in
            let isSeen = try await eventually {
                await server.services.appStates.observation("blog").map { _ in true }
            }
            #expect(isSeen == true)
            let gates = [Gate(), Gate()]
            for (node, gate) in zip(FakeWorld.nodes, gates) {
                await readings.conversations.hold(node, at: gate)
            }
            let areHeld = try await eventually {
                await readings.conversations.held.count == 2 ? true : nil
            }
            #expect(areHeld == true)
            await world.route(FakeWorld.nodes[0], of: "blog", to: .green)
            // The second node does not answer yet.
            await gates[0].open()
            let isRepaired = try await eventually {
                await world.state("blog").routes[FakeWorld.nodes[0]] == .blue ? true : nil
            }
            #expect(isRepaired == true)
            #expect(await readings.conversations.held == [FakeWorld.nodes[1]])
            await gates[1].open()
        }
    }

    @Test("an app that was released while the round read the nodes is read by itself")
    func released() async throws {
        let world = FakeWorld()
        let readings = FakeReadings(world: world, apps: ["blog", "shop"])
        let gate = Gate()
        try await withServer(
            apps: readings.apps, world: world, together: readings,
            settings: { $0.checkInterval = .milliseconds(100) }
        ) { server in
            let isSeen = try await eventually {
                await server.services.appStates.observation("blog").map { _ in true }
            }
            #expect(isSeen == true)
            await readings.conversations.hold(FakeWorld.nodes[1], at: gate)
            // The first node is read before the release, the second after it.
            let isHeld = try await eventually { await readings.conversations.held.isEmpty ? nil : true }
            #expect(isHeld == true)
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            let count = await readings.conversations.nodes.count
            await gate.open()
            let later = try await eventually {
                await readings.conversations.nodes.count >= count + 4 ? true : nil
            }
            #expect(later == true)
            let app = try await server.get("/api/v1/apps/blog").json
            #expect(app["drifted"].array.isEmpty, "\(app)")
            let audit = try await server.journal.audit(limit: 100)
            #expect(audit.allSatisfy { $0.action != "repair" })
            // Only the app that was released was read by itself.
            #expect(await Set(world.read) == ["blog"])
        }
    }
}

private actor Received {
    private(set) var columns: [[NodeReading]] = []
    func add(_ column: [NodeReading]) { columns.append(column) }
}

/// Its time passes only by sleeping.
private final class SleptClock: ReleaseClock {
    private let state = Mutex((now: Timestamp(milliseconds: 1_445_783_643_000), slept: [Duration]()))

    var now: Timestamp { state.withLock { $0.now } }
    var slept: [Duration] { state.withLock { $0.slept } }

    func sleep(for length: Duration) async throws {
        state.withLock {
            $0.now = $0.now + length
            $0.slept.append(length)
        }
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}
