import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Known versions, in the API")
struct VersionsAPITests {
    private static func pushed(_ version: String, _ digest: Character, minute: Int, app: String = "blog")
        -> PushedVersion
    {
        PushedVersion(
            app: app, version: version, digest: AdmissionTesting.digest(digest), commit: "1a2b3c4\(minute)",
            source: "https://gitlab.domain.com/web/blog",
            pushedAt: Timestamp(milliseconds: 1_445_783_643_000 + Int64(minute) * 60_000), sender: "registry")
    }

    private func states(_ server: TestServer, app: String = "blog") async throws -> [String: String] {
        let answer = try await server.get("/api/v1/apps/\(app)/versions")
        #expect(answer.status == 200, "\(answer)")
        return Dictionary(
            answer.json["versions"].array.map { ($0["version"].string ?? "", $0["state"].string ?? "") }
        ) { $1 }
    }

    @Test("the newest arrival comes first, with all that is known of it")
    func list() async throws {
        try await withServer { server in
            #expect(try await server.get("/api/v1/apps/blog/versions").json["versions"].array == [])
            for (minute, digest) in ["a", "b", "c"].enumerated() {
                try await server.journal.note(Self.pushed("v\(minute + 1)", Character(digest), minute: minute))
            }
            let answer = try await server.get("/api/v1/apps/blog/versions")
            let first = answer.json["versions"][0]
            #expect(answer.json["versions"].array.map { $0["version"].string } == ["v3", "v2", "v1"])
            #expect(first["digest"].string == AdmissionTesting.digest("c") && first["commit"].string == "1a2b3c42")
            #expect(first["pushedAt"].string == "2015-10-25T14:36:03.000Z" && first["source"].string == "registry")
            #expect(first["repository"].string == "https://gitlab.domain.com/web/blog")
            #expect(first["image"].string == "registry.local:5000/blog:v3@\(AdmissionTesting.digest("c"))")
            #expect(first["state"].string == "available" && first["release"] == .null)
        }
    }

    @Test("pages follow each other without a gap, also through versions that came at the same time")
    func pages() async throws {
        try await withServer { server in
            for number in 10..<30 {
                try await server.journal.note(Self.pushed("v\(number)", "a", minute: number / 5))
                try await server.journal.note(Self.pushed("v\(number)", "b", minute: number / 5))
            }
            var seen: [String] = []
            var before = ""
            while true {
                let page = try await server.get("/api/v1/apps/blog/versions?limit=7" + before)
                #expect(page.status == 200, "\(page)")
                seen += page.json["versions"].array.compactMap { $0["image"].string }
                guard let next = page.json["next"].string else { break }
                before = "&before=\(next)"
            }
            #expect(seen.count == 40 && Set(seen).count == 40)
            for bad in ["x", "1", "1:v2", ":v2:", "-1:v2:", "99999999999999999999:v2:"] {
                let refused = try await server.get("/api/v1/apps/blog/versions?before=\(bad)")
                #expect(refused.status == 422 && refused.field == "before", "\(bad): \(refused)")
            }
        }
    }

    @Test("what has become of each")
    func states() async throws {
        try await withServer(configure: { $0.whenBusy = .queue }) { server in
            for (minute, digest) in ["a", "b", "c", "d", "e", "f"].enumerated() {
                try await server.journal.note(Self.pushed("v\(minute + 1)", Character(digest), minute: minute))
            }
            await server.world.breakVersion("v2")
            #expect(try await server.deploy("v2").status == 201)
            _ = try await server.release(1, in: .failed)
            #expect(try await server.deploy("v3").status == 201)
            _ = try await server.release(2, in: .live)
            var known = try await states(server)
            #expect(
                known == [
                    "v1": "older", "v2": "failed", "v3": "live", "v4": "available", "v5": "available",
                    "v6": "available",
                ])
            #expect(try await server.deploy("v4", more: #", "verify": true"#).status == 201)
            _ = try await server.release(3, in: .paused)
            #expect(try await server.call(for: "v5").status == 202)
            known = try await states(server)
            #expect(known["v4"] == "releasing" && known["v5"] == "queued" && known["v6"] == "available", "\(known)")
            let lock = try await server.post("/api/v1/locks", #"{"app": "blog", "reason": "x"}"#)
            #expect(try await states(server)["v5"] == "held")
            #expect(try await server.post("/api/v1/apps/blog/releases/3/promote").status == 202)
            _ = try await server.release(3, in: .live)
            known = try await states(server)
            #expect(known["v3"] == "older" && known["v4"] == "live" && known["v5"] == "held", "\(known)")
            #expect(try await server.call("DELETE", "/api/v1/apps/blog/queue").status == 204)
            let id = try #require(lock.json["id"].string)
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)").status == 204)
            #expect(try await server.post("/api/v1/apps/blog/rollback").status == 202)
            _ = try await server.release(4, in: .live)
            known = try await states(server)
            #expect(known["v3"] == "live" && known["v4"] == "rolledBack" && known["v5"] == "available", "\(known)")
        }
    }

    @Test("a person's release goes by the digest that is known, and takes over the commit and its repository")
    func digest() async throws {
        try await withServer { server in
            try await server.journal.note(Self.pushed("v1", "a", minute: 0))
            let begun = try await server.deploy("v1")
            #expect(begun.json["image"].string == "registry.local:5000/blog:v1@\(AdmissionTesting.digest("a"))")
            #expect(begun.json["digest"].string == AdmissionTesting.digest("a"))
            #expect(begun.json["commit"].string == "1a2b3c40")
            #expect(begun.json["source"].string == "https://gitlab.domain.com/web/blog")
            _ = try await server.release(1, in: .live)
            let unknown = try await server.deploy("v9")
            #expect(unknown.json["image"].string == "registry.local:5000/blog:v9", "\(unknown)")
            _ = try await server.release(2, in: .live)
            let body = #"{"version": "v1", "image": "registry.local:5000/other:v1"}"#
            let other = try await server.post("/api/v1/apps/blog/releases", body)
            #expect(other.json["image"].string == "registry.local:5000/other:v1" && other.json["commit"] == .null)
        }
    }

    @Test("an older version may be released by a person, who is told")
    func older() async throws {
        try await withServer { server in
            for (minute, digest) in ["a", "b"].enumerated() {
                try await server.journal.note(Self.pushed("v\(minute + 1)", Character(digest), minute: minute))
            }
            #expect(try await server.deploy("v2").status == 201)
            _ = try await server.release(1, in: .live)
            #expect(try await server.deploy("v1").status == 201)
            _ = try await server.release(2, in: .live)
            let events = try await server.get("/api/v1/apps/blog/releases/2/events")
            #expect(events.text.contains("Note: v1 of blog is older than v2, which is live"), "\(events)")
            let app = try await server.get("/api/v1/apps/blog")
            let hold = app.json["holds"][0]["sentence"].string ?? ""
            #expect(
                hold.contains("blog is locked for automatic releases by anna: blog/2 released the older v1"), "\(app)")
        }
    }
}
