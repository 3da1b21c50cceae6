import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("A script's call for a release")
struct DeployCallTests {
    private func withHooks(
        whenBusy: WhenBusy = .refuse, _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        var settings = HookSettings(hooks: HooksConfiguration(registry: Secret(RegistryEvents.secret)))
        settings.lookup = NoRegistry()
        try await withServer(
            apps: ["blog", "shop"],
            configure: {
                $0.whenBusy = whenBusy
                $0.releaseOn = ReleaseTriggers(tags: ["v*"])
            }, hooks: settings, body)
    }

    @Test("the same key with another body is 422, as for every other request with a key")
    func reused() async throws {
        try await withHooks { server in
            let key = ["Idempotency-Key": "build-17"]
            let body = #"{"app": "blog", "version": "v1", "commitTime": "2015-10-25T14:34:03Z"}"#
            let first = try await server.post("/hooks/deploy", body, headers: key)
            #expect(first.status == 202, "\(first)")
            let same = #"{"commitTime": "2015-10-25T14:34:03.000Z", "version": "v1", "app": "blog"}"#
            let again = try await server.post("/hooks/deploy", same, headers: key)
            #expect(again.json["delivery"] == first.json["delivery"], "\(again)")
            for other in [#"{"app": "blog", "version": "v2"}"#, #"{"app": "shop", "version": "v1"}"#] {
                let reused = try await server.post("/hooks/deploy", other, headers: key)
                #expect(reused.status == 422 && reused.code == "invalid_value", "\(reused)")
                #expect(reused.json["error"]["field"].string == "Idempotency-Key")
            }
            #expect(try await server.journal.deliveries(limit: 10).count == 1)
            let token = try await server.token(.deployer)
            let other = try await server.post(
                "/hooks/deploy", #"{"app": "shop", "version": "v1"}"#, token: token, headers: key)
            #expect(other.status == 202, "another token's keys are its own: \(other)")
        }
    }

    @Test("a call that was refused with 409 can be repeated with its key, and is a new delivery")
    func refused() async throws {
        try await withHooks { server in
            #expect(try await server.deploy("v1", more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let key = ["Idempotency-Key": "build-18"]
            let body = #"{"app": "blog", "version": "v2"}"#
            for _ in 0..<2 {
                let refused = try await server.post("/hooks/deploy", body, headers: key)
                #expect(refused.status == 409 && refused.code == "release_running", "\(refused)")
                #expect(refused.json["error"]["release"].integer == 1)
            }
            #expect(try await server.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            _ = try await server.release(1, in: .live)
            let answer = try await server.post("/hooks/deploy", body, headers: key)
            #expect(answer.status == 202 && answer.json["releases"][0].string == "blog/2", "\(answer)")
            let repeated = try await server.post("/hooks/deploy", body, headers: key)
            #expect(repeated.json["delivery"] == answer.json["delivery"], "\(repeated)")
            #expect(try await server.journal.deliveries(limit: 10).count == 3)
            #expect(try await server.journal.numbers(app: "blog", limit: 10) == [2, 1])
        }
    }

    @Test("a call for a version that a hook queued first waits with it, and ends as it does")
    func waitsAlready() async throws {
        try await withHooks(whenBusy: .queue) { server in
            #expect(try await server.deploy("v1", more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let push = try await server.deliver(RegistryEvents.push("v2", digest: RegistryEvents.digest(2)))
            #expect(push.status == 202, "\(push)")
            let pushed = try #require(push.json["delivery"].integer)
            #expect(try await server.settled(pushed) != nil)
            let body = #"{"app": "blog", "version": "v2", "digest": "\#(RegistryEvents.digest(2))"}"#
            let call = try await server.post("/hooks/deploy", body)
            #expect(call.status == 202, "\(call)")
            #expect(call.json["queued"][0]["version"].string == "v2" && call.json["releases"].array.isEmpty)
            let waits = call.json["queued"][0]["waits"].string ?? ""
            #expect(waits.contains("waits already") && waits.contains("blog/1"), "\(call)")
            let id = try #require(call.json["delivery"].integer)
            let delivery = try await server.get("/api/v1/deliveries/\(id)")
            #expect(delivery.json["state"].string == "waiting", "\(delivery)")
            #expect(try await server.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            _ = try await server.release(2, in: .live)
            let done = try await server.get("/api/v1/deliveries/\(id)")
            #expect(done.json["state"].string == "done" && done.json["releases"][0].string == "blog/2", "\(done)")
            let last = try await server.post("/hooks/deploy", body)
            #expect(last.status == 200 && last.json["releases"][0].string == "blog/2", "\(last)")
        }
    }

    @Test("a call for a version that is being released is answered with its release")
    func running() async throws {
        try await withHooks { server in
            #expect(try await server.deploy("v1", more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let call = try await server.post("/hooks/deploy", #"{"app": "blog", "version": "v1"}"#)
            #expect(call.status == 200 && call.json["releases"][0].string == "blog/1", "\(call)")
            #expect(call.json["ignored"].string?.contains("is being released already") == true, "\(call)")
        }
    }

    @Test("a token for some apps sees its own call from the beginning, and nobody else's")
    func own() async throws {
        try await withHooks { server in
            let token = try await server.token(.deployer, apps: ["blog"])
            func call(_ app: String) async throws -> Int {
                let call = DeployCall(app: app, version: "v1", by: "ci")
                let delivery = NewDelivery(
                    at: SystemClock().now, sender: DeliveryProcessor.script, key: nil, kind: "deploy", origin: "test",
                    events: try call.jsonLine(), outcome: nil)
                // Nobody acts on it: it was given up.
                let id = try await server.journal.receive([delivery])[0].id
                try await server.journal.finish(delivery: id, outcome: "given up after 1 attempt: x", isGivenUp: true)
                return id
            }
            let own = try await server.get("/api/v1/deliveries/\(try call("blog"))", token: token)
            #expect(own.status == 200 && own.json["state"].string == "failed", "\(own)")
            let others = try await server.get("/api/v1/deliveries/\(try call("shop"))", token: token)
            #expect(others.status == 404, "\(others)")
        }
    }

    @Test("what concerns no app after a retry is ignored, not failed")
    func retried() async throws {
        try await withHooks { server in
            let delivery = NewDelivery(
                at: SystemClock().now, sender: "gitlab", key: nil, kind: "pipeline", origin: "test", events: "[]",
                outcome: "later")
            let id = try await server.journal.receive([delivery])[0].id
            for _ in 0..<2 { try await server.journal.finish(delivery: id, outcome: "it concerns no app") }
            let known = try #require(try await server.journal.delivery(id))
            #expect(DeliveryView(known).state == .ignored)
        }
    }

    @Test(
        "a field that stands twice is 400, at every level and in every request with a body",
        arguments: [
            #"{"app": "blog", "version": "v1", "app": "shop"}"#,
            #"{"app": "blog", "version": "v1", "\u0061pp": "blog"}"#,
            #"{"app": "blog", "version": "v1", "reason": {"a": 1, "a": 2}}"#,
        ])
    func twice(_ body: String) async throws {
        try await withHooks { server in
            for path in ["/hooks/deploy", "/api/v1/apps/blog/releases", "/api/v1/locks"] {
                let answer = try await server.post(path, body)
                #expect(answer.status == 400 && answer.code == "malformed", "\(path): \(answer)")
                #expect(answer.message.contains("the second"), "\(answer)")
            }
            #expect(try await server.journal.deliveries(limit: 10).isEmpty)
        }
    }
}
