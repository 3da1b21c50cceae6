import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Versions, the queue and locks on the pages")
struct AdmissionPagesTests {
    private typealias Visitor = PagesTests.Visitor

    private func text(_ path: String, _ visitor: Visitor) async throws -> String {
        let page = try await visitor.get(path)
        #expect(page.status == 200, "\(path): \(page.status)")
        return Outline(page.text).text
    }

    private func note(_ version: String, _ digest: Character, minute: Int64, _ server: TestServer) async throws {
        try await server.journal.note(
            PushedVersion(
                app: "blog", version: version, digest: AdmissionTesting.digest(digest), commit: "1a2b3c4d5e6f",
                source: "https://github.com/domain/blog", ref: "main",
                pushedAt: Timestamp(milliseconds: 1_445_783_643_000 + minute * 60_000), sender: "registry"))
    }

    @Test("an app is locked with a form that takes a reason, and unlocked on a page that says what starts then")
    func lock() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: try server.token(.deployer, name: "dora"))
            let without = try await visitor.send("/apps/blog/lock", ["reason": " "], from: "/apps/blog/lock")
            #expect(without.status == 422 && without.text.contains("role=\"alert\""))
            let fields = ["reason": "the <move>", "for": "2h", "what": "all"]
            let answer = try await visitor.send("/apps/blog/lock", fields, from: "/apps/blog/lock")
            #expect(answer.status == 303 && answer.headers["Location"] == "/apps/blog", "\(answer)")
            #expect(try await server.call(for: "v7").status == 202)
            let app = try await text("/apps/blog", visitor)
            #expect(app.contains("UTC by dora: the <move>") && app.contains("v7 is in the queue"), "\(app)")
            #expect(!app.contains("in spite of them"), "only admins override")
            let home = try await text("/", visitor)
            #expect(home.contains("blog is locked until") && home.contains("v7 is in the queue"), "\(home)")
            let id = try #require(try await server.journal.locks(at: SystemClock().now).first?.id)
            let path = "/apps/blog/locks/\(id)/unlock"
            let asked = try await text(path, visitor)
            #expect(asked.contains("v7 of blog, which waits, starts unless something else holds it."), "\(asked)")
            #expect(try await visitor.send(path, from: path).status == 303)
            #expect(try await server.release(1, in: .live).order.version == "v7")
            #expect(try await visitor.get(path).status == 404)
        }
    }

    @Test("what waits is dropped with a form")
    func drop() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: server.admin)
            #expect(try await visitor.get("/apps/blog/queue/drop").status == 404)
            #expect(try await server.post("/api/v1/locks", #"{"reason": "x"}"#).status == 201)
            #expect(try await server.call(for: "v7").status == 202)
            let path = "/apps/blog/queue/drop"
            #expect(try await text(path, visitor).contains("v7, requested by anna, does not start by itself any more."))
            #expect(try await visitor.send(path, from: path).status == 303)
            #expect(try await server.journal.queued(app: "blog") == nil)
            let deliveries = try await text("/deliveries", visitor)
            #expect(deliveries.contains("v7 of blog was dropped from the queue by anna"), "\(deliveries)")
        }
    }

    @Test("viewers see what holds and what waits, and no form for it")
    func viewer() async throws {
        try await withServer { server in
            #expect(try await server.post("/api/v1/locks", #"{"reason": "x"}"#).status == 201)
            #expect(try await server.call(for: "v7").status == 202)
            let visitor = try await Visitor(server, token: try server.token(.viewer))
            let page = try await visitor.get("/apps/blog")
            #expect(page.text.contains("blog is locked by anna: x") && page.text.contains("is in the queue"))
            #expect(!page.text.contains("/unlock\"") && !page.text.contains("/queue/drop\""))
            #expect(!page.text.contains("href=\"/apps/blog/lock\""))
            for path in ["/apps/blog/lock", "/apps/blog/queue/drop"] {
                #expect(try await visitor.get(path).status == 403, "\(path)")
                #expect(try await visitor.send(path, ["reason": "x"]).status == 403, "\(path)")
            }
        }
    }

    @Test("without the session's token no form locks, unlocks or drops")
    func csrf() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: server.admin)
            for path in ["/apps/blog/lock", "/apps/blog/locks/x/unlock", "/apps/blog/queue/drop"] {
                #expect(try await visitor.post(path, ["reason": "x", "csrf": "wrong"]).status == 403, "\(path)")
            }
            #expect(try await server.journal.locks(at: SystemClock().now) == [])
        }
    }

    @Test("a deploy that a lock refuses is shown above the form as it was filled in; an admin sends it in spite of it")
    func override() async throws {
        try await withServer { server in
            #expect(try await server.post("/api/v1/locks", #"{"app": "blog", "reason": "x"}"#).status == 201)
            let visitor = try await Visitor(server, token: server.admin)
            let fields = ["version": "v2", "verify": "no", "reason": "visitors see errors", "key": "k1"]
            let refused = try await visitor.send("/apps/blog/deploy", fields, from: "/apps/blog")
            let place = try #require(refused.headers["Location"])
            #expect(refused.status == 303 && place.contains("?refused="), "\(refused)")
            let page = try await visitor.get(String(place.prefix { $0 != "#" }))
            #expect(page.text.contains("blog is locked by anna: x") && page.text.contains(#"value="v2""#))
            #expect(page.text.contains(#"name="override" value="yes""#))
            let again = fields.merging(["override": "yes", "key": "k2"]) { $1 }
            let begun = try await visitor.send("/apps/blog/deploy", again, from: "/apps/blog")
            #expect(begun.headers["Location"] == "/apps/blog/releases/1", "\(begun)")
            let release = try await text("/apps/blog/releases/1", visitor)
            #expect(release.contains("in spite of: blog is locked by anna: x"), "\(release)")
        }
    }

    @Test("a version is chosen from those that are known, which the form then has")
    func choose() async throws {
        try await withServer { server in
            for (minute, version) in ["v1", "v2", "v3"].enumerated() {
                try await note(version, Character("\(minute)"), minute: Int64(minute), server)
            }
            #expect(try await server.deploy("v2").status == 201)
            _ = try await server.release(1, in: .live)
            let visitor = try await Visitor(server, token: server.admin)
            let page = try await visitor.get("/apps/blog")
            #expect(page.text.contains(#"href="/apps/blog?version=v3#deploy""#))
            #expect(!page.text.contains(#"href="/apps/blog?version=v2#deploy""#), "what is live is not offered")
            #expect(page.text.contains(#"<option value="v3">available, 1a2b3c4, 25 Oct 2015 14:36, registry</option>"#))
            #expect(page.text.contains(#"href="https://github.com/domain/blog/commit/1a2b3c4d5e6f""#))
            let chosen = try await visitor.get("/apps/blog?version=v3")
            #expect(chosen.text.contains(#"name="version" value="v3""#))
            let hostile = try await visitor.get("/apps/blog?version=%22%3E%3Cscript%3E")
            #expect(!hostile.text.contains("<script>"))
            let release = try await text("/apps/blog/releases/1", visitor)
            #expect(release.contains("image 111111111111 commit 1a2b3c4 from main"), "\(release)")
        }
    }

    @Test("the list of versions goes on, page by page")
    func pages() async throws {
        try await withServer { server in
            for number in 0..<60 { try await note("v\(100 + number)", "a", minute: Int64(number), server) }
            let visitor = try await Visitor(server, token: try server.token(.viewer))
            let app = try await visitor.get("/apps/blog")
            #expect(app.text.contains(#"href="/apps/blog/versions""#) && !app.text.contains("v149"))
            let first = try await visitor.get("/apps/blog/versions")
            #expect(first.text.contains("v159") && first.text.contains("v110") && !first.text.contains("v109"))
            let older = try #require(first.text.firstMatch(of: /href="(\/apps\/blog\/versions\?before=[^"]+)"/)).1
            let second = try await visitor.get(String(older).replacing("&amp;", with: "&"))
            #expect(second.text.contains("v109") && second.text.contains("v100") && !second.text.contains("v110"))
        }
    }

    @Test("deliveries are listed with what became of each, of the apps that one may see")
    func deliveries() async throws {
        try await withServer(apps: ["blog", "shop"], hooks: AdmissionTesting.hooks) { server in
            #expect(try await server.call(for: "v1").status == 202)
            _ = try await server.release(1, in: .live)
            // What becomes of it may be known before it is answered, or after.
            let pushed = try await server.push("v2", "b").status
            #expect(pushed == 200 || pushed == 202)
            let isDone = try await eventually {
                try await server.journal.deliveries(limit: 9).allSatisfy { $0.nextAt == nil } ? true : nil
            }
            #expect(isDone == true)
            let visitor = try await Visitor(server, token: server.admin)
            let page = try await visitor.get("/deliveries")
            #expect(page.text.contains(#"<a href="/apps/blog/releases/1">started blog/1</a>"#), "\(page)")
            #expect(page.text.contains("v2 of blog is listed; without releaseOn nothing starts by itself"), "\(page)")
            let limited = try await Visitor(server, token: try server.token(.viewer, apps: ["shop"]))
            #expect(try await text("/deliveries", limited).contains("Nothing was delivered yet"))
            #expect(try await limited.get("/deliveries?app=blog").status == 403)
        }
    }
}
