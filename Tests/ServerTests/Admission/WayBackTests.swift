import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

/// What may hold releases.
enum HoldKind: String, CaseIterable, Sendable {
    case lock = #"{"app": "blog", "reason": "x"}"#
    case automaticLock = #"{"app": "blog", "reason": "x", "automatic": true}"#
    case lockOnAllApps = #"{"reason": "x", "for": "2h"}"#
    case freeze = ""
}

/// What people do with a release that is there, or with what is live.
enum WayOn: String, CaseIterable, Sendable {
    case promote
    case abort
    case rollbackOfRunning
    case rollback
    case rollbackToVersion
    case repair
}

@Suite("Locks and freezes are never in the way")
struct WayBackTests {
    @Test("of promote, abort, rollback and repair", arguments: HoldKind.allCases, WayOn.allCases)
    func open(_ kind: HoldKind, _ way: WayOn) async throws {
        let freezes = kind == .freeze ? [try AdmissionTesting.freeze()] : []
        try await withServer(freezes: freezes) { server in
            // Before the lock; in a freeze an admin starts it.
            let override = kind == .freeze ? #", "override": true, "reason": "y""# : ""
            #expect(try await server.deploy("v1", more: override).status == 201)
            _ = try await server.release(1, in: .live)
            if way == .rollbackToVersion {
                #expect(try await server.deploy("v2", more: override).status == 201)
                _ = try await server.release(2, in: .live)
            }
            let isPaused = [WayOn.promote, .abort, .rollbackOfRunning].contains(way)
            if isPaused {
                #expect(try await server.deploy("v2", more: #", "verify": true"# + override).status == 201)
                _ = try await server.release(2, in: .paused)
            }
            if kind != .freeze { #expect(try await server.post("/api/v1/locks", kind.rawValue).status == 201) }
            #expect(try await !server.get("/api/v1/apps/blog").json["holds"].array.isEmpty)
            let deployer = try await server.token(.deployer)
            func post(_ path: String, _ body: String = "{}") async throws -> TestServer.Answer {
                try await server.post("/api/v1/apps/blog/" + path, body, token: deployer)
            }
            switch way {
            case .promote:
                #expect(try await post("releases/2/promote").status == 202)
                #expect(try await server.release(2, in: .live).state == .live)
            case .abort:
                #expect(try await post("releases/2/abort").status == 202)
                #expect(try await server.release(2, in: .aborted).state == .aborted)
            case .rollbackOfRunning:
                #expect(try await post("rollback").status == 202)
                #expect(try await server.release(2, in: .aborted).state == .aborted)
            case .rollback:
                #expect(try await post("rollback").status == 202)
                let back = try await server.release(2, in: .live)
                #expect(back.state == .live && back.order.version == FakeWorld.oldVersion)
            case .rollbackToVersion:
                #expect(try await post("rollback", #"{"to": "v1"}"#).status == 202)
                let back = try await server.release(3, in: .live)
                #expect(back.state == .live && back.order.version == "v1")
            case .repair:
                await server.world.route(FakeWorld.nodes[0], of: "blog", to: .blue)
                let report = try await post("repair")
                #expect(report.status == 200, "\(report)")
                #expect(await server.world.state("blog").routes[FakeWorld.nodes[0]] == .green)
            }
        }
    }

    @Test(
        "a rollback locks the app for automatic releases until somebody unlocks it: the next push waits, and is told why"
    )
    func afterRollback() async throws {
        let configure: @Sendable (inout AppConfiguration) -> Void = { $0.releaseOn = ReleaseTriggers(tags: ["v*"]) }
        try await withServer(configure: configure, hooks: AdmissionTesting.hooks) { server in
            #expect(try await server.deploy("v1").status == 201)
            _ = try await server.release(1, in: .live)
            #expect(try await server.post("/api/v1/apps/blog/rollback").status == 202)
            _ = try await server.release(2, in: .live)
            let pushed = try await server.push("v2", "b")
            #expect(pushed.status == 202, "\(pushed)")
            let waiting = try #require(
                try await eventually { try await server.get("/api/v1/queue").json["queue"].array.first })
            let why = "blog is locked for automatic releases by anna: blog/2 rolled back to \(FakeWorld.oldVersion)"
            #expect(waiting["waits"].string?.hasPrefix(why) == true, "\(waiting)")
            let lock = try await server.get("/api/v1/locks").json["locks"][0]
            #expect(lock["automatic"] == .bool(true) && lock["app"].string == "blog")
            let id = try #require(lock["id"].string)
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)").status == 204)
            let release = try await server.release(3, in: .live)
            #expect(release.order.version == "v2" && release.order.digest == AdmissionTesting.digest("b"))
            #expect(release.order.isAutomatic == true)
        }
    }
}
