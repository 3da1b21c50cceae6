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
            #expect(dry.status == 200 && dry.json["nodes"][0]["outcome"].string == "broughtBack", "\(dry)")
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
