import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing

@testable import Server

/// Pages over HTTP, as a browser requests them.
@Suite struct PagesTests {
    /// A signed-in user.
    struct Visitor: Sendable {
        let server: TestServer
        let cookie: String

        init(_ server: TestServer, token: String) async throws {
            self.server = server
            let form = "token=\(token)&next=%2F"
            let answer = try await server.call(
                "POST", "/signin", form, token: "", headers: ["Content-Type": "application/x-www-form-urlencoded"])
            try #require(answer.status == 303, "\(answer)")
            let header = try #require(answer.headers["Set-Cookie"])
            #expect(header.contains("HttpOnly") && header.contains("SameSite=Lax") && header.contains("Path=/"))
            cookie = String(header.prefix { $0 != ";" })
        }

        func get(_ path: String) async throws -> TestServer.Answer {
            let answer = try await server.get(path, token: "", headers: ["Cookie": cookie])
            if answer.text.hasPrefix("<!doctype html>") {
                #expect(Outline(answer.text).imbalance == [], "\(path)")
                #expect(Outline(answer.text).repeatedIDs == [], "\(path)")
            }
            return answer
        }

        /// Sends a form with the token that the page at `from` has in it.
        func send(_ path: String, _ fields: [String: String] = [:], from: String = "/") async throws
            -> TestServer.Answer
        {
            let page = try await get(from)
            let csrf = try #require(page.text.firstMatch(of: /name="csrf" value="([^"]+)"/)).1
            return try await post(path, fields.merging(["csrf": String(csrf)]) { $1 })
        }

        func post(_ path: String, _ fields: [String: String]) async throws -> TestServer.Answer {
            let body = fields.map { name, value in
                "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
            }.joined(separator: "&")
            return try await server.call(
                "POST", path, body, token: "",
                headers: ["Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"])
        }
    }

    @Test("without a session every page redirects to the sign-in page, and from there back")
    func signIn() async throws {
        try await withServer { server in
            let away = try await server.get("/apps/blog?x=1", token: "")
            #expect(away.status == 303)
            #expect(away.headers["Location"] == "/signin?next=%2Fapps%2Fblog%3Fx%3D1")
            let page = try await server.get("/signin?next=%2Fapps%2Fblog", token: "")
            #expect(page.status == 200)
            #expect(page.text.contains(#"name="next" value="/apps/blog""#))
            let type = ["Content-Type": "application/x-www-form-urlencoded"]
            let wrong = try await server.call("POST", "/signin", "token=vir_wrong", token: "", headers: type)
            #expect(wrong.status == 401)
            #expect(wrong.text.contains("This token is not valid"))
            #expect(wrong.headers["Set-Cookie"] == nil)
            let visitor = try await Visitor(server, token: server.admin)
            #expect(try await visitor.get("/").status == 200)
            #expect(try await visitor.get("/signin").status == 303)
            #expect(try await visitor.send("/signout").status == 303)
            #expect(try await visitor.get("/").status == 303)
        }
    }

    @Test("every page has its own heading and no inline script")
    func pages() async throws {
        try await withServer { server in
            #expect(try await server.deploy().status == 201)
            _ = try await server.release(1, in: .live)
            let visitor = try await Visitor(server, token: server.admin)
            let pages = [
                ("/", "Apps"), ("/apps/blog", "blog"), ("/apps/blog/releases/1", "blog/1"), ("/nodes", "Nodes"),
                ("/apps/blog/versions", "Versions of blog"), ("/apps/blog/lock", "Lock blog"),
                ("/deliveries", "Deliveries"), ("/deliveries?app=blog&before=7", "Deliveries"),
                ("/notifications", "Notifications"), ("/notifications?app=blog&before=7", "Notifications"),
                ("/audit", "Audit"), ("/tokens", "Tokens"), ("/stats", "Statistics"), ("/stats?days=7", "Statistics"),
                ("/apps/blog/rollback", "Roll blog back to \(FakeWorld.oldVersion)"),
                ("/apps/blog/releases/1?node=\(FakeWorld.nodes[0])&phase=staging", "blog/1"),
            ]
            for (path, heading) in pages {
                let answer = try await visitor.get(path)
                #expect(answer.status == 200, "\(path): \(answer.status)")
                let first = Outline(answer.text).structure.first { $0.hasPrefix("h1") }
                #expect(first?.hasPrefix("h1 \(heading)") == true, "\(path): \(first ?? "none")")
                #expect(!answer.text.contains(/\sstyle=|\son[a-z]+="|<script(?![^>]*src=)/), "\(path)")
                #expect(answer.headers["Content-Security-Policy"]?.contains("script-src 'self'") == true)
                #expect(answer.headers["Cache-Control"] == "no-store")
            }
            let log = try await visitor.get("/apps/blog/releases/1/log.txt")
            #expect(log.text.contains("-- DEPLOY DONE --"))
            for path in ["/apps/none", "/apps/blog/releases/9", "/apps/blog/releases/x", "/nowhere", "/assets/none.js"]
            {
                let answer = try await visitor.get(path)
                #expect(answer.status == 404, "\(path)")
                #expect(answer.text.contains("Not found"), "\(path)")
            }
        }
    }

    @Test("styles and the script have names with a hash of their content, and are cached for a year")
    func assets() async throws {
        try await withServer { server in
            let page = try await server.get("/signin", token: "")
            let paths = page.text.matches(of: /"(\/assets\/[^"#]+)/).map { String($0.1) }
            #expect(paths.count >= 3)
            for path in Set(paths) {
                let answer = try await server.get(path, token: "")
                #expect(answer.status == 200, "\(path)")
                #expect(answer.headers["Cache-Control"] == "public, max-age=31536000, immutable")
                #expect(path.contains(/-[0-9a-f]{12}\.(css|js|svg)$/))
            }
        }
    }

    @Test("a form that is sent twice starts one release; a wrong one shows its error")
    func deploy() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: try server.token(.deployer, name: "lisa"))
            let page = try await visitor.get("/apps/blog")
            let key = String(try #require(page.text.firstMatch(of: /name="key" value="([^"]+)"/)).1)
            let wrong = try await visitor.send("/apps/blog/deploy", ["version": "a/b", "reason": "why", "key": key])
            // The error is on the app's page, also when it is reloaded, and for this user only.
            let place = String(try #require(wrong.headers["Location"]).prefix { $0 != "#" })
            #expect(wrong.status == 303 && place.hasPrefix("/apps/blog?refused="), "\(wrong)")
            for _ in 1...2 {
                let shown = try await visitor.get(place)
                #expect(shown.status == 200)
                #expect(shown.text.contains(#"role="alert""#) && shown.text.contains(#"value="a/b""#), "\(shown)")
                #expect(shown.text.contains("a version of at most 128"))
            }
            let other = try await Visitor(server, token: server.admin)
            #expect(try await other.get(place).text.contains(#"role="alert""#) == false)
            let typed = try await visitor.get("/apps/blog/deploy")
            #expect(typed.status == 303 && typed.headers["Location"] == "/apps/blog")
            let fields = ["version": TestServer.version, "verify": "yes", "reason": "why", "key": key]
            for _ in 1...2 {
                let answer = try await visitor.send("/apps/blog/deploy", fields)
                #expect(answer.status == 303, "\(answer)")
                #expect(answer.headers["Location"] == "/apps/blog/releases/1")
            }
            let release = try await server.release(1, in: .paused)
            #expect(release.order.requestedBy == "lisa")
            #expect(release.order.verify)
            let second = try await visitor.send("/apps/blog/deploy", ["version": "v2", "key": "other"])
            #expect(second.status == 303, "\(second)")
            let refused = try await visitor.get(try #require(second.headers["Location"]))
            #expect(refused.text.contains(#"role="alert""#) && refused.text.contains("blog/1"), "\(refused)")
            let promoted = try await visitor.send("/apps/blog/releases/1/promote")
            #expect(promoted.headers["Location"] == "/apps/blog/releases/1")
            _ = try await server.release(1, in: .live)
            let late = try await visitor.send("/apps/blog/releases/1/promote")
            #expect(late.status == 409)
            #expect(late.text.contains("blog/1 was promoted by lisa already ("))
        }
    }

    @Test("a request from another site, or a form from another session, changes nothing")
    func forged() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: server.admin)
            for fields in [["version": "v1"], ["version": "v1", "csrf": "x"]] {
                let answer = try await visitor.post("/apps/blog/deploy", fields)
                #expect(answer.status == 403, "\(answer)")
            }
            let answer = try await server.call(
                "POST", "/signin", "token=\(server.admin)", token: "",
                headers: ["Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"])
            #expect(answer.status == 403)
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
        }
    }

    @Test("a viewer sees no buttons, and only the apps of the token")
    func roles() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            #expect(try await server.deploy(more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let viewer = try await Visitor(server, token: try server.token(.viewer, apps: ["blog"]))
            let home = try await viewer.get("/")
            #expect(home.text.contains("blog/1") && !home.text.contains("shop") && !home.text.contains("/tokens"))
            #expect(!home.text.contains("/promote"))
            let release = try await viewer.get("/apps/blog/releases/1")
            #expect(!release.text.contains("/promote") && !release.text.contains("/abort"))
            #expect(try await viewer.get("/apps/shop").status == 403)
            #expect(try await viewer.get("/tokens").status == 403)
            #expect(try await viewer.send("/apps/blog/releases/1/promote").status == 403)
            let admin = try await Visitor(server, token: server.admin)
            #expect(try await admin.send("/apps/blog/releases/1/abort", ["reason": "no"]).status == 303)
            #expect(try await server.release(1, in: .aborted).state == .aborted)
        }
    }

    @Test("a token is created on its page, shown once, and revoked")
    func tokens() async throws {
        try await withServer { server in
            let admin = try await Visitor(server, token: server.admin)
            let bad = try await admin.send("/tokens", ["name": "ci", "role": "deployer", "days": "soon"])
            #expect(bad.status == 422)
            let made = try await admin.send(
                "/tokens", ["name": "ci", "role": "deployer", "apps": "blog", "days": "30"])
            #expect(made.status == 200, "\(made.status)")
            let token = String(try #require(made.text.firstMatch(of: /vir_[A-Za-z0-9_-]{43}/)).0)
            #expect(try await server.get("/api/v1/apps", token: token).status == 200)
            let list = try await admin.get("/tokens")
            #expect(!list.text.contains(token))
            let id = try await #require(server.journal.tokens().first { $0.name == "ci" }).id
            #expect(try await admin.get("/tokens/\(id)/revoke").text.contains("Revoke ci"))
            #expect(try await admin.send("/tokens/\(id)/revoke").status == 303)
            #expect(try await server.journal.token(id: id)?.revokedAt != nil)
            // An ended token shows whether it was revoked or has expired.
            _ = try await server.token(.viewer, name: "old", expiresAt: SystemClock().now + .seconds(-1))
            let old = try await #require(server.journal.tokens().first { $0.name == "old" }).id
            let rows = try await admin.get("/tokens").text.split(separator: "<tr ")
            let ended = try #require(rows.first { $0.contains("token-\(id)") })
            #expect(ended.contains(">revoked<"))
            let expired = try #require(rows.first { $0.contains("token-\(old)") })
            #expect(expired.contains(">expired<") && !expired.contains("/revoke"))
        }
    }
}
