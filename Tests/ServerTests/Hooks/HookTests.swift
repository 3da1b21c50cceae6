import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Deliveries of other systems")
struct HookTests {
    private static let settings = HookSettings(
        hooks: HooksConfiguration(registry: Secret(RegistryEvents.secret), gitlab: GitLabHook(secret: Secret("gl"))))

    private func withHooks(
        apps: [String] = ["blog"], world: FakeWorld? = nil, folder: TestFolder? = nil, answerWithin: Duration? = nil,
        configure: @Sendable (inout AppConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        var settings = HookTests.settings
        settings.lookup = NoRegistry()
        if let answerWithin { settings.answerWithin = answerWithin }
        try await withServer(
            apps: apps, folder: folder, world: world,
            configure: {
                $0.releaseOn = ReleaseTriggers(tags: ["v*"], branches: ["master"])
                configure(&$0)
            }, hooks: settings, body)
    }

    @Test("a push is written down, answered, and released by its digest")
    func push() async throws {
        try await withHooks { server in
            let answer = try await server.deliver(RegistryEvents.push("v1", digest: RegistryEvents.digest(1)))
            #expect(answer.status == 202, "\(answer)")
            let id = try #require(answer.json["delivery"].integer)
            let delivery = try await server.settled(id)
            #expect(delivery?.releases == ["blog/1"] && delivery?.state == .done, "\(delivery as Any)")
            let release = try await server.release(1, in: .live)
            #expect(release.order.image == "registry.local:5000/blog:v1@" + RegistryEvents.digest(1))
            #expect(release.order.requestedBy == "registry" && release.order.isAutomatic == true)
            let list = try await server.get("/api/v1/deliveries")
            #expect(list.json["deliveries"].array.first?["sender"].string == "registry")
        }
    }

    @Test("the same delivery twenty times at once is one delivery and one release")
    func repeated() async throws {
        try await withHooks { server in
            let body = RegistryEvents.push("v1", digest: RegistryEvents.digest(1), id: "one")
            let answers = try await withThrowingTaskGroup { group in
                for _ in 0..<20 { group.addTask { try await server.deliver(body) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 202 } == 1, "\(answers)")
            #expect(answers.allSatisfy { [200, 202].contains($0.status) })
            #expect(Set(answers.map { $0.json["delivery"].integer }).count == 1)
            _ = try await server.release(1, in: .live)
            let again = try await server.deliver(RegistryEvents.push("v1", digest: RegistryEvents.digest(1)))
            let id = try #require(again.json["delivery"].integer)
            let delivery = try await server.settled(id)
            #expect(delivery?.outcome == "v1 of blog is live already (blog/1)", "\(delivery as Any)")
            #expect(delivery?.releases == ["blog/1"])
            #expect(try await server.journal.numbers(app: "blog", limit: 10) == [1])
        }
    }

    @Test(
        "a secret that is wrong, missing, empty or for another place is 401 and written nowhere",
        arguments: ["Bearer wrong", "", "Bearer ", "open sesame!", "Basic b3BlbiBzZXNhbWU=", "Bearer open"])
    func secrets(_ authorization: String) async throws {
        try await withHooks { server in
            let push = RegistryEvents.push("v1", digest: RegistryEvents.digest(1))
            let answer = try await server.deliver(push, authorization: authorization)
            #expect(answer.status == 401 && answer.code == "unauthorized", "\(answer)")
            #expect(!answer.text.contains("sesame"))
            #expect(try await server.journal.deliveries(limit: 10).isEmpty)
        }
    }

    @Test("a hook without a secret is off, and what is not the sender's format is 400")
    func refused() async throws {
        try await withHooks { server in
            #expect(try await server.post("/hooks/quay?secret=", "{}", token: "").status == 404)
            for path in ["/hooks/bitbucket", "/hooks/", "/hooks/registry/events", "/hooks/deploy/"] {
                #expect(try await server.post(path, "{}", token: "").status == 404, "\(path)")
            }
            #expect(try await server.post("/hooks/registry/", "{}", token: "").status == 401)
            #expect(try await server.get("/hooks/registry").status == 405)
            let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
            for body in [
                "", "no", "[]", #"{"events": 1}"#, #"{"events": [{"id": "1""#, deep, #"{"events": [], "events": []}"#,
            ] {
                let answer = try await server.deliver(body)
                #expect(answer.status == 400 && !answer.message.isEmpty, "\(body.prefix(50)): \(answer)")
            }
            #expect(try await server.journal.deliveries(limit: 10).isEmpty)
        }
    }

    @Test("a body of 30 MB is refused, one of 20 MB is read")
    func large() async throws {
        try await withHooks { server in
            let huge = try await server.deliver(
                #"{"events": [], "x": ""# + String(repeating: "x", count: 30 << 20) + #""}"#)
            #expect(huge.status == 413, "\(huge.status)")
            let large = try await server.deliver(
                #"{"events": [], "x": ""# + String(repeating: "x", count: 20 << 20) + #""}"#)
            #expect(large.status == 200, "\(large)")
        }
    }

    @Test("what concerns no app, is no push, or is only listed is 200 with the reason")
    func ignored() async throws {
        try await withHooks(configure: { $0.releaseOn?.tags = ["v*"] }) { server in
            let digest = RegistryEvents.digest(1)
            func why(_ body: String) async throws -> String {
                let answer = try await server.deliver(body)
                #expect([200, 202].contains(answer.status), "\(answer)")
                let id = try #require(answer.json["delivery"].integer)
                return try await server.settled(id)?.outcome ?? ""
            }
            let other = try await why(RegistryEvents.push("v1", digest: digest, repository: "shop"))
            #expect(other == "no app has the image registry.local:5000/shop")
            let listed = try await why(RegistryEvents.push("nightly", digest: digest))
            #expect(listed == "nightly of blog is listed; releaseOn does not name it")
            let pull = RegistryEvents.push("v1", digest: digest).replacing(#""push""#, with: #""pull""#)
            #expect(try await why(pull) == "a pull of blog, not a push")
            for tag in [
                "sha256:" + String(repeating: "a", count: 64), String(repeating: "v", count: 300), "; rm -rf /",
                "v1\u{1B}[2J",
            ] {
                let body = RegistryEvents.push(tag.replacing("\u{1B}", with: "\\u001b"), digest: digest)
                let answer = try await server.deliver(body)
                #expect(answer.status == 200 && !answer.text.contains("\u{1B}"), "\(answer)")
            }
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
            #expect(try await server.journal.versions(app: "blog", limit: 10).map(\.version) == ["nightly"])
        }
    }

    @Test("a push to a repository that two apps share is released for both")
    func shared() async throws {
        try await withHooks(
            apps: ["blog", "shop"],
            configure: { app in
                if let image = try? ImageReference("registry.local:5000/blog") { app.image = image }
            }
        ) { server in
            let answer = try await server.deliver(RegistryEvents.push("v1", digest: RegistryEvents.digest(1)))
            #expect(answer.status == 202, "\(answer)")
            for app in ["blog", "shop"] {
                #expect(try await server.release(1, app: app, in: .live).order.version == "v1")
            }
        }
    }

    @Test("hundreds of deliveries at once: nothing is lost, each is explained, and only newer versions are released")
    func many() async throws {
        try await withHooks(configure: { $0.whenBusy = .queue }) { server in
            let count = 400
            let numbers = (1...count).shuffled()
            let answers = try await withThrowingTaskGroup { group in
                // Sixteen at any moment.
                for part in 0..<16 {
                    group.addTask {
                        var statuses: [Int] = []
                        for number in stride(from: part, to: count, by: 16).map({ numbers[$0] }) {
                            let body = RegistryEvents.push(
                                "v\(number)", digest: RegistryEvents.digest(number), id: "\(number)")
                            statuses.append(try await server.deliver(body).status)
                        }
                        return statuses
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(answers.count == count)
            #expect(answers.allSatisfy { [200, 202].contains($0) })
            let isDone: Bool? = try await eventually {
                guard try await server.journal.nextDelivery() == nil else { return nil }
                return try await server.journal.queue().isEmpty ? true : nil
            }
            #expect(isDone == true)
            let deliveries = try await server.journal.deliveries(limit: 2 * count)
            #expect(deliveries.count == count)
            #expect(deliveries.allSatisfy { $0.results.count == 1 })
            let results = deliveries.flatMap(\.results)
            #expect(results.allSatisfy { !$0.sentence.isEmpty && [.started, .ignored].contains($0.state) })
            let last = try #require(try await server.journal.numbers(app: "blog", limit: 1).first)
            #expect(try await server.release(last, in: .live).order.version == "v\(count)")
            let released = try await server.journal.releases(app: "blog", limit: 1000).map {
                Int($0.order.version.dropFirst()) ?? 0
            }
            #expect(released == released.sorted(by: >), "\(released)")
        }
    }

    @Test("a server that stops after a delivery was written down acts on it when it is back, once")
    func restarted() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        await world.goDown()
        try await withHooks(world: world, folder: folder, answerWithin: .zero) { server in
            let answer = try await server.deliver(RegistryEvents.push("v1", digest: RegistryEvents.digest(1)))
            #expect(answer.status == 202 && answer.json["releases"].array.isEmpty, "\(answer)")
            let waits = try await eventually {
                try await server.journal.queued(app: "blog")?.waitsFor.contains("retrying") == true ? true : nil
            }
            #expect(waits == true, "the cluster does not answer")
        }
        await world.comeBack()
        try await withHooks(world: world, folder: folder) { server in
            _ = try await server.release(1, in: .live)
            #expect(try await server.journal.numbers(app: "blog", limit: 10) == [1])
            #expect(try await server.journal.deliveries(limit: 1).first?.results.first?.state == .started)
        }
    }

    @Test("with the journal lost, an older version than the cluster's live one is not released by a hook")
    func journalLost() async throws {
        let world = FakeWorld()
        try await withHooks(world: world) { server in
            _ = try await server.deliver(RegistryEvents.push("v9", digest: RegistryEvents.digest(9)))
            _ = try await server.release(1, in: .live)
        }
        try await withHooks(world: world) { server in
            let answer = try await server.deliver(RegistryEvents.push("v3", digest: RegistryEvents.digest(3)))
            let id = try #require(answer.json["delivery"].integer)
            let outcome = try await server.settled(id)?.outcome
            #expect(outcome == "v3 of blog is older than v9, which is live: its number is lower")
            _ = try await server.deliver(RegistryEvents.push("v10", digest: RegistryEvents.digest(10)))
            #expect(try await server.release(2, in: .live).order.version == "v10")
        }
    }

    @Test("a newer version supersedes a release until a node has switched, and the release goes back")
    func supersede() async throws {
        try await withHooks(configure: {
            $0.whenBusy = .supersede
            $0.verify.required = true
        }) { server in
            _ = try await server.deliver(RegistryEvents.push("v1", digest: RegistryEvents.digest(1)))
            _ = try await server.release(1, in: .paused)
            _ = try await server.deliver(RegistryEvents.push("v2", digest: RegistryEvents.digest(2)))
            let first = try await server.release(1, in: .aborted)
            #expect(first.cause == .superseded(by: "v2") && first.state == .aborted, "\(first.state)")
            #expect(try await server.release(2, in: .paused).order.version == "v2")
            let view = try await server.get("/api/v1/apps/blog/releases/1")
            #expect(view.json["supersededBy"].string == "v2")
            let second = try await server.post("/api/v1/apps/blog/releases/2/promote")
            #expect(second.status == 202)
            _ = try await server.release(2, in: .live)
            // What was given up is older by now.
            let again = try await server.deliver(RegistryEvents.push("v1", digest: RegistryEvents.digest(1)))
            let id = try #require(again.json["delivery"].integer)
            #expect(
                try await server.settled(id)?.outcome
                    == "v1 of blog is older than v2, which is live: its number is lower")
        }
    }

    @Test("after a rollback the app is locked for hooks until somebody unlocks it, and the next push says so")
    func rolledBack() async throws {
        try await withHooks(answerWithin: testLimit) { server in
            for number in 1...2 {
                _ = try await server.deliver(RegistryEvents.push("v\(number)", digest: RegistryEvents.digest(number)))
                _ = try await server.release(number, in: .live)
            }
            #expect(try await server.post("/api/v1/apps/blog/rollback", #"{"reason": "slow"}"#).status == 202)
            _ = try await server.release(3, in: .live)
            let answer = try await server.deliver(RegistryEvents.push("v3", digest: RegistryEvents.digest(3)))
            #expect(answer.status == 202, "\(answer)")
            let waits = answer.json["queued"][0]["waits"].string ?? ""
            #expect(
                waits.contains("locked for automatic releases") && waits.contains("viridian unlock blog"), "\(answer)")
            // What was rolled back does not come again by itself, not even then.
            let bad = try await server.deliver(RegistryEvents.push("v2", digest: RegistryEvents.digest(2)))
            let id = try #require(bad.json["delivery"].integer)
            let outcome = try await server.settled(id)?.outcome ?? ""
            #expect(outcome.contains("was rolled back (blog/2)"), "\(outcome)")
            let lock = try #require(try await server.journal.locks(at: SystemClock().now).first)
            #expect(lock.isAutomatic && lock.app == "blog" && lock.reason.contains("rolled back to v1"))
            #expect(try await server.call("DELETE", "/api/v1/locks/\(lock.id)").status == 204)
            #expect(try await server.release(4, in: .live).order.version == "v3")
        }
    }

    @Test(
        "a pipeline's success releases the image that was built from its commit; a child's, a failed one and another branch's do not"
    )
    func pipeline() async throws {
        try await withHooks(configure: { $0.releaseOn = ReleaseTriggers(branches: ["master"]) }) { server in
            try await server.journal.note(
                PushedVersion(
                    app: "blog", version: "20151025.143403", digest: RegistryEvents.digest(7),
                    commit: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d", pushedAt: SystemClock().now, sender: "registry")
            )
            func send(_ status: String, ref: String = "master", source: String = "push", id: Int) async throws
                -> TestServer.Answer
            {
                let body = """
                    {"object_kind": "pipeline", "object_attributes": {"id": \(id), "ref": "\(ref)", "tag": false,
                      "sha": "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d", "source": "\(source)", "status": "\(status)"},
                      "project": {"path_with_namespace": "mike/blog", "web_url": "https://gitlab.domain.com/mike/blog"},
                      "commit": {"id": "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d", "timestamp": "2015-10-25T14:00:00Z"},
                      "user": {"username": "mike"}}
                    """
                return try await server.post(
                    "/hooks/gitlab", body, token: "",
                    headers: ["X-Gitlab-Event": "Pipeline Hook", "X-Gitlab-Token": "gl"])
            }
            #expect(try await send("running", id: 1).status == 200)
            #expect(try await send("failed", id: 2).status == 200)
            #expect(try await send("success", source: "parent_pipeline", id: 3).status == 200)
            #expect(try await send("success", ref: "feature", id: 4).status == 200)
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
            #expect(try await send("success", id: 5).status == 202)
            let release = try await server.release(1, in: .live)
            #expect(release.order.version == "20151025.143403" && release.order.digest == RegistryEvents.digest(7))
            #expect(
                release.order.commitTime == Timestamp(iso8601: "2015-10-25T14:00:00Z") && release.order.ref == "master")
            #expect(release.order.requestedBy == "mike (gitlab)")
            #expect(try await send("success", id: 5).status == 200)
            #expect(try await server.journal.numbers(app: "blog", limit: 10) == [1])
        }
    }
}
