import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Releases over the API")
struct ReleaseAPITests {
    @Test("a deploy is answered when it has started, and its events can be followed to the end")
    func deploy() async throws {
        try await withServer { server in
            let answer = try await server.deploy(
                more: #", "reason": "the big one", "commitTime": "2015-10-25T14:30:00Z""#)
            #expect(answer.status == 201, "\(answer)")
            #expect(answer.headers["Location"] == "/api/v1/apps/blog/releases/1")
            #expect(answer.json["app"].string == "blog" && answer.json["number"].integer == 1)
            #expect(answer.json["version"].string == TestServer.version)
            #expect(answer.json["requestedBy"].string == "anna" && answer.json["reason"].string == "the big one")
            #expect(answer.json["commitTime"].string == "2015-10-25T14:30:00.000Z")
            let messages = try await server.messages("/api/v1/apps/blog/releases/1/events")
            let ids = messages.compactMap(\.id)
            #expect(ids == Array(1...ids.count))
            #expect(messages.last?.type == "end" && messages.last?.data == #"{"state":"live"}"#)
            let release = try await server.get("/api/v1/apps/blog/releases/1")
            #expect(release.json["state"].string == "live" && release.json["phase"].string == "done")
            #expect(release.json["nodes"].array.map { $0["color"].string } == ["green", "green"])
            let app = try await server.get("/api/v1/apps/blog")
            #expect(app.json["live"]["color"].string == "green")
            #expect(app.json["live"]["version"].string == TestServer.version)
        }
    }

    @Test("a paused release goes live when it is promoted")
    func promote() async throws {
        try await withServer { server in
            #expect(try await server.deploy(more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let paused = try await server.get("/api/v1/apps/blog/releases/1")
            #expect(paused.json["awaiting"].string == "promote" && paused.json["deadline"].string != nil)
            let answer = try await server.post("/api/v1/apps/blog/releases/1/promote")
            #expect(answer.status == 202, "\(answer)")
            #expect(try await server.release(1, in: .live).state == .live)
            let again = try await server.post("/api/v1/apps/blog/releases/1/promote")
            #expect(again.status == 409 && again.code == "not_applicable", "\(again)")
            #expect(again.message.hasPrefix("blog/1 was promoted by anna already ("), "\(again)")
            #expect(again.message.hasSuffix("), and is live"))
        }
    }

    @Test("an abort, with user and reason")
    func abort() async throws {
        try await withServer { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            let token = try await server.token(.deployer, name: "jenkins")
            let answer = try await server.post(
                "/api/v1/apps/blog/releases/1/abort", #"{"reason": "wrong\u001b[2J version"}"#, token: token)
            #expect(answer.status == 202, "\(answer)")
            #expect(try await server.release(1, in: .aborted).state == .aborted)
            let release = try await server.get("/api/v1/apps/blog/releases/1")
            #expect(release.json["aborted"]["by"].string == "jenkins")
            #expect(release.json["aborted"]["reason"].string == "wrong [2J version")
            #expect(await server.world.state("blog").routes.values.allSatisfy { $0 == .blue })
        }
    }

    @Test("a rollback is a release to the previous version")
    func rollback() async throws {
        try await withServer { server in
            for (number, version) in ["v1", "v2"].enumerated() {
                #expect(try await server.deploy(version).status == 201)
                #expect(try await server.release(number + 1, in: .live).state == .live)
            }
            let unknown = try await server.post("/api/v1/apps/blog/rollback", #"{"to": "v9"}"#)
            #expect(
                unknown.status == 409 && unknown.message.contains("version v9 of blog was never live"), "\(unknown)")
            let bad = try await server.post("/api/v1/apps/blog/rollback", #"{"to": "a b"}"#)
            #expect(bad.status == 422 && bad.field == "to", "\(bad)")
            let answer = try await server.post("/api/v1/apps/blog/rollback", #"{"reason": "too slow"}"#)
            #expect(answer.status == 202 && answer.json["kind"].string == "rollback", "\(answer)")
            #expect(answer.json["version"].string == "v1")
            #expect(try await server.release(3, in: .live).state == .live)
            let isLeft = try await eventually {
                try await server.get("/api/v1/apps/blog/releases/2").json["state"].string == "rolledBack" ? true : nil
            }
            #expect(isLeft == true)
        }
    }

    @Test("while a release runs, another one is refused with its number")
    func busy() async throws {
        try await withServer { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            let second = try await server.deploy("v2")
            #expect(second.status == 409 && second.code == "release_running", "\(second)")
            #expect(second.json["error"]["release"].integer == 1)
            _ = try await server.release(1, in: .paused)
            let byOthers = try await server.post("/api/v1/apps/blog/rollback", #"{"to": "v1"}"#)
            #expect(byOthers.status == 409, "\(byOthers)")
            // Without a version it aborts the running release.
            #expect(try await server.post("/api/v1/apps/blog/rollback").status == 202)
            #expect(try await server.release(1, in: .aborted).state == .aborted)
        }
    }

    @Test("a release that the command line runs blocks another one, and takes commands")
    func beside() async throws {
        try await withServer { server in
            let other = FakeApps(
                world: server.world, journal: server.journal, me: "anna@ci-1",
                configurations: server.apps.configurations)
            let releases = try other.releases("blog", RequestOrigin(origin: "cli@ci-1"))
            async let run = releases.deploy(
                .init(version: try Version("v1"), verify: true, by: "anna"), until: .whenEnded
            ) {
                _, _ in
            }
            _ = try await server.release(1, in: .paused)
            let second = try await server.deploy("v2")
            #expect(second.status == 409 && second.json["error"]["release"].integer == 1, "\(second)")
            #expect(second.message.contains("anna@ci-1"))
            async let messages = server.messages("/api/v1/apps/blog/releases/1/events")
            #expect(try await server.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            #expect(try await run.state == .live)
            #expect(try await messages.last?.data == #"{"state":"live"}"#)
        }
    }

    @Test("while the server finds out who runs a release, whoever asks for another one waits, and is told who")
    func asking() async throws {
        try await withServer { server in
            let other = FakeApps(
                world: server.world, journal: server.journal, me: "anna@ci-1",
                configurations: server.apps.configurations)
            let releases = try other.releases("blog", RequestOrigin(origin: "cli@ci-1"))
            let gate = Gate()
            await server.world.holdLeases(of: "server-1", at: gate)
            async let run = releases.deploy(
                .init(version: try Version("v1"), verify: true, by: "anna"), until: .whenEnded
            ) { _, _ in
            }
            _ = try await server.release(1, in: .paused)
            _ = try await eventually { await server.world.isAskingForLease ? true : nil }
            async let answer = server.deploy("v2")
            await gate.open()
            let second = try await answer
            #expect(second.status == 409 && second.message.contains("anna@ci-1"), "\(second)")
            #expect(try await server.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            #expect(try await run.state == .live)
        }
    }

    @Test("a failed release has its cause as text")
    func failure() async throws {
        try await withServer { server in
            await server.world.breakVersion("crash")
            _ = try await server.deploy("crash")
            #expect(try await server.release(1, in: .failed).state == .failed)
            let release = try await server.get("/api/v1/apps/blog/releases/1")
            #expect(release.json["failure"]["message"].string == "blog crashes")
            #expect(release.json["failure"]["details"][0].string == "<script>alert(1)</script>")
            let events = try await server.get("/api/v1/apps/blog/releases/1/events")
            #expect(events.text.contains("\\\\u{1b}[2J"), "a terminal's escapes are shown, not sent")
        }
    }

    @Test("the same idempotency key returns the same release, also after a restart; with another body it is refused")
    func idempotency() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        let body = #"{"version": "v1", "verify": true}"#
        let token = try await withServer(folder: folder, world: world) { server in
            let key = ["Idempotency-Key": "build-4711"]
            async let one = server.post("/api/v1/apps/blog/releases", body, headers: key)
            async let other = server.post("/api/v1/apps/blog/releases", body, headers: key)
            let answers = try await [one, other]
            #expect(answers.allSatisfy { $0.status == 201 && $0.json["number"].integer == 1 }, "\(answers)")
            let sorted = try await server.post(
                "/api/v1/apps/blog/releases", #"{"verify":true,  "version":"v1","reason":null}"#, headers: key)
            #expect(sorted.status == 201 && sorted.json["number"].integer == 1)
            #expect(sorted.headers["Idempotent-Replayed"] == "true")
            let wrong = try await server.post("/api/v1/apps/blog/releases", #"{"version": "v2"}"#, headers: key)
            #expect(wrong.status == 422 && wrong.field == "Idempotency-Key", "\(wrong)")
            let bad = try await server.post(
                "/api/v1/apps/blog/releases", body, headers: ["Idempotency-Key": "a b"])
            #expect(bad.status == 422 && bad.field == "Idempotency-Key", "\(bad)")
            // Keys are separate for each token.
            let stranger = try await server.token(.deployer)
            #expect(
                try await server.post("/api/v1/apps/blog/releases", body, token: stranger, headers: key).status == 409)
            return server.admin
        }
        try await withServer(folder: folder, world: world, me: "server-2") { server in
            let again = try await server.post(
                "/api/v1/apps/blog/releases", body, token: token, headers: ["Idempotency-Key": "build-4711"])
            #expect(again.status == 201 && again.json["number"].integer == 1, "\(again)")
            #expect(try await server.journal.numbers(app: "blog", limit: 10) == [1])
        }
    }

    @Test("a stopped server leaves its release to the next one, which finishes it")
    func restart() async throws {
        let (folder, world, gate) = (try TestFolder(), FakeWorld(), Gate())
        try await withServer(folder: folder, world: world) { server in
            await world.holdSwitches(at: gate)
            _ = try await server.deploy()
            let isSwitching = try await eventually {
                try await server.get("/api/v1/apps/blog/releases/1").json["phase"].string == "switching" ? true : nil
            }
            #expect(isSwitching == true)
            // A running switch is finished before the server stops.
            Task {
                _ = try await eventually { server.services.presence.isStopping ? true : nil }
                await gate.open()
            }
        }
        #expect(await world.state("blog").holder == nil, "the lease was given back")
        try await withServer(folder: folder, world: world, me: "server-2") { server in
            let release = try await server.release(1, in: .live)
            #expect(release.state == .live)
        }
    }

    @Test("history is paginated, newest first")
    func pages() async throws {
        try await withServer { server in
            for number in 1...5 {
                _ = try await server.deploy("v\(number)")
                #expect(try await server.release(number, in: .live).state == .live)
            }
            let first = try await server.get("/api/v1/apps/blog/releases?limit=2")
            #expect(first.json["releases"].array.compactMap { $0["number"].integer } == [5, 4])
            let next = try #require(first.json["next"].integer)
            let second = try await server.get("/api/v1/apps/blog/releases?limit=3&before=\(next)")
            #expect(second.json["releases"].array.compactMap { $0["number"].integer } == [3, 2, 1])
            #expect(second.json["next"].isNull)
            for bad in ["limit=0", "limit=201", "limit=x", "before=0", "limit=", "before=9007199254740992"] {
                let answer = try await server.get("/api/v1/apps/blog/releases?\(bad)")
                #expect(answer.status == 422 && answer.field == String(bad.prefix { $0 != "=" }), "\(bad): \(answer)")
            }
        }
    }

    @Test("an unchanged response is 304")
    func tags() async throws {
        try await withServer { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            for path in ["/api/v1/apps/blog/releases/1", "/api/v1/apps"] {
                var answer = try await server.get(path)
                var tag = try #require(answer.headers["ETag"])
                // The check after a release may still change the app.
                let isSame = try await eventually { () -> Bool? in
                    answer = try await server.get(path, headers: ["If-None-Match": tag])
                    if answer.status == 304 { return true }
                    tag = answer.headers["ETag"] ?? tag
                    return nil
                }
                #expect(isSame == true && answer.text.isEmpty, "\(path): \(answer)")
            }
            let before = try #require(try await server.get("/api/v1/apps").headers["ETag"])
            _ = try await server.deploy("v2")
            #expect(try await server.get("/api/v1/apps", headers: ["If-None-Match": before]).status == 200)
        }
    }
}
