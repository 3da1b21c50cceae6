import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Drift")
struct LookoutTests {
    @Test("a node that routes elsewhere is noticed, shown and counted, and left alone")
    func noticed() async throws {
        try await withServer(settings: { $0.lookInterval = .milliseconds(100) }) { server in
            await server.world.route(FakeWorld.nodes[0], of: "blog", to: .green)
            let astray = try await eventually {
                let app = try await server.get("/api/v1/apps").json["apps"][0]
                return app["astray"].array.isEmpty ? nil : app
            }
            let app = try #require(astray)
            #expect(app["astray"].array.compactMap(\.string) == [FakeWorld.nodes[0]])
            #expect(app["advice"][0].string?.contains("viridian repair blog") == true)
            let rows = try await server.get("/api/v1/nodes").json["nodes"].array
            #expect(rows.compactMap { $0["state"].string } == ["astray", "ok"])
            #expect(server.services.metrics.text.contains("viridian_nodes_astray{app=\"blog\"} 1\n"))
            #expect(await server.world.place("blog").routes[FakeWorld.nodes[0]] == .green)
            let dry = try await server.post("/api/v1/apps/blog/repair", #"{"dryRun": true}"#)
            #expect(dry.status == 200 && dry.json["nodes"][0]["outcome"].string == "wouldBeBroughtBack", "\(dry)")
            #expect(await server.world.place("blog").routes[FakeWorld.nodes[0]] == .green)
            let repair = try await server.post("/api/v1/apps/blog/repair")
            #expect(repair.json["whole"] == .bool(true), "\(repair)")
            #expect(await server.world.place("blog").routes[FakeWorld.nodes[0]] == .blue)
            let isCalm = try await eventually {
                try await server.get("/api/v1/apps").json["apps"][0]["astray"].array.isEmpty ? true : nil
            }
            #expect(isCalm == true)
        }
    }

    @Test("where repair is auto, it is brought back, and the audit log says so")
    func repaired() async throws {
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.lookInterval = .milliseconds(100) }) {
            server in
            await server.world.route(FakeWorld.nodes[1], of: "blog", to: .green)
            let isBack = try await eventually {
                await server.world.place("blog").routes[FakeWorld.nodes[1]] == .blue ? true : nil
            }
            #expect(isBack == true)
            let entry = try await eventually {
                try await server.get("/api/v1/audit").json["entries"].array.first { $0["action"].string == "repair" }
            }
            #expect(entry?["who"].string == "viridian serve")
            #expect(entry?["detail"].string == "brought back to blue: \(FakeWorld.nodes[1])")
        }
    }

    @Test("while a release moves the nodes, none of them is astray")
    func moving() async throws {
        let gate = Gate()
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.lookInterval = .milliseconds(50) }) {
            server in
            await server.world.holdSwitches(at: gate)
            _ = try await server.deploy()
            await server.world.route(FakeWorld.nodes[0], of: "blog", to: .green)
            let looked = try await server.get("/metrics").text
            _ = try await eventually { try await server.get("/metrics").text != looked ? true : nil }
            #expect(try await server.get("/api/v1/apps").json["apps"][0]["astray"].array.isEmpty)
            await gate.open()
            #expect(try await server.release(1, in: .live).state == .live)
            #expect(try server.journal.audit(limit: 100).allSatisfy { $0.action != "repair" })
        }
    }

    @Test("of many apps only a few are looked at at once, and all of them again and again")
    func bounded() async throws {
        let world = FakeWorld()
        let gate = Gate()
        await world.holdReading(at: gate)
        let names = (1...12).map { "app-\($0)" }
        try await withServer(apps: names, world: world, settings: { $0.lookInterval = .milliseconds(300) }) { server in
            let isFull = try await eventually { await world.mostReading == Lookout.parallel ? true : nil }
            #expect(isFull == true)
            await gate.open()
            let isTwice = try await eventually {
                let read = await world.read
                return names.allSatisfy { name in read.count { $0 == name } >= 2 } ? true : nil
            }
            #expect(isTwice == true)
            #expect(await world.mostReading == Lookout.parallel)
            // No app a second time before all were looked at once.
            #expect(await Set(world.read.prefix(names.count)) == Set(names))
            let told = try await eventually {
                server.services.metrics.text.firstMatch(of: /\nviridian_look_round_seconds (\S+)/).flatMap {
                    Double($0.1)
                }
            }
            #expect(try #require(told) > 0.2)
        }
    }

    @Test("what moves is looked at first, then what somebody watches, then what was not looked at for longest")
    func order() async throws {
        try await withServer(apps: ["a", "b", "c", "d"], settings: { $0.lookInterval = .seconds(600) }) { server in
            let board = server.services.board
            let isSeen = try await eventually { await board.sight("d").map { _ in true } }
            #expect(isSeen == true)
            for app in ["b", "d", "a", "c"] { await server.services.lookout.look(at: app) }
            #expect(await board.byNeed() == ["b", "d", "a", "c"])
            _ = try await server.deploy(app: "c", more: #", "verify": true"#)
            _ = try await server.release(1, app: "c", in: .paused)
            await board.refresh()
            #expect(await board.byNeed().first == "c")
            let old = try PagesStory.old(app: "a")
            for event in old { try server.journal.append(event, app: "a", number: 1) }
            let tail = try #require(try await board.tail("a", 1))
            let viewer = await tail.enter()
            await board.refresh()
            #expect(await board.byNeed().prefix(2) == ["c", "a"])
            await tail.leave(viewer)
            #expect(await board.byNeed().last == "a")
        }
    }

    @Test("a lease with a number that is none ends nothing: the server looks on, and refuses what it cannot number")
    func spoiltLease() async throws {
        try await withServer(configure: { $0.repair = .auto }, settings: { $0.lookInterval = .milliseconds(50) }) {
            server in
            await server.world.spoilLease("blog")
            await server.world.route(FakeWorld.nodes[1], of: "blog", to: .green)
            let astray = try await eventually {
                try await server.get("/api/v1/apps").json["apps"][0]["astray"].array.isEmpty ? nil : true
            }
            #expect(astray == true)
            let answer = try await server.post("/api/v1/apps/blog/releases", #"{"version": "v2"}"#)
            #expect(answer.status == 409 || answer.status == 422, "\(answer)")
            #expect("\(answer.json)".contains("no number of a release"), "\(answer)")
            #expect(await server.world.place("blog").routes[FakeWorld.nodes[1]] == .green)
            #expect(try server.journal.numbers(app: "blog", limit: 1) == [])
        }
    }

    @Test("what a release had no time to delete is deleted, and the audit log says so")
    func leftovers() async throws {
        let world = FakeWorld()
        try await withServer(world: world, settings: { $0.lookInterval = .milliseconds(100) }) { server in
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
                try server.journal.append(recorded, app: "blog", number: 1)
            }
            let isGone = try await eventually { await world.place("blog").workloads[.green] == nil ? true : nil }
            #expect(isGone == true)
            let entry = try await eventually {
                try server.journal.audit(limit: 10).first { $0.action == "leftovers-cleared" }
            }
            #expect(entry?.detail == "workload green (v2)")
            #expect(await world.place("blog").workloads[.blue] != nil)
            let release = try await server.get("/api/v1/apps/blog/releases/1").json
            #expect(release["leftovers"][0]["kind"].string == "workload", "\(release)")
        }
    }

    @Test("an old colour that was kept goes when its time is over")
    func retention() async throws {
        try await withServer(
            configure: { $0.retain = .milliseconds(400) }, settings: { $0.lookInterval = .milliseconds(100) }
        ) { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            #expect(await server.world.place("blog").workloads[.blue] != nil)
            let isGone = try await eventually {
                await server.world.place("blog").workloads[.blue] == nil ? true : nil
            }
            #expect(isGone == true)
            #expect(await server.world.place("blog").workloads[.green]?.version == TestServer.version)
            let entry = try await eventually {
                try server.journal.audit(limit: 10).first { $0.action == "retention-ended" }
            }
            #expect(entry?.detail == "deleted blog-blue (\(FakeWorld.oldVersion))")
        }
    }
}
