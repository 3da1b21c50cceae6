import Controller
import Foundation
import HTTPTransport
import Journal
import JournalSQLite
import ReleaseMachine
import Synchronization
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Access")
struct AccessTests {
    @Test("without a token everything but health is refused, with the command that creates the first one")
    func noTokens() async throws {
        try await withServer(hasToken: false) { server in
            #expect(try await server.get("/healthz", token: "").status == 200)
            #expect(try await server.get("/readyz", token: "").status == 200)
            for path in ["/api/v1/apps", "/metrics", "/openapi.json", "/", "/signin", "/nowhere"] {
                let answer = try await server.get(path, token: "")
                #expect(answer.status == 401, "\(path): \(answer)")
                #expect(answer.text.contains("viridian token create"), "\(path): \(answer)")
            }
            // That page has its styles.
            for path in [Assets.all.path("app.css"), Assets.all.path("live.js"), Assets.all.path("favicon.svg")] {
                #expect(try await server.get("/", token: "").text.contains(path))
                #expect(try await server.get(path, token: "").status == 200, "\(path)")
            }
            let none = try await server.get("/assets/../../etc/passwd", token: "")
            #expect(none.status == 404 || none.status == 401, "\(none)")
            let token = try await server.token(.admin)
            #expect(try await server.get("/api/v1/apps", token: token).status == 200)
            #expect(try await server.get("/metrics", token: "").status == 200)
        }
    }

    @Test("no token, a forged, an expired and a revoked one are refused")
    func badTokens() async throws {
        try await withServer { server in
            let expired = try await server.token(.admin, expiresAt: SystemClock().now + .seconds(-1))
            let forged = AccessToken().text
            for token in ["", "x", forged, forged.dropLast() + "é", expired, "vir_"] {
                let answer = try await server.get("/api/v1/apps", token: String(token))
                #expect(answer.status == 401 && answer.code == "unauthorized", "\(token): \(answer)")
                #expect(answer.headers["WWW-Authenticate"]?.hasPrefix("Bearer") == true)
            }
            let basic = try await server.get("/api/v1/apps", token: "", headers: ["Authorization": "Basic YTpi"])
            #expect(basic.status == 401)
            let made = try await server.post("/api/v1/tokens", #"{"name": "ci", "role": "viewer", "expiresInDays": 1}"#)
            #expect(made.status == 201, "\(made)")
            let token = try #require(made.json["token"].string)
            #expect(try await server.get("/api/v1/apps", token: token).status == 200)
            let id = try #require(made.json["id"].string)
            #expect(try await server.call("DELETE", "/api/v1/tokens/\(id)").status == 204)
            let isRefused = try await eventually {
                try await server.get("/api/v1/apps", token: token).status == 401 ? true : nil
            }
            #expect(isRefused == true)
            let all = try await server.get("/api/v1/tokens")
            let shown = all.json["tokens"].array.first { $0["id"].string == id }
            #expect(shown?["state"].string == "revoked" && shown?["usedAt"].string != nil)
            #expect(!all.text.contains(token))
            let bytes = try Data(contentsOf: URL(fileURLWithPath: server.journal.name))
            #expect(bytes.range(of: Data(token.utf8)) == nil)
        }
    }

    @Test("each role has its rights, for its apps only")
    func roles() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            let viewer = try await server.token(.viewer)
            let deployer = try await server.token(.deployer, apps: ["blog"])
            let body = #"{"version": "v1"}"#
            #expect(try await server.get("/api/v1/apps", token: viewer).status == 200)
            #expect(try await server.post("/api/v1/apps/blog/releases", body, token: viewer).status == 403)
            #expect(try await server.post("/api/v1/apps/blog/repair", "{}", token: viewer).status == 403)
            #expect(try await server.post("/api/v1/apps/shop/releases", body, token: deployer).status == 403)
            #expect(try await server.get("/api/v1/apps/shop", token: deployer).status == 403)
            #expect(try await server.get("/api/v1/nodes?app=shop", token: deployer).status == 403)
            #expect(try await server.get("/api/v1/tokens", token: deployer).status == 403)
            #expect(
                try await server.post("/api/v1/tokens", #"{"name": "x", "role": "admin"}"#, token: deployer).status
                    == 403)
            let apps = try await server.get("/api/v1/apps", token: deployer).json["apps"].array
            #expect(apps.compactMap { $0["app"].string } == ["blog"])
            #expect(try await server.post("/api/v1/apps/blog/releases", body, token: deployer).status == 201)
            let some = try await server.token(.admin, name: "blog-admin", apps: ["blog"])
            let more = try await server.post("/api/v1/tokens", #"{"name": "x", "role": "admin"}"#, token: some)
            #expect(more.status == 403, "an admin of some apps gives no rights to others: \(more)")
            for bad in [
                #"{"role": "admin"}"#, #"{"name": "x", "role": "root"}"#, #"{"name": "<b>", "role": "viewer"}"#,
                #"{"name": "x", "role": "viewer", "apps": ["nope"]}"#, #"{"name": "x", "role": "viewer", "apps": []}"#,
                #"{"name": "x", "role": "viewer", "expiresInDays": 0}"#,
            ] {
                #expect(try await server.post("/api/v1/tokens", bad).status == 422, "\(bad)")
            }
        }
    }

    @Test("too many bad tokens from one address are refused with 429; a valid one still works")
    func limit() async throws {
        try await withServer(settings: { $0.rateLimits.window = .seconds(86_400) }) { server in
            var statuses: [Int] = []
            for _ in 0..<25 { statuses.append(try await server.get("/api/v1/apps", token: AccessToken().text).status) }
            #expect(statuses.prefix(20).allSatisfy { $0 == 401 })
            #expect(statuses.suffix(5).allSatisfy { $0 == 429 })
            let refused = try await server.get("/api/v1/apps", token: AccessToken().text)
            #expect(refused.code == "too_many_failures" && refused.headers["Retry-After"] != nil)
            #expect(try await server.get("/api/v1/apps").status == 200)
        }
    }

    @Test("the limit of bad tokens: only the first ones are logged")
    func warnings() async throws {
        let limit = RateLimit(most: 3, within: .seconds(60))
        let counted = (0..<6).map { _ in limit.count("10.0.0.1") }
        #expect(counted.map { $0 == nil } == [true, true, true, false, false, false])
        #expect(counted.map { $0?.isFirst ?? false } == [false, false, false, true, false, false])
        #expect(limit.count("10.0.0.2") == nil)
    }

    @Test("who was refused for too many requests is not refused any more when the minute is over")
    func windows() async throws {
        let start = ContinuousClock.now
        let passed = Mutex(Duration.zero)
        let limit = RateLimit(most: 2, within: .seconds(60)) { start + passed.withLock { $0 } }
        func counted(after time: Duration) -> RateLimit.Excess? {
            passed.withLock { $0 = time }
            return limit.count("10.0.0.1")
        }
        for time in [0, 1] { #expect(counted(after: .seconds(time)) == nil) }
        let first = try #require(counted(after: .seconds(20)))
        #expect(first.wait == .seconds(40) && first.isFirst)
        let last = try #require(counted(after: .milliseconds(59_999)))
        #expect(last.wait == .milliseconds(1) && !last.isFirst)
        for time in [60, 119] { #expect(counted(after: .seconds(time)) == nil, "after \(time) s") }
        #expect(counted(after: .seconds(119))?.isFirst == true)
    }

    @Test("a proxy's password in Authorization does not end a session")
    func foreignCredentials() async throws {
        try await withServer { server in
            let visit = try #require(
                try await server.services.authenticator.signIn(bearing: server.admin, origin: "test"))
            var headers = ["Cookie": "viridian_session=\(visit.cookie)", "Authorization": "Basic YTpi"]
            #expect(try await server.get("/api/v1/apps", token: "", headers: headers).status == 200)
            headers["Authorization"] = "Bearer \(AccessToken().text)"
            #expect(try await server.get("/api/v1/apps", token: "", headers: headers).status == 401)
        }
    }

    @Test("a default port equals none, and a refused origin names the setting that allows it")
    func origins() async throws {
        #expect(WebOrigin("https://viridian.example.com") == WebOrigin("HTTPS://Viridian.example.com:443/"))
        #expect(WebOrigin("http://[::1]") == WebOrigin("http://[::1]:80"))
        #expect(WebOrigin("https://a") != WebOrigin("https://a:80") && WebOrigin("https://a") != WebOrigin("http://a"))
        for text in ["null", "", "a", "https://", "https://a:b", "https://a:99999", "https://x@a"] {
            #expect(WebOrigin(text) == nil, "\(text)")
        }
        try await withServer { server in
            let visit = try #require(
                try await server.services.authenticator.signIn(bearing: server.admin, origin: "test"))
            func post(_ origin: String, _ host: String) async throws -> TestServer.Answer {
                try await server.call(
                    "POST", "/apps/blog/rollback", token: "",
                    headers: [
                        "Cookie": "viridian_session=\(visit.cookie)", "X-CSRF-Token": visit.session.csrf,
                        "Origin": origin,
                        "Host": host,
                    ])
            }
            let ours = try await post("https://viridian.example.com", "viridian.example.com:443")
            #expect(ours.status == 409, "it came in: \(ours)")
            #expect(try await post("http://viridian.example.com:80", "viridian.example.com").status == 409)
            for (origin, host) in [
                ("https://viridian.example.com", "viridian.example.com:80"),
                ("https://evil.example", "viridian.example.com"),
                ("null", "viridian.example.com"),
            ] {
                let refused = try await post(origin, host)
                #expect(refused.status == 403 && refused.text.contains("set server.url to it"), "\(refused)")
            }
        }
    }

    @Test("over TLS the cookie has the __Host- prefix, and a server that sends tokens unencrypted warns")
    func settings() throws {
        var settings = ServerSettings(listen: try ListenAddress("0.0.0.0:8080"), version: "1")
        #expect(settings.cookie == "viridian_session")
        #expect(settings.exposure?.contains("server.tls") == true)
        settings.url = "https://viridian.example.com"
        #expect(settings.cookie == "__Host-viridian_session" && settings.exposure == nil)
        for local in ["127.0.0.1:1", "127.1.2.3:1", "localhost:1", "[::1]:1"] {
            #expect(ServerSettings(listen: try ListenAddress(local), version: "1").exposure == nil, "\(local)")
        }
    }

    @Test("an admin of some apps sees and revokes only the tokens of those apps")
    func scopedAdmin() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            let office = TokenIssuer(journal: server.journal)
            func made(_ name: String, _ apps: [String]?) async throws -> String {
                try await office.create(
                    name: name, role: .viewer, apps: apps, by: "test", origin: "test", at: SystemClock().now
                ).record.id
            }
            let (own, other, both, all) = await (
                try made("own", ["blog"]), try made("other", ["shop"]), try made("both", ["blog", "shop"]),
                try made("all", nil)
            )
            let some = try await server.token(.admin, name: "root", apps: ["blog"])
            let seen = try await server.get("/api/v1/tokens", token: some).json["tokens"].array
            #expect(Set(seen.compactMap { $0["name"].string }) == ["own", "root"])
            let visit = try #require(try await server.services.authenticator.signIn(bearing: some, origin: "test"))
            let cookie = ["Cookie": "viridian_session=\(visit.cookie)"]
            let page = try await server.get("/tokens", token: "", headers: cookie)
            #expect(page.text.contains(own) && ![other, both, all].contains { page.text.contains($0) })
            for id in [other, both, all] {
                #expect(try await server.call("DELETE", "/api/v1/tokens/\(id)", token: some).status == 404)
                #expect(try await server.get("/tokens/\(id)/revoke", token: "", headers: cookie).status == 404)
            }
            #expect(try await server.call("DELETE", "/api/v1/tokens/\(own)", token: some).status == 204)
            // Names are not unique: the log has the token's id.
            let entry = try await server.get("/api/v1/audit").json["entries"].array.first {
                $0["action"].string == "token.revoke" && $0["outcome"].string == "done"
            }
            let id = seen.first { $0["name"].string == "root" }?["id"]
            #expect(entry?["who"].string == "root" && entry?["token"] == id)
        }
    }

    @Test("refused commands are in the audit log by action, and cannot fill the log")
    func refusals() async throws {
        try await withServer(settings: { $0.rateLimits.window = .seconds(86_400) }) { server in
            let viewer = try await server.token(.viewer, name: "vera")
            let long = String(repeating: "A", count: 10_000)
            for _ in 0..<15 {
                #expect(try await server.call("DELETE", "/api/v1/tokens/\(long)", token: viewer).status == 403)
            }
            for _ in 0..<15 {
                let answer = try await server.call("DELETE", "/api/v1/tokens/token.create", token: viewer)
                #expect(answer.status == 403)
            }
            let refused = try await server.get("/api/v1/audit?limit=500").json["entries"].array.filter {
                $0["outcome"].string == "refused"
            }
            #expect(refused.count == 21)
            #expect(refused.allSatisfy { $0["action"].string == "token.revoke" })
            #expect(refused.allSatisfy { ($0["detail"].string ?? "").count < 600 })
            #expect(refused.first?["detail"].string?.contains("are not listed") == true)
            let other = try await server.token(.viewer, name: "otto")
            _ = try await server.post("/api/v1/apps/blog/releases", #"{"version": "v1"}"#, token: other)
            let last = try await server.get("/api/v1/audit?limit=1").json["entries"][0]
            #expect(last["who"].string == "otto" && last["action"].string == "deploy")
        }
    }

    @Test("a session may read the API; commands have to come from the server's own pages")
    func sessions() async throws {
        try await withServer { server in
            let opened = try #require(
                try await server.services.authenticator.signIn(bearing: server.admin, origin: "test"))
            let cookie = "viridian_session=\(opened.cookie)"
            #expect(try await server.get("/api/v1/apps", token: "", headers: ["Cookie": cookie]).status == 200)
            let path = "/api/v1/apps/blog/releases"
            let body = #"{"version": "v1"}"#
            let bare = try await server.post(path, body, token: "", headers: ["Cookie": cookie])
            #expect(bare.status == 403, "without the visit's secret: \(bare)")
            let forged = ["Cookie": cookie, "X-CSRF-Token": String(repeating: "x", count: 43)]
            #expect(try await server.post(path, body, token: "", headers: forged).status == 403)
            var ours = ["Cookie": cookie, "X-CSRF-Token": opened.session.csrf]
            for (name, value) in [
                ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null"),
            ] {
                let headers = ours.merging([name: value]) { $1 }
                #expect(
                    try await server.post(path, body, token: "", headers: headers).status == 403, "\(name): \(value)")
            }
            ours["Origin"] = "http://127.0.0.1:\(server.port)"
            #expect(try await server.post(path, body, token: "", headers: ours).status == 201)
            try await server.services.authenticator.signOut(opened.session, origin: "test")
            #expect(try await server.get("/api/v1/apps", token: "", headers: ["Cookie": cookie]).status == 401)
        }
    }

    @Test("a session ends with its token, when it is idle, and after a week")
    func sessionEnds() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let clock = SettableClock()
        let authenticator = Authenticator(journal: journal, clock: clock)
        let (record, token) = try await TokenIssuer(journal: journal).create(
            name: "anna", role: .viewer, by: "test", origin: "test", at: clock.now)
        let first = try #require(try await authenticator.signIn(bearing: token.text, origin: "test"))
        clock.advance(by: .seconds(11 * 3600))
        #expect(try await authenticator.session(cookie: first.cookie) != nil)
        clock.advance(by: .seconds(11 * 3600))
        #expect(try await authenticator.session(cookie: first.cookie) != nil, "a session lasts while it is used")
        clock.advance(by: .seconds(13 * 3600))
        #expect(try await authenticator.session(cookie: first.cookie) == nil)
        let second = try #require(try await authenticator.signIn(bearing: token.text, origin: "test"))
        for _ in 0..<15 {
            clock.advance(by: .seconds(11 * 3600))
            _ = try await authenticator.session(cookie: second.cookie)
        }
        #expect(try await authenticator.session(cookie: second.cookie) != nil)
        clock.advance(by: .seconds(11 * 3600))
        #expect(try await authenticator.session(cookie: second.cookie) == nil)
        let third = try #require(try await authenticator.signIn(bearing: token.text, origin: "test"))
        _ = try await TokenIssuer(journal: journal).revoke(record.id, by: "test", origin: "test", at: clock.now)
        #expect(try await authenticator.session(cookie: third.cookie) == nil)
        #expect(try await authenticator.isStillValid(third.session.identity, third.session) == false)
        #expect(try await authenticator.session(cookie: "x") == nil)
    }

    @Test("a stream's viewer is authenticated until the token expires, or the session is idle for too long")
    func watching() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let clock = SettableClock()
        let authenticator = Authenticator(journal: journal, clock: clock)
        let token = try await TokenIssuer(journal: journal).create(
            name: "anna", role: .viewer, expiresAt: clock.now + .seconds(20 * 3600), by: "test", origin: "test",
            at: clock.now
        ).token
        let identity = try #require(try await authenticator.identity(bearing: token.text))
        let visit = try #require(try await authenticator.signIn(bearing: token.text, origin: "test")).session
        clock.advance(by: .seconds(11 * 3600))
        #expect(try await authenticator.isStillValid(identity, nil))
        #expect(try await authenticator.isStillValid(identity, visit))
        clock.advance(by: .seconds(2 * 3600))
        #expect(try await authenticator.isStillValid(identity, nil))
        #expect(try await !authenticator.isStillValid(identity, visit))
        clock.advance(by: .seconds(8 * 3600))
        #expect(try await !authenticator.isStillValid(identity, nil))
    }

    @Test("every command is in the audit log: who, what, when, from where and why, refused ones included")
    func audit() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            let viewer = try await server.token(.viewer, name: "vera")
            _ = try await server.deploy(more: #", "verify": true, "reason": "friday""#)
            _ = try await server.release(1, in: .paused)
            _ = try await server.post("/api/v1/apps/blog/releases/1/promote", "{}", token: viewer)
            _ = try await server.post("/api/v1/apps/blog/releases/1/abort", #"{"reason": "monday"}"#)
            _ = try await server.release(1, in: .aborted)
            let answer = try await server.get("/api/v1/audit?limit=500")
            let entries = answer.json["entries"].array
            func entry(_ action: String) -> JSONValue { entries.first { $0["action"].string == action } ?? .null }
            #expect(entry("deploy")["who"].string == "anna" && entry("deploy")["reason"].string == "friday")
            #expect(entry("deploy")["app"].string == "blog" && entry("deploy")["release"].integer == 1)
            #expect(
                entry("deploy")["origin"].string == "127.0.0.1"
                    && entry("deploy")["detail"].string == TestServer.version)
            #expect(entry("promote")["who"].string == "vera" && entry("promote")["outcome"].string == "refused")
            #expect(entry("abort")["reason"].string == "monday" && entry("abort")["outcome"].string == "done")
            #expect(entry("token.create")["detail"].string?.contains("vera: viewer") == true)
            let page = try await server.get("/api/v1/audit?limit=1")
            let next = try #require(page.json["next"].integer)
            let second = try await server.get("/api/v1/audit?limit=1&before=\(next)")
            #expect(second.json["entries"][0]["id"] != page.json["entries"][0]["id"])
            let shop = try await server.token(.viewer, name: "sam", apps: ["shop"])
            #expect(try await server.get("/api/v1/audit", token: shop).json["entries"].array.isEmpty)
        }
    }
}

/// A clock that a test sets.
final class SettableClock: ReleaseClock {
    private let time = Mutex(Timestamp(milliseconds: 1_445_783_643_000))

    var now: Timestamp { time.withLock { $0 } }
    func advance(by length: Duration) { time.withLock { $0 = $0 + length } }
    func sleep(for length: Duration) async throws { try await Task.sleep(for: length) }
}
