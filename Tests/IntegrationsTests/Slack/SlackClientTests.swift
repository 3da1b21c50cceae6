import Foundation
import HTTPTransport
import Integrations
import ReleaseMachine
import Synchronization
import TestSupport
import Testing
import ViridianConfiguration

@Suite("Calls of Slack's Web API")
struct SlackClientTests {
    private static let token = "xoxb-0123456789-secret"

    private static func client(_ api: String, channel: String = "#deploys", token: String = token) throws -> SlackClient
    {
        let time = Mutex(Duration.zero)
        return try SlackClient(
            SlackConfiguration(
                token: Secret(token), appToken: Secret("xapp-1-A0123APP4-0123456789-secret"), channel: channel,
                api: try #require(URL(string: api))),
            now: { time.withLock { $0 } }, sleep: { length in time.withLock { $0 += length } })
    }

    @Test("post a message and lines of its thread, and edit it, in the channel that Slack answered")
    func messages() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            let blocks = [SlackBlock.section("one " + .bold("two"))]
            let id = try await client.post(SlackContent("one", blocks: blocks, revision: "a"), to: "#deploys")
            #expect(id.channel == "C024BE91L")
            let line = try await client.post(
                SlackContent("line"), to: id.channel, thread: id.timestamp, isBroadcast: true)
            try await client.update(id, SlackContent("three"))
            let messages = await slack.messages
            #expect(messages.map(\.timestamp) == [id.timestamp, line.timestamp])
            #expect(messages[0].versions.map(\.shown) == ["one *two*", "three"])
            #expect(messages[0].newest.kinds.isEmpty)
            #expect(messages[1].thread == id.timestamp && messages[1].isBroadcast)
            #expect(await slack.mistakes == [])
            #expect(SlackMessageID(id.description) == id)
            await client.shutdown()
        }
    }

    @Test("tell whose token it is, what it may do, and a person's e-mail address")
    func people() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            let workspace = try await client.workspace()
            #expect(workspace.team == slack.app.team && workspace.teamName == "Acme")
            #expect(workspace.scopes == slack.app.scopes)
            #expect(try await client.email(of: FakeSlack.Person.ann.id) == "ann@domain.com")
            await slack.setScopes(["chat:write", "users:read"])
            #expect(try await client.email(of: FakeSlack.Person.ann.id) == nil)
            await slack.setSocketURL { "wss://127.0.0.1/link" }
            #expect(try await client.openConnection() == "wss://127.0.0.1/link")
            await client.shutdown()
        }
    }

    private struct Case: Sendable, CustomTestStringConvertible {
        var fault: FakeSlack.Fault
        var kind: DeliveryFailure.Kind
        var sentence: String

        var testDescription: String { "\(fault)" }
    }

    private static let cases = [
        Case(fault: .tooMany(7), kind: .limited(after: .seconds(7)), sentence: "limits the rate of chat.postMessage"),
        Case(fault: .refuses("ratelimited"), kind: .limited(after: .seconds(30)), sentence: "limits the rate"),
        Case(fault: .html(500), kind: .unavailable(after: nil), sentence: "Slack answers 500"),
        Case(fault: .html(200), kind: .unavailable(after: nil), sentence: "something else than Slack's JSON"),
        Case(fault: .html(302), kind: .unavailable(after: nil), sentence: "answers 302"),
        Case(fault: .unreachable, kind: .unavailable(after: nil), sentence: "Slack does not answer"),
        Case(fault: .refuses("invalid_auth"), kind: .unavailable(after: nil), sentence: "into slack.token"),
        Case(fault: .refuses("missing_scope"), kind: .unavailable(after: nil), sentence: "install it again"),
        Case(fault: .refuses("channel_not_found"), kind: .unavailable(after: nil), sentence: "correct slack.channel"),
        Case(fault: .refuses("is_archived"), kind: .unavailable(after: nil), sentence: "unarchive it"),
        Case(
            fault: .refuses("restricted_action_read_only_channel"), kind: .unavailable(after: nil),
            sentence: "allow it there"),
        Case(fault: .refuses("internal_error"), kind: .unavailable(after: nil), sentence: "internal_error"),
    ]

    @Test("that fail say what to do and whether to try again", arguments: cases)
    private func failures(_ expected: Case) async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            await slack.happen(expected.fault)
            let failure = await #expect(throws: DeliveryFailure.self) {
                try await client.post(SlackContent("one"), to: "#deploys")
            }
            #expect(failure?.kind == expected.kind)
            #expect(failure?.description.contains(expected.sentence) == true, "\(failure?.description ?? "")")
            await client.shutdown()
        }
    }

    @Test("of the app's token say which token is wrong, and are not tried again at once")
    func appToken() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            await slack.happen(.refuses("invalid_auth"))
            let failure = await #expect(throws: DeliveryFailure.self) { try await client.openConnection() }
            #expect(failure?.kind == .refused)
            #expect(
                failure?.description.contains("xapp-…, with the scope connections:write into slack.appToken") == true)
            await client.shutdown()
        }
    }

    @Test("wait no longer than a few seconds for their turn: what is more important may come meanwhile")
    func turns() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            await slack.happen(.tooMany(86_400), times: 1)
            let refused = await #expect(throws: DeliveryFailure.self) {
                try await client.post(SlackContent("one"), to: "#deploys")
            }
            #expect(refused?.kind == .limited(after: .seconds(600)))
            let early = await #expect(throws: DeliveryFailure.self) {
                try await client.post(SlackContent("one"), to: "#deploys")
            }
            #expect(early?.kind == .limited(after: .seconds(600)))
            #expect(await slack.calls.count == 1)
            // The other method is not held.
            let other = await slack.postByAnotherApp("theirs", in: "C024BE91L")
            await #expect(throws: SlackError.self) {
                try await client.update(
                    SlackMessageID(channel: other.channel, timestamp: other.timestamp), SlackContent("one"))
            }
            await client.shutdown()
        }
    }

    @Test("name the scope and the channel that are missing")
    func missing() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api, channel: "#general")
            await slack.setScopes(["chat:write"])
            let absent = await #expect(throws: DeliveryFailure.self) {
                try await client.post(SlackContent("one"), to: "#general")
            }
            #expect(absent?.description.contains("invite it there, or give it the scope chat:write.public") == true)
            await slack.setScopes([])
            let scope = await #expect(throws: DeliveryFailure.self) {
                try await client.post(SlackContent("one"), to: "#general")
            }
            #expect(scope?.description.contains("give the app the scope chat:write and install") == true)
            await client.shutdown()
        }
    }

    @Test("tell apart that a message is gone, and that its content is not taken")
    func refusals() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            let lost = SlackMessageID(channel: "C024BE91L", timestamp: "1431000000.000100")
            await #expect(throws: SlackError.messageNotFound("message_not_found")) {
                try await client.update(lost, SlackContent("one"))
            }
            let other = await slack.postByAnotherApp("theirs", in: "C024BE91L")
            await #expect(throws: SlackError.messageNotFound("cant_update_message")) {
                try await client.update(
                    SlackMessageID(channel: other.channel, timestamp: other.timestamp), SlackContent("one"))
            }
            await slack.setKnowsPlans(false)
            let plan = SlackPlan(title: "plan", tasks: [.init(id: "a", title: "a", status: .pending)])
            let refusal = await #expect(throws: SlackError.self) {
                try await client.post(SlackContent("one", blocks: [.plan(plan)]), to: "#deploys")
            }
            guard case .contentRefused("invalid_blocks", let detail) = refusal else {
                Issue.record("\(String(describing: refusal))")
                return
            }
            #expect(detail.contains("unsupported type: plan"))
            await client.shutdown()
        }
    }

    @Test("do not contain the token in any error, also when it is not one or Slack repeats it")
    func secrets() async throws {
        let echo = #"{"ok": false, "error": "bad \#(Self.token)"}"#
        try await withServer({ _, _ in .text(echo, headers: ["Content-Type": "application/json"]) }) { server in
            for token in [Self.token, "\(Self.token)\r\nX: y"] {
                let client = try Self.client(server.url, token: token)
                let failure = await #expect(throws: DeliveryFailure.self) {
                    try await client.post(SlackContent("one"), to: "#deploys")
                }
                #expect(failure?.description.contains("0123456789") == false, "\(failure?.description ?? "")")
                await client.shutdown()
            }
        }
    }

    @Test("do not follow redirects, and do not read answers without end")
    func strangers() async throws {
        let long = String(repeating: "x", count: 2 << 20)
        try await withServer({ _, number in
            number == 0 ? Reply(status: 302, headers: ["Location": "/elsewhere"]) : .text(long)
        }) { server in
            let client = try Self.client(server.url)
            for _ in 0..<2 {
                let failure = await #expect(throws: DeliveryFailure.self) {
                    try await client.post(SlackContent("one"), to: "#deploys")
                }
                #expect(failure?.kind == .unavailable(after: nil))
            }
            await client.shutdown()
        }
    }

    @Test("answer a request from a person at Slack's addresses only")
    func responses() async throws {
        try await FakeSlack.with { slack, api in
            let client = try Self.client(api)
            let interaction = await slack.type("status blog", by: .mike)
            try await client.respond(SlackContent("blog is live"), to: interaction.responseURL)
            #expect(await slack.told(.mike).map(\.shown) == ["blog is live"])
            for stranger in [
                "http://169.254.169.254/latest", "https://hooks.slack.com.evil.example/x", "file:///etc/passwd", "x",
            ] {
                let failure = await #expect(throws: DeliveryFailure.self) {
                    try await client.respond(SlackContent("blog is live"), to: stranger)
                }
                #expect(failure?.kind == .refused)
            }
            await client.shutdown()
        }
    }
}
