import Foundation
import Integrations
import Testing

@Suite("What people in Slack ask for") struct SlackRequestTests {
    /// https://docs.slack.dev/interactivity/implementing-slash-commands
    private let command =
        "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&enterprise_id=E0001&enterprise_name=Globular%20Construct%20Inc"
        + "&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=Steve&command=/weather&text=94070"
        + "&response_url=https://hooks.slack.com/commands/1234/5678&trigger_id=13345224609.738474920.8088930838d88f008e0"
        + "&api_app_id=A123456"

    /// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    private func payload(
        type: String = #""block_actions""#, team: String = #"{"id": "T9TK3CUKW", "domain": "example"}"#,
        user: String = #"{"id": "UA8RXUSPL", "username": "jtorrance", "team_id": "T9TK3CUKW"}"#,
        actions: String = #"[{"action_id": "promote", "block_id": "=qXel", "value": "blog/42", "type": "button"}]"#,
        more: String = ""
    ) -> String {
        #"""
        {"type": \#(type), "team": \#(team), "user": \#(user), "api_app_id": "AABA1ABCD", "token": "9s8d9as89d8as9d8as989",
        "container": {"type": "message_attachment", "message_ts": "1548261231.000200", "attachment_id": 1,
        "channel_id": "CBR2V3XEX", "is_ephemeral": false, "is_app_unfurl": false},
        "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3", "enterprise": null,
        "channel": {"id": "CBR2V3XEX", "name": "review-updates"},
        "message": {"bot_id": "BAH5CA16Z", "type": "message", "text": "blog 42", "user": "UAJ2RU415", "ts": "1548261231.000200"},
        "response_url": "https://hooks.slack.com/actions/AABA1ABCD/1232321423432/D09sSasdasdAS9091209", "actions": \#(actions)\#(more)}
        """#
    }

    private func form(_ payload: String) -> [UInt8] {
        let encoded = payload.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return Array("payload=\(encoded)".utf8)
    }

    @Test("a slash command is read as Slack's documentation has it")
    func slashCommand() throws {
        let request = try SlackRequest.read(command: Array(command.utf8))
        #expect(
            request
                == SlackRequest(
                    .command(text: "94070"), team: "T0001", user: SlackPerson(id: "U2147483697", name: "Steve"),
                    responseURL: "https://hooks.slack.com/commands/1234/5678",
                    trigger: "13345224609.738474920.8088930838d88f008e0"))
        let text = command.replacing("text=94070", with: "text=abort+blog%20prices+%C3%A9%26%3D")
        #expect(try SlackRequest.read(command: Array(text.utf8)).action == .command(text: "abort blog prices é&="))
    }

    @Test("a button is read with its release, what Slack calls the click, and the person's own workspace")
    func button() throws {
        let request = try #require(try SlackRequest.read(action: form(payload())))
        #expect(
            request
                == SlackRequest(
                    .button(id: "promote", release: "blog/42"),
                    team: "T9TK3CUKW", user: SlackPerson(team: "T9TK3CUKW", id: "UA8RXUSPL", name: "jtorrance"),
                    responseURL: "https://hooks.slack.com/actions/AABA1ABCD/1232321423432/D09sSasdasdAS9091209",
                    trigger: "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3"))
        // It is stored as JSON.
        let stored = try JSONDecoder().decode(SlackRequest.self, from: JSONEncoder().encode(request))
        #expect(stored == request)
    }

    @Test("envelopes of Socket Mode carry the same")
    func envelopes() throws {
        let interactive = try SlackRequest.read(envelope: "interactive", payload: Array(payload().utf8))
        #expect(interactive == (try SlackRequest.read(action: form(payload()))))
        let typed = try SlackRequest.read(
            envelope: "slash_commands",
            payload: Array(
                #"{"command": "/deploy", "text": "status", "team_id": "T0001", "user_id": "U01", "user_name": "mike"}"#
                    .utf8))
        #expect(
            typed == SlackRequest(.command(text: "status"), team: "T0001", user: SlackPerson(id: "U01", name: "mike")))
        #expect(try SlackRequest.read(envelope: "events_api", payload: Array("{}".utf8)) == nil)
    }

    @Test("a trigger_id that is none of Slack's tells nothing apart")
    func trigger() throws {
        for odd in [
            "", "7", "a%0Ab.c.d.e.f.g.h", "%C3%A9.%C3%A9.%C3%A9.%C3%A9.%C3%A9", String(repeating: "7", count: 201),
        ] {
            let text = command.replacing("13345224609.738474920.8088930838d88f008e0", with: odd)
            #expect(try SlackRequest.read(command: Array(text.utf8)).trigger == nil, "\(odd)")
        }
        for odd in ["7", "null", "{}", "[]"] {
            let text = payload().replacing(
                #""12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3""#, with: odd)
            let read = try #require(try SlackRequest.read(action: form(text)))
            #expect(read.trigger == nil, "\(odd)")
        }
    }

    @Test("an interaction that asks for nothing here is none")
    func others() throws {
        for other in [
            payload(type: #""view_submission""#), payload(type: #""message_action""#), payload(actions: "[]"),
            payload(actions: #"[{"action_id": "preview", "type": "button", "url": "https://x"}]"#),
        ] {
            let read = try SlackRequest.read(action: form(other))
            #expect(read == nil, "\(other)")
        }
    }

    @Test("what is not in Slack's format is refused with a sentence")
    func malformed() {
        let large = #"{"type": "block_actions", "x": ""# + String(repeating: "x", count: 1_000_000) + #""}"#
        let payloads = [
            "", "no", "null", "[]", "\"block_actions\"", "{}", "{\"type\": 1}", payload(type: "null"),
            payload(team: "null"), payload(team: "{}"), payload(team: #"{"id": 7}"#), payload(team: #"{"id": "../x"}"#),
            payload(user: "{}"), payload(user: #"{"id": "<@U01>"}"#), payload(user: #""U01""#),
            payload(actions: "null"), payload(actions: #"{"action_id": "promote"}"#),
            payload(actions: #"[{"action_id": "promote"}]"#),
            payload(actions: #"[{"action_id": "promote", "value": 42}]"#),
            payload(actions: #"[{"action_id": "promote", "value": "blog"}]"#),
            payload(actions: #"[{"action_id": "abort", "value": "blog/0"}]"#),
            payload(actions: #"[{"action_id": "abort", "value": "blog/1/2"}]"#),
            payload(actions: #"[{"action_id": "abort", "value": "../1"}]"#),
            payload(actions: #"[{"action_id": "abort", "value": "blog/99999999999"}]"#),
            payload(more: #", "type": "block_actions""#), payload(more: #", "team": {"id": "T9"}"#), payload() + "x",
            large, String(repeating: "[", count: 10_000),
        ]
        for payload in payloads {
            #expect(throws: MalformedSlackRequest.self, "\(payload.prefix(300))") {
                try SlackRequest.read(action: form(payload))
            }
        }
        let bodies = [
            "", "&", "payload", "payload=%", "payload=%7", "payload=%ZZ", "payload=%FF", "text=x", "{\"payload\": {}}",
            String(decoding: form(payload()), as: UTF8.self) + "&payload=%7B%7D",
            (0..<200).map { "x\($0)=1" }.joined(separator: "&"),
        ]
        for body in bodies {
            #expect(throws: MalformedSlackRequest.self, "\(body.prefix(100))") {
                try SlackRequest.read(action: Array(body.utf8))
            }
        }
        for (from, to) in [
            ("team_id=T0001", ""), ("team_id=T0001", "team_id=t0001"), ("user_id=U2147483697", "user_id="),
            ("user_id=U2147483697", "user_id=U1%0AU2"), ("command=/weather", "command=weather"),
            ("text=94070", "text=a&text=b"), ("text=94070", "text=" + String(repeating: "x", count: 1_000_000)),
            ("text=94070", "text=%C3%28"),
        ] {
            let body = Array(command.replacing(from, with: to).utf8)
            #expect(throws: MalformedSlackRequest.self, "\(to.prefix(100))") {
                try SlackRequest.read(command: body)
            }
        }
    }

    @Test("a problem with a request shows no control characters")
    func isSafe() {
        let body = Array(command.replacing("user_id=U2147483697", with: "user_id=%1B%5B2J%0A").utf8)
        let error = #expect(throws: MalformedSlackRequest.self) { try SlackRequest.read(command: body) }
        #expect(error?.description.contains("\u{1B}") == false && error?.description.contains("\n") == false)
    }
}
