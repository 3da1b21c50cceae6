import Controller
import Foundation
import HTTPTransport
import Journal
import JournalSQLite
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Locks and freezes, in the API")
struct LockAPITests {
    @Test("a lock refuses a person's release with 423, who, why and until when; nothing else about it")
    func locked() async throws {
        try await withServer { server in
            let lock = try await server.post("/api/v1/locks", #"{"app": "blog", "reason": "the move", "for": "2h"}"#)
            #expect(lock.status == 201, "\(lock)")
            let id = try #require(lock.json["id"].string)
            #expect(lock.headers["Location"] == "/api/v1/locks/\(id)")
            #expect(lock.json["app"].string == "blog" && lock.json["by"].string == "anna")
            #expect(lock.json["reason"].string == "the move" && lock.json["automatic"] == .bool(false))
            let until = try #require(lock.json["until"].string)
            let refused = try await server.deploy("v2")
            #expect(refused.status == 423 && refused.code == "locked", "\(refused)")
            #expect(refused.json["error"]["until"].string == until)
            #expect(refused.message.hasPrefix("blog is locked until "), "\(refused)")
            #expect(refused.message.contains("by anna: the move (to unlock: viridian unlock blog)"), "\(refused)")
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
            let noted = try #require(try await server.journal.audit(limit: 1).first)
            #expect(noted.action == "deploy" && noted.outcome == .refused && noted.app == "blog")
            let list = try await server.get("/api/v1/locks")
            #expect(list.json["locks"].array.map { $0["id"].string } == [id])
            let app = try await server.get("/api/v1/apps/blog")
            #expect(app.json["holds"][0]["until"].string == until, "\(app)")
            #expect(app.json["holds"][0]["automatic"] == .bool(false))
            let deleted = try await server.call("DELETE", "/api/v1/locks/\(id)")
            #expect(deleted.status == 204 && deleted.text.isEmpty)
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)").status == 404)
            #expect(try await server.get("/api/v1/apps/blog").json["holds"].array == [])
            #expect(try await server.deploy("v2").status == 201)
            let audit = try await server.journal.audit(limit: 10).filter { ["lock", "unlock"].contains($0.action) }
            #expect(audit.map(\.action) == ["unlock", "lock"])
            #expect(audit.allSatisfy { $0.app == "blog" && $0.who == "anna" && $0.outcome == .done })
            #expect(audit[1].reason == "the move")
        }
    }

    @Test("a lock without an app holds all of them, and takes a token that is not limited to some")
    func global() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            let limited = try await server.token(.deployer, apps: ["blog"])
            let refused = try await server.post("/api/v1/locks", #"{"reason": "all"}"#, token: limited)
            #expect(refused.status == 403, "\(refused)")
            let other = try await server.post("/api/v1/locks", #"{"app": "shop", "reason": "x"}"#, token: limited)
            #expect(other.status == 403)
            let lock = try await server.post("/api/v1/locks", #"{"reason": "all"}"#)
            #expect(lock.status == 201 && lock.json["app"] == .null)
            for app in ["blog", "shop"] { #expect(try await server.deploy(app: app).status == 423) }
            let id = try #require(lock.json["id"].string)
            #expect(try await server.get("/api/v1/locks", token: limited).json["locks"].array.count == 1)
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)", token: limited).status == 403)
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)").status == 204)
        }
    }

    @Test("a lock of an app that a token does not see is as if it were not there")
    func unseen() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            let lock = try await server.post("/api/v1/locks", #"{"app": "shop", "reason": "x"}"#)
            let id = try #require(lock.json["id"].string)
            let limited = try await server.token(.deployer, apps: ["blog"])
            #expect(try await server.get("/api/v1/locks", token: limited).json["locks"].array == [])
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)", token: limited).status == 404)
        }
    }

    @Test("a viewer sees locks and makes none")
    func viewer() async throws {
        try await withServer { server in
            let viewer = try await server.token(.viewer)
            #expect(try await server.post("/api/v1/locks", #"{"reason": "x"}"#, token: viewer).status == 403)
            #expect(try await server.get("/api/v1/locks", token: viewer).status == 200)
        }
    }

    @Test(
        "what a lock needs",
        arguments: [
            (#"{"app": "blog"}"#, "reason"), (#"{"app": "blog", "reason": " "}"#, "reason"),
            (#"{"app": "blog", "reason": "x", "until": "yesterday"}"#, "until"),
            (#"{"app": "blog", "reason": "x", "until": "2015-10-25T14:34:03Z"}"#, "until"),
            (#"{"app": "blog", "reason": "x", "for": "2w"}"#, "for"),
            (#"{"app": "blog", "reason": "x", "for": "0s"}"#, "for"),
            (#"{"app": "blog", "reason": "x", "for": "1h", "until": "2099-01-01T00:00:00Z"}"#, "for"),
            (#"{"app": "blog", "reason": "x", "automatic": "yes"}"#, "automatic"),
        ])
    func invalid(_ body: String, _ field: String) async throws {
        try await withServer { server in
            let answer = try await server.post("/api/v1/locks", body)
            #expect(answer.status == 422 && answer.field == field, "\(answer)")
            #expect(try await server.post("/api/v1/locks", #"{"app": "nope", "reason": "x"}"#).status == 404)
            #expect(try await server.get("/api/v1/locks").json["locks"].array == [])
        }
    }

    @Test("an automatic lock lets people release")
    func automatic() async throws {
        try await withServer { server in
            let body = #"{"app": "blog", "reason": "x", "automatic": true}"#
            #expect(try await server.post("/api/v1/locks", body).status == 201)
            let app = try await server.get("/api/v1/apps/blog")
            #expect(app.json["holds"][0]["automatic"] == .bool(true))
            #expect(app.json["holds"][0]["sentence"].string?.hasPrefix("blog is locked for automatic releases") == true)
            #expect(try await server.deploy("v2").status == 201)
        }
    }

    @Test("an admin overrides a lock with a reason, which is in the audit log with what was overridden")
    func override() async throws {
        try await withServer { server in
            #expect(try await server.post("/api/v1/locks", #"{"app": "blog", "reason": "the move"}"#).status == 201)
            let deployer = try await server.token(.deployer)
            let path = "/api/v1/apps/blog/releases"
            let body = #"{"version": "v2", "override": true, "reason": "visitors see errors"}"#
            #expect(try await server.post(path, body, token: deployer).status == 403)
            let without = try await server.post(path, #"{"version": "v2", "override": true}"#)
            #expect(without.status == 422 && without.field == "reason", "\(without)")
            let begun = try await server.post(path, body)
            #expect(begun.status == 201, "\(begun)")
            #expect(begun.json["overrode"].string?.hasPrefix("blog is locked by anna: the move") == true, "\(begun)")
            let entry = try #require(
                try await server.journal.audit(limit: 10).first { $0.action == "deploy" && $0.outcome == .done })
            #expect(entry.reason == "visitors see errors")
            #expect(entry.detail?.contains("in spite of: blog is locked by anna: the move") == true)
        }
    }

    @Test("a freeze refuses a person's release until its end, and is in the list of what holds")
    func frozen() async throws {
        let freeze = try AdmissionTesting.freeze()
        try await withServer(apps: ["blog", "shop"], freezes: [freeze]) { server in
            let refused = try await server.deploy("v2")
            #expect(refused.status == 423, "\(refused)")
            #expect(refused.json["error"]["until"].string == "2099-01-01T00:00:00.000Z")
            #expect(refused.message.hasPrefix("blog is frozen until "), "\(refused)")
            #expect(refused.message.contains("(holidays: nobody is there)"), "\(refused)")
            let list = try await server.get("/api/v1/locks")
            #expect(list.json["freezes"][0]["name"].string == "holidays", "\(list)")
            #expect(list.json["freezes"][0]["apps"][0].string == "blog")
            #expect(try await server.get("/api/v1/apps/blog").json["holds"].array.count == 1)
            #expect(try await server.deploy("v2", app: "shop").status == 201)
        }
    }

    @Test("a lock that another process writes to the journal is seen, and one that ends by itself too")
    func elsewhere() async throws {
        try await withServer { server in
            let (id, signals) = await server.services.appStates.watchChanges()
            let other = try Journal(path: server.journal.name)
            func wait(forHolds count: Int) async {
                for await _ in signals where await server.services.appStates.app("blog")?.holds.count == count {
                    return
                }
            }
            let now = SystemClock().now
            try await other.add(ReleaseLock(id: "x", app: "blog", reason: "y", by: "ops", since: now))
            await wait(forHolds: 1)
            try await other.add(
                ReleaseLock(
                    id: "z", app: "blog", reason: "y", by: "ops", since: now,
                    until: SystemClock().now + .milliseconds(300)))
            _ = try await other.end(lock: "x", by: "ops", at: SystemClock().now)
            await wait(forHolds: 0)
            await server.services.appStates.unwatchChanges(id)
            #expect(try await server.deploy("v2").status == 201)
        }
    }
}

/// What tests of locks, freezes and the queue share.
enum AdmissionTesting {
    /// A freeze of an app that has begun and does not end soon.
    static func freeze(of app: String = "blog") throws -> FreezeWindow {
        FreezeWindow(
            name: "holidays",
            period: .once(
                from: try #require(CalendarTime("2020-01-01T00:00")),
                to: try #require(CalendarTime("2099-01-01T00:00"))),
            reason: "nobody is there", apps: [app])
    }

    static func digest(_ character: Character) -> String { "sha256:" + String(repeating: character, count: 64) }

    /// Hooks with secrets, for senders that tests are.
    static var hooks: HookSettings {
        HookSettings(hooks: HooksConfiguration(registry: Secret("tell")))
    }

    /// What a registry sends when an image was pushed to it.
    static func push(_ version: String, _ digest: Character, app: String = "blog") -> String {
        #"""
        {"events": [{"id": "\#(UUID())", "timestamp": "\#(SystemClock().now.iso8601)", "action": "push", "target": {
          "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 500, "digest": "\#(AdmissionTesting.digest(digest))",
          "length": 500, "repository": "\#(app)", "url": "http://registry.local:5000/v2/\#(app)/manifests/x",
          "tag": "\#(version)"}, "request": {"id": "1", "addr": "10.0.0.1:1", "host": "registry.local:5000",
          "method": "PUT", "useragent": "docker"}, "actor": {}, "source": {"addr": "registry:5000"}}]}
        """#
    }
}

extension TestServer {
    /// Delivers a push, as the registry does.
    func push(_ version: String, _ digest: Character) async throws -> Answer {
        try await post(
            "/hooks/registry", AdmissionTesting.push(version, digest), token: "",
            headers: [
                "Authorization": "Bearer tell",
                "Content-Type": "application/vnd.docker.distribution.events.v1+json",
            ])
    }

    /// A script's call for the release of a version.
    func call(for version: String, app: String = "blog", more: String = "") async throws -> Answer {
        try await post(
            "/hooks/deploy",
            #"{"app": "\#(app)", "version": "\#(version)", "image": "registry.local:5000/\#(app):\#(version)"\#(more)}"#
        )
    }
}
