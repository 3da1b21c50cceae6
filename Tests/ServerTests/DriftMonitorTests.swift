import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Drift")
struct DriftMonitorTests {
    @Test("a drifted node is detected, shown and counted, and not repaired")
    func noticed() async throws {
        try await withServer(settings: { $0.checkInterval = .milliseconds(100) }) { server in
            await server.world.route(FakeWorld.nodes[0], of: "blog", to: .green)
            let drifted = try await eventually {
                let app = try await server.get("/api/v1/apps").json["apps"][0]
                return app["drifted"].array.isEmpty ? nil : app
            }
            let app = try #require(drifted)
            #expect(app["drifted"].array.compactMap(\.string) == [FakeWorld.nodes[0]])
            #expect(app["advice"][0].string?.contains("viridian repair blog") == true)
            let rows = try await server.get("/api/v1/nodes").json["nodes"].array
            #expect(rows.compactMap { $0["state"].string } == ["drifted", "ok"])
            #expect(server.services.metrics.text.contains("viridian_nodes_drifted{app=\"blog\"} 1\n"))
            #expect(await server.world.state("blog").routes[FakeWorld.nodes[0]] == .green)
            let dry = try await server.post("/api/v1/apps/blog/repair", #"{"dryRun": true}"#)
            #expect(dry.status == 200 && dry.json["nodes"][0]["outcome"].string == "wouldBeBroughtBack", "\(dry)")
            #expect(await server.world.state("blog").routes[FakeWorld.nodes[0]] == .green)
            let repair = try await server.post("/api/v1/apps/blog/repair")
            #expect(repair.json["whole"] == .bool(true), "\(repair)")
            #expect(await server.world.state("blog").routes[FakeWorld.nodes[0]] == .blue)
            let isCalm = try await eventually {
                try await server.get("/api/v1/apps").json["apps"][0]["drifted"].array.isEmpty ? true : nil
            }
            #expect(isCalm == true)
        }
    }

    @Test("with repair: auto it is repaired, and the audit log has it")
    func repaired() async throws {
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.checkInterval = .milliseconds(100) }) {
            server in
            await server.world.route(FakeWorld.nodes[1], of: "blog", to: .green)
            let isBack = try await eventually {
                await server.world.state("blog").routes[FakeWorld.nodes[1]] == .blue ? true : nil
            }
            #expect(isBack == true)
            let entry = try await eventually {
                try await server.get("/api/v1/audit").json["entries"].array.first { $0["action"].string == "repair" }
            }
            #expect(entry?["who"].string == "viridian serve")
            #expect(entry?["detail"].string == "brought back to blue: \(FakeWorld.nodes[1])")
        }
    }

    @Test("automatic repairs of a node that stays unreachable are one line of the audit log")
    func unreachable() async throws {
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.checkInterval = .milliseconds(50) }) {
            server in
            await server.world.freeze(FakeWorld.nodes[1])
            await server.world.route(FakeWorld.nodes[1], of: "blog", to: .green)
            let entry = try await eventually {
                try await server.journal.audit(limit: 100).first { $0.action == "repair" }
            }
            #expect(entry?.detail == "not brought back: \(FakeWorld.nodes[1]) (timed out)")
            // Each check and each repair reads the nodes.
            let read = await server.world.read.count
            _ = try await eventually { await server.world.read.count > read + 10 ? true : nil }
            let repairs = try await server.journal.audit(limit: 100).filter { $0.action == "repair" }
            #expect(repairs.count == 1)
        }
    }

    @Test("while a release moves the nodes, none of them is drifted")
    func moving() async throws {
        let gate = Gate()
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.checkInterval = .milliseconds(50) }) {
            server in
            await server.world.holdSwitches(at: gate)
            _ = try await server.deploy()
            // The nodes have been read: what one of them routes to now is the release's doing.
            _ = try await eventually {
                try await server.get("/api/v1/apps/blog/releases/1").json["phase"].string == "switching" ? true : nil
            }
            await server.world.route(FakeWorld.nodes[0], of: "blog", to: .green)
            let before = try await server.get("/metrics").text
            _ = try await eventually { try await server.get("/metrics").text != before ? true : nil }
            #expect(try await server.get("/api/v1/apps").json["apps"][0]["drifted"].array.isEmpty)
            await gate.open()
            #expect(try await server.release(1, in: .live).state == .live)
            #expect(try await server.journal.audit(limit: 100).allSatisfy { $0.action != "repair" })
        }
    }

    @Test("of many apps only a few are checked at once, and all of them repeatedly")
    func bounded() async throws {
        let world = FakeWorld()
        let gate = Gate()
        await world.holdReading(at: gate)
        let names = (1...12).map { "app-\($0)" }
        try await withServer(apps: names, world: world, settings: { $0.checkInterval = .milliseconds(300) }) { server in
            let isFull = try await eventually {
                await world.mostReading == DriftMonitor.maximumConcurrentChecks ? true : nil
            }
            #expect(isFull == true)
            await gate.open()
            let isTwice = try await eventually {
                let read = await world.read
                return names.allSatisfy { name in read.count { $0 == name } >= 2 } ? true : nil
            }
            #expect(isTwice == true)
            #expect(await world.mostReading == DriftMonitor.maximumConcurrentChecks)
            // No app a second time before all were checked once.
            #expect(await Set(world.read.prefix(names.count)) == Set(names))
            let seconds = try await eventually {
                server.services.metrics.text.firstMatch(of: /\nviridian_check_round_seconds (\S+)/).flatMap {
                    Double($0.1)
                }
            }
            #expect(try #require(seconds) > 0.2)
        }
    }

    @Test("running releases are checked first, then apps with viewers, then the others by their last check")
    func order() async throws {
        try await withServer(apps: ["a", "b", "c", "d"], settings: { $0.checkInterval = .seconds(600) }) { server in
            let appStates = server.services.appStates
            // The first round is over.
            let isSeen = try await eventually { () -> Bool? in
                for app in ["a", "b", "c", "d"] where await appStates.observation(app) == nil { return nil }
                return true
            }
            #expect(isSeen == true)
            for app in ["b", "d", "a", "c"] { await server.services.driftMonitor.check(app) }
            #expect(await appStates.checkOrder() == ["b", "d", "a", "c"])
            _ = try await server.deploy(app: "c", more: #", "verify": true"#)
            _ = try await server.release(1, app: "c", in: .paused)
            await appStates.refresh()
            #expect(await appStates.checkOrder().first == "c")
            let old = try PagesStory.old(app: "a")
            for event in old { try await server.journal.append(event, app: "a", number: 1) }
            let feed = try #require(try await appStates.feed("a", 1))
            let viewer = await feed.enter()
            await appStates.refresh()
            #expect(await appStates.checkOrder().prefix(2) == ["c", "a"])
            await feed.leave(viewer)
            #expect(await appStates.checkOrder().last == "a")
        }
    }

    @Test("a lease with an invalid number: the server keeps checking, and refuses releases")
    func spoiltLease() async throws {
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.checkInterval = .milliseconds(50) }) {
            server in
            await server.world.spoilLease("blog")
            await server.world.route(FakeWorld.nodes[1], of: "blog", to: .green)
            let drifted = try await eventually {
                try await server.get("/api/v1/apps").json["apps"][0]["drifted"].array.isEmpty ? nil : true
            }
            #expect(drifted == true)
            // A repair holds the lease now and then.
            let refused = try await eventually {
                let answer = try await server.post("/api/v1/apps/blog/releases", #"{"version": "v2"}"#)
                return answer.code == "release_running" ? nil : answer
            }
            let answer = try #require(refused)
            #expect(answer.status == 409 || answer.status == 422, "\(answer)")
            #expect("\(answer.json)".contains("no number of a release"), "\(answer)")
            #expect(await server.world.state("blog").routes[FakeWorld.nodes[1]] == .green)
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
        }
    }

    @Test("leftovers of a release are deleted, and the audit log has it")
    func leftovers() async throws {
        let world = FakeWorld()
        try await withServer(world: world, settings: { $0.checkInterval = .milliseconds(100) }) { server in
            var rules = Rules()
            rules.drainLeast = .milliseconds(100)
            let order = Order(
                app: "blog", number: 1, version: "v2", image: "registry.local:5000/blog:v2", requestedBy: "anna",
                rules: rules)
            let survey = Survey(
                live: LiveVersion(color: .blue, version: FakeWorld.oldVersion), candidate: .green, replicas: 2,
                nodes: FakeWorld.nodes)
            try await world.create(order, survey)
            let start = SystemClock().now + .seconds(-3600)
            let events: [Event] = [
                .requested(order), .discovered(survey), .candidateCreated, .abortRequested(by: "anna", reason: nil),
                .readBack(FakeWorld.nodes.map { NodeReading(node: $0, color: .blue) }), .deadlinePassed(.starting),
            ]
            for (index, event) in events.enumerated() {
                let at = start + .seconds(index == events.count - 1 ? 600 : index)
                let recorded = RecordedEvent(sequence: index + 1, at: at, event: event)
                try await server.journal.append(recorded, app: "blog", number: 1)
            }
            let isGone = try await eventually { await world.state("blog").workloads[.green] == nil ? true : nil }
            #expect(isGone == true)
            let entry = try await eventually {
                try await server.journal.audit(limit: 10).first { $0.action == "leftovers-cleared" }
            }
            #expect(entry?.detail == "workload green (v2)")
            #expect(await world.state("blog").workloads[.blue] != nil)
            let release = try await server.get("/api/v1/apps/blog/releases/1").json
            #expect(release["leftovers"][0]["kind"].string == "workload", "\(release)")
        }
    }

    @Test("a retained old colour is deleted when its retention is over")
    func retention() async throws {
        try await withServer(
            configure: { $0.retain = .milliseconds(400) }, settings: { $0.checkInterval = .milliseconds(100) }
        ) { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            #expect(await server.world.state("blog").workloads[.blue] != nil)
            let isGone = try await eventually {
                await server.world.state("blog").workloads[.blue] == nil ? true : nil
            }
            #expect(isGone == true)
            #expect(await server.world.state("blog").workloads[.green]?.version == TestServer.version)
            let entry = try await eventually {
                try await server.journal.audit(limit: 10).first { $0.action == "retention-ended" }
            }
            #expect(entry?.detail == "deleted blog-blue (\(FakeWorld.oldVersion))")
        }
    }
}
