import Controller
import Foundation
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("A server tells other systems of its releases")
struct OutboxServerTests {
    private let commit = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"
    private let token = "0123456789secret"

    private func deploy(_ server: TestServer, _ version: String, source: String) async throws -> Release {
        try await server.services.runner.deploy(
            "blog", .init(version: try Version(version), commit: commit, source: source, by: "anna"),
            RequestOrigin(origin: "test"))
    }

    @Test("ten destinations that never answer delay neither a release nor the server's end")
    func outage() async throws {
        let interrupted = Times()
        let silent = (1...10).map { number in
            ScriptedDestination("silent-\(number)") { _ in
                do {
                    try await Task.sleep(for: .seconds(3600))
                } catch {
                    interrupted.add(SystemClock().now)
                    throw error
                }
                return "never"
            }
        }
        let good = ScriptedDestination("good")
        try await withServer(destinations: silent + [good]) { server in
            _ = try await deploy(server, "v1", source: "https://github.com/mike/blog")
            let release = try await server.release(1, in: .live)
            #expect(release.state == .live)
            let told = try await eventually { good.all.count == 3 ? good.all : nil }
            #expect(told == ["blog/1 requested", "blog/1 started", "blog/1 live"])
            let areBegun = try await eventually {
                let begun = try await server.journal.notifications(limit: 100).filter {
                    $0.attempts == 1 && $0.destination != "good"
                }
                return Set(begun.map(\.destination)).count == 10 ? true : nil
            }
            #expect(areBegun == true)
            let waiting = try await server.journal.notifications(limit: 100).filter {
                $0.state == .pending && $0.destination != "good"
            }
            #expect(waiting.count == 30 && waiting.allSatisfy { $0.attempts <= 1 })
            #expect(interrupted.all.isEmpty)
        }
        // The server's end interrupted them.
        #expect(interrupted.all.count == 10)
    }

    @Test(
        "releases show up at GitHub by themselves, the replaced one as inactive; the API lists what was sent and sends it again"
    )
    func gitHub() async throws {
        let forge = FakeGitHub(token: token, commits: ["mike/blog": [commit]])
        try await TestSupport.withServer({ request, _ in await forge.answer(request) }) { github in
            let source = "\(github.url)/mike/blog"
            let api = try #require(URL(string: github.url))
            let destination = DeploymentDestination(
                name: "github", forge: try GitHubDeployments(.init(token: Secret(token), api: api)),
                environment: "production", server: "https://deploy.domain.com", apps: [])
            try await withServer(apps: ["blog", "shop"], destinations: [destination]) { server in
                for number in 1...2 {
                    _ = try await deploy(server, "v\(number)", source: source)
                    #expect(try await server.release(number, in: .live).state == .live)
                }
                let wanted = [
                    ["queued", "in_progress", "success", "inactive"], ["queued", "in_progress", "success"],
                ]
                let states = try await eventually {
                    let states = await forge.deployments.map { $0.statuses.map(\.state) }
                    return states == wanted ? states : nil
                }
                let found = await forge.deployments
                #expect(states == wanted, "\(found)")
                let isRecorded = try await eventually {
                    try await server.journal.notifications(limit: 9).allSatisfy { $0.state == .delivered } ? true : nil
                }
                #expect(isRecorded == true)
                let list = try await server.get("/api/v1/notifications?limit=5")
                let shown = list.json["notifications"].array
                #expect(list.status == 200 && shown.count == 5 && list.json["next"] != .null)
                #expect(shown.allSatisfy { $0["state"].string == "delivered" && $0["app"].string == "blog" })
                #expect(!list.text.contains(token))

                // A deployer of the app sends one again; GitHub has it already.
                let deployer = try await server.token(.deployer, apps: ["blog"])
                let id = try #require(shown.first { $0["message"].string == "success" }?["id"].integer)
                let path = "/api/v1/notifications/\(id)/resend"
                let again = try await server.post(path, token: deployer)
                #expect(again.status == 202 && again.json["state"].string == "pending", "\(again)")
                let answer = try await eventually {
                    let notification = try await server.journal.notification(id)
                    return notification?.state == .delivered ? notification?.answer : nil
                }
                #expect(answer?.contains("already") == true)
                #expect(await forge.deployments.map { $0.statuses.map(\.state) } == wanted)
                let audit = try await server.get("/api/v1/audit?limit=1")
                #expect(audit.json["entries"][0]["action"].string == "notification.resend", "\(audit)")

                // Who may not.
                let viewer = try await server.token(.viewer)
                #expect(try await server.post(path, token: viewer).status == 403)
                let stranger = try await server.token(.deployer, apps: ["shop"])
                #expect(try await server.post(path, token: stranger).status == 404)
                let others = try await server.get("/api/v1/notifications", token: stranger)
                #expect(others.json["notifications"].array.isEmpty)
                for path in ["999", "0", "-1", "x", "01", "1%2F2"] {
                    #expect(try await server.post("/api/v1/notifications/\(path)/resend").status == 404, "\(path)")
                }
                #expect(try await server.post(path, #"{"x": 1}"#).status == 422)
                #expect(try await server.get("/api/v1/notifications?app=nope").status == 404)
            }
        }
    }

    @Test("what was meant for a destination that is not configured any more cannot be sent again")
    func gone() async throws {
        let folder = try TestFolder()
        try await withServer(folder: folder, destinations: [ScriptedDestination("chat")]) { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            let told = try await eventually {
                try await server.journal.notifications(limit: 9).contains { $0.message == "live" } ? true : nil
            }
            #expect(told == true)
        }
        try await withServer(folder: folder) { server in
            let list = try await server.get("/api/v1/notifications")
            #expect(list.json["notifications"].array.count == 3)
            let refused = try await server.post("/api/v1/notifications/1/resend")
            #expect(refused.status == 409 && refused.message.contains("chat is not configured any more"))
        }
    }

    @Test("a release links to what it changes, on its page and in the API; a rollback to what it takes back")
    func compareLinks() async throws {
        let other = "1f2e3d4c5b6a79880011223344556677889900aa"
        try await withServer { server in
            for (version, commit) in [("v1", other), ("v2", commit)] {
                _ = try await server.services.runner.deploy(
                    "blog",
                    .init(
                        version: try Version(version), commit: commit, source: "git@github.com:mike/blog.git",
                        by: "anna"),
                    RequestOrigin(origin: "test"))
                _ = try await server.release(version == "v1" ? 1 : 2, in: .live)
            }
            // The first release replaced something of which no commit is known.
            #expect(try await server.get("/api/v1/apps/blog/releases/1").json["compareURL"] == .null)
            let link = "https://github.com/mike/blog/compare/\(other)...\(commit)"
            #expect(try await server.get("/api/v1/apps/blog/releases/2").json["compareURL"].string == link)
            _ = try await server.post("/api/v1/apps/blog/rollback")
            _ = try await server.release(3, in: .live)
            #expect(try await server.get("/api/v1/apps/blog/releases/3").json["compareURL"].string == link)
            let visitor = try await PagesTests.Visitor(server, token: server.admin)
            for (number, label) in [(2, "changes"), (3, "changes that it takes back")] {
                let page = try await visitor.get("/apps/blog/releases/\(number)").text
                #expect(page.contains(#"<a id="changes" href="\#(link)" rel="noreferrer">\#(label)</a>"#))
            }
            let first = try await visitor.get("/apps/blog/releases/1").text
            #expect(!first.contains(#"id="changes""#))
        }
    }
}
