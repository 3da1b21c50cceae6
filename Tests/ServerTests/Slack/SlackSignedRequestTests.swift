import Controller
import Foundation
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Requests to /slack", .timeLimit(.minutes(10))) struct SlackSignedRequestTests {
    private func headers(_ body: String, secret: String, at time: Date = Date()) -> [String: String] {
        let timestamp = String(Int(time.timeIntervalSince1970))
        return [
            "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": SlackSignature(Secret(secret)).sign(Array(body.utf8), timestamp: timestamp),
        ]
    }

    @Test("unsigned, forged, stale and early requests are 401, and nothing happens")
    func forged() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            let secret = world.slack.app.signingSecret
            let body = await world.press("promote", "blog/1", by: .mike).body
            var right = headers(body, secret: secret)
            // The old token is in the body, and proves nothing.
            #expect(body.contains("Shh_its_a_seekrit"))
            var forged: [[String: String]] = [
                ["Content-Type": "application/x-www-form-urlencoded"], headers(body, secret: ""),
                headers(body, secret: secret + "x"), headers(body + "&", secret: secret),
                headers(body, secret: secret, at: Date(timeIntervalSinceNow: -305)),
                headers(body, secret: secret, at: Date(timeIntervalSinceNow: 900)),
            ]
            for header in ["X-Slack-Signature", "X-Slack-Request-Timestamp"] {
                right[header] = nil
                forged.append(right)
                right = headers(body, secret: secret)
            }
            right["X-Slack-Signature"] = right["X-Slack-Signature"]?.uppercased()
            forged.append(right)
            for headers in forged {
                let answer = try await world.post("/slack/actions", body, headers: headers)
                #expect(answer.status == 401 && answer.code == "unauthorized", "\(answer)")
                #expect(!answer.text.contains(secret))
            }
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 10).isEmpty)
            #expect(try await world.server.release(1, in: .paused).state == .paused)
            let metrics = try await world.server.get("/metrics")
            #expect(
                metrics.text.contains(
                    #"viridian_slack_requests_total{kind="actions",result="unauthorized"} \#(forged.count)"#))
        }
    }

    private func has(_ metric: String, _ world: SlackWorld) -> Bool {
        world.server.services.metrics.text.contains(metric + "\n")
    }

    @Test("a signature is good for one request, also after a restart")
    func replayed() async throws {
        let (folder, fake) = (try TestFolder(), FakeWorld())
        let secret = FakeSlack.App().signingSecret
        let body = "team_id=T0123ABCD&user_id=U024BE7LH&user_name=mike&command=%2Fdeploy&text=lock+blog+x"
        // The same words, signed at another time, are another request.
        let signed = [0.0, -1].map { headers(body, secret: secret, at: Date(timeIntervalSinceNow: $0)) }
        try await SlackWorld.run(folder: folder, world: fake) { world in
            for headers in signed {
                #expect(try await world.post("/slack/commands", body, headers: headers).status == 200)
            }
            #expect(has(#"viridian_slack_requests_total{kind="commands",result="accepted"} 2"#, world))
            let areLocked = try await eventually { try await world.audit("lock").count == 2 ? true : nil }
            #expect(areLocked == true)
            try await expectReplays(world)
        }
        try await SlackWorld.run(folder: folder, world: fake) { world in try await expectReplays(world) }

        @Sendable func expectReplays(_ world: SlackWorld) async throws {
            for headers in signed {
                let again = try await world.post("/slack/commands", body, headers: headers)
                #expect(again.status == 401 && again.message.contains("came before"), "\(again)")
            }
            #expect(has(#"viridian_slack_requests_total{kind="commands",result="unauthorized"} 2"#, world))
            #expect(try await world.audit("lock").count == 2)
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 10).isEmpty)
        }
    }

    @Test("what a person did once acts once, however often Slack sends it over its connections")
    func trigger() async throws {
        try await FakeSlackSocket.with { socket in
            try await SlackWorld.run(socket: socket) { world in
                await socket.wait(forConnections: 2)
                let typed = await world.slack.type("lock blog moving", by: .mike)
                for envelope in ["e1", "e2", "e3"] {
                    try await socket.send(envelope, type: "slash_commands", payload: typed.payload)
                    await socket.wait(forAcknowledgement: envelope)
                }
                #expect(has(#"viridian_slack_requests_total{kind="commands",result="accepted"} 1"#, world))
                #expect(has(#"viridian_slack_requests_total{kind="commands",result="repeated"} 2"#, world))
                _ = try await world.slack.told(.mike) { $0.text.contains("blog is locked") }
                // The same words again are something else.
                #expect(try await world.say("lock blog moving", by: .mike).contains("blog is locked"))
                #expect(try await world.audit("lock").count == 2)
            }
        }
    }

    @Test("the age of a request counts from when it was signed, or from when it came if that is earlier")
    func age() async throws {
        try await SlackWorld.run { world in
            await world.slack.happen(.slow(.seconds(3600)), to: "users.info")
            let now = world.server.services.clock.now
            for seconds in [-200, 200] {
                let typed = await world.slack.type("status", by: .ann)
                let signed = headers(
                    typed.body, secret: world.slack.app.signingSecret,
                    at: Date(timeIntervalSince1970: Double(now.milliseconds / 1000) + Double(seconds)))
                #expect(try await world.post(typed.path, typed.body, headers: signed).status == 200)
            }
            let written = try await world.server.journal.slackRequestsToActOn(limit: 9)
            #expect(written.count == 2 && written.allSatisfy { $0.at >= now }, "\(written)")
            #expect(written.first?.sentAt.milliseconds == (now.milliseconds / 1000 - 200) * 1000)
            #expect(written.last?.sentAt == written.last?.at)
            await world.slack.calm()
            _ = try await world.slack.told(.ann) { $0.text.contains("blog") }
        }
    }

    @Test("requests that were acted on are forgotten after a day, when no signature is good any more")
    func forgotten() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let now = Timestamp(milliseconds: 1_795_712_697_000)
        for (id, age) in [("old", 90_000), ("new", 80_000), ("open", 90_000)] {
            let request = WrittenSlackRequest(id: id, at: now + .seconds(-age), request: "{}")
            #expect(try await journal.add(request, signature: "v0=\(id)") == .written)
        }
        for id in ["old", "new"] { try await journal.finish(slackRequest: id, answer: nil, at: now) }
        try await journal.forgetSlackRequests(before: now + .seconds(-86_400), linksBefore: now)
        #expect(try await journal.hasSlackRequest("new"))
        #expect(try await journal.hasSlackRequest("open"))
        #expect(try await !journal.hasSlackRequest("old"))
        #expect(try await journal.hasSlackSignature("v0=new"))
        #expect(try await !journal.hasSlackSignature("v0=old"))
    }

    @Test("what is not in Slack's format is 400, and nothing happens")
    func malformed() async throws {
        try await SlackWorld.run { world in
            let secret = world.slack.app.signingSecret
            func payload(_ json: String) -> String {
                "payload=" + (json.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
            }
            let actions = [
                "", "no", "payload=", payload("no"), payload("[]"), payload("{}"), payload(#"{"type": 1}"#),
                payload(#"{"type": "block_actions", "type": "block_actions"}"#),
                payload(#"{"type": "block_actions", "actions": 7}"#), payload("{}") + "&" + payload("{}"),
                payload(#"{"x": ""# + String(repeating: "x", count: 1_000_000) + #""}"#), "payload=%FF%FE",
            ]
            for body in actions {
                let answer = try await world.post("/slack/actions", body, headers: headers(body, secret: secret))
                #expect(answer.status == 400 && !answer.message.isEmpty, "\(body.prefix(80)): \(answer)")
            }
            let commands = [
                "", "text=status", "{}", "command=%2Fdeploy&text=" + String(repeating: "x", count: 1_000_000),
            ]
            for body in commands {
                let answer = try await world.post("/slack/commands", body, headers: headers(body, secret: secret))
                #expect(answer.status == 400 && !answer.message.isEmpty, "\(body.prefix(80)): \(answer)")
            }
            // JSON with a right signature.
            let json = #"{"command": "/deploy", "team_id": "T0123ABCD", "user_id": "U024BE7LH", "text": "unlock blog"}"#
            var signed = headers(json, secret: secret)
            signed["Content-Type"] = "application/json"
            #expect(try await world.post("/slack/commands", json, headers: signed).status == 400)
            let huge = "payload=" + String(repeating: "x", count: 3 << 20)
            #expect(try await world.post("/slack/actions", huge, headers: headers(huge, secret: secret)).status == 413)
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 10).isEmpty)
        }
    }

    @Test("a check of the certificate, and an interaction that asks for nothing, are 200 without anything else")
    func ignored() async throws {
        try await SlackWorld.run { world in
            let check = try await world.post(
                "/slack/commands", "token=Shh_its_a_seekrit&ssl_check=1",
                headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(check.status == 200 && check.text.isEmpty, "\(check)")
            let link = await world.slack.press(FakeSlack.Button("preview", value: "x"), in: world.message, by: .mike)
            try await world.send(link)
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 10).isEmpty)
        }
    }

    @Test("without slack.signingSecret, or without slack, requests are 404 with a sentence")
    func off() async throws {
        try await SlackWorld.run(signingSecret: nil) { world in
            let body = "command=%2Fdeploy"
            for path in ["/slack/commands", "/slack/actions"] {
                let answer = try await world.post(path, body)
                #expect(answer.status == 404 && answer.message.contains("slack.signingSecret"), "\(answer)")
            }
            #expect(try await world.post("/slack/", body).status == 404)
            #expect(try await world.post("/slack/events", body).status == 404)
            #expect(try await world.server.get("/slack/commands").status == 405)
        }
        try await SlackWorld.run(signingSecret: "") { world in
            let body = "command=%2Fdeploy&ssl_check=0"
            let answer = try await world.post("/slack/commands", body, headers: headers(body, secret: ""))
            #expect(answer.status == 401, "\(answer)")
        }
        try await withServer { server in
            let answer = try await server.post("/slack/commands", "command=%2Fdeploy", token: "")
            #expect(answer.status == 404 && answer.message.contains("not configured"), "\(answer)")
        }
    }

    @Test("Slack is answered when the request is written down, while it is being acted on")
    func isAcknowledged() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            // Who she is has to be asked for: acting on it gets no further than that until Slack is calm.
            await world.slack.happen(.slow(.seconds(3600)), to: "users.info")
            let click = await world.press("promote", "blog/1", by: .ann)
            try await world.send(click)
            _ = try await world.slack.wait(for: "the question who she is") { slack in
                slack.calls.contains { $0.method == "users.info" } ? true : nil
            }
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 9).count == 1)
            #expect(await world.slack.told(.ann).isEmpty)
            #expect(try await world.server.release(1, in: .paused).state == .paused)
            await world.slack.calm()
            let told = try await world.slack.told(.ann) { _ in true }
            #expect(told.text.contains("is promoted"), "\(told.text)")
        }
    }

    @Test("whose click is not acted on because there were too many is told so, once a minute")
    func manyClicks() async throws {
        try await SlackWorld.run(settings: { $0.rateLimits.window = .seconds(86_400) }) { world in
            _ = try await world.paused()
            for _ in 0..<39 { try await world.send(await world.press("abort", "blog/1", by: .bob)) }
            // One that is dropped is not done later by sending it again.
            let last = await world.press("abort", "blog/1", by: .bob).body
            let signed = headers(last, secret: world.slack.app.signingSecret)
            #expect(try await world.post("/slack/actions", last, headers: signed).status == 200)
            #expect(try await world.post("/slack/actions", last, headers: signed).status == 401)
            _ = try await world.slack.told(.bob) {
                $0.text.contains("Too many requests: nothing was done. Try again in")
            }
            _ = try await world.slack.wait(for: "the other answers") { $0.told(.bob).count == 31 ? true : nil }
            let sentences = await world.slack.told(.bob).count { $0.text.contains("Too many requests") }
            #expect(sentences == 1)
            #expect(has(#"viridian_slack_requests_total{kind="actions",result="limited"} 10"#, world))
            #expect(await world.slack.mistakes.isEmpty)
        }
    }

    @Test("a person who hammers fills neither the journal nor the audit log")
    func hammer() async throws {
        try await SlackWorld.run(settings: { $0.rateLimits.window = .seconds(86_400) }) { world in
            for _ in 0..<60 {
                let interaction = await world.slack.type("lock blog nobody may", by: .bob)
                try await world.send(interaction)
            }
            // The last ones are answered at once, by Slack's request itself.
            let told = try await world.slack.told(.bob) { $0.text.contains("Too many requests") }
            #expect(told.text.contains("nothing was done"))
            let isDone = try await eventually {
                try await world.server.journal.slackRequestsToActOn(limit: 100).isEmpty ? true : nil
            }
            #expect(isDone == true)
            let refusals = try await world.audit("lock")
            #expect(
                refusals.count == 21 && refusals.allSatisfy { $0.outcome == .refused }, "\(refusals.count)")
            // Others are not concerned.
            let other = try await world.say("status blog", by: .mike)
            #expect(other.contains("blog"))
        }
    }
}
