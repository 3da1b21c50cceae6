import Foundation
import Synchronization
import TestSupport
import Testing

/// Slack's own library talks to the stand-in as to Slack.
@Suite(
    "The stand-in for Slack", .enabled(Comment(rawValue: SlackSDK.reason)) { await SlackSDK.isThere },
    .timeLimit(.minutes(10)))
struct FakeSlackTests {
    private let app = FakeSlack.App()

    @Test("a message is posted, edited and answered in its thread")
    func messages() async throws {
        try await FakeSlack.with { slack, url in
            func run(_ steps: SlackSDK.Step...) async throws -> [SlackSDK.Answer] {
                try await SlackSDK.run(steps, url: url, token: app.token)
            }
            let first = try await run(
                .call("auth_test"), .call("chat_postMessage", ##"{"channel": "#deploys", "text": "blog 42"}"##),
                .call("users_info", #"{"user": "U024BE7LH"}"#))
            #expect(first.map(\.isRight) == [true, true, true], "\(first)")
            #expect(first[0]["team_id"] == app.team && first[0].scopes?.contains("chat:write") == true)
            #expect(first[1]["channel"] == "C024BE91L")
            #expect(first[2].data?.contains("mike@domain.com") == true)
            let message = try #require(await slack.messages(in: "deploys").first)
            #expect(message.timestamp == first[1]["ts"])

            let id = #""channel": "C024BE91L""#
            let second = try await run(
                .call(
                    "chat_update",
                    #"{\#(id), "ts": "\#(message.timestamp)", "text": "blog 42 is live", "blocks": [{"type": "divider"}]}"#
                ),
                .call("chat_postMessage", #"{\#(id), "thread_ts": "\#(message.timestamp)", "text": "Staging"}"#),
                .call(
                    "chat_postMessage",
                    #"{\#(id), "thread_ts": "\#(message.timestamp)", "text": "Paused", "reply_broadcast": true}"#))
            #expect(second.map(\.isRight) == [true, true, true], "\(second)")
            let edited = try #require(await slack.current(message))
            #expect(edited.versions.map(\.text) == ["blog 42", "blog 42 is live"])
            #expect(edited.versions.map(\.kinds) == [[], ["divider"]])
            #expect(await slack.thread(of: message).map(\.text) == ["Staging", "Paused"])
            #expect(await slack.messages(in: "deploys").map(\.text) == ["blog 42 is live", "Paused"])
            #expect(await slack.mistakes.isEmpty)
        }
    }

    @Test("it refuses what Slack refuses, with Slack's word for it")
    func refusals() async throws {
        try await FakeSlack.with { slack, url in
            let other = await slack.postByAnotherApp("lunch?", in: "C024BE91L")
            let calls: [(method: String, arguments: String, token: String?, error: String)] = [
                ("auth_test", "{}", "", "not_authed"),
                ("auth_test", "{}", "xoxb-wrong", "invalid_auth"),
                ("auth_test", "{}", app.appToken, "not_allowed_token_type"),
                ("apps_connections_open", #"{"app_token": "\#(app.token)"}"#, nil, "not_allowed_token_type"),
                ("users_info", #"{"user": "U0NOBODY1"}"#, nil, "user_not_found"),
                ("chat_postMessage", #"{"channel": "deploys"}"#, nil, "no_text"),
                ("chat_postMessage", #"{"channel": "nowhere", "text": "x"}"#, nil, "channel_not_found"),
                ("chat_postMessage", #"{"channel": "board", "text": "x"}"#, nil, "channel_not_found"),
                ("chat_postMessage", #"{"channel": "history", "text": "x"}"#, nil, "is_archived"),
                (
                    "chat_postMessage", #"{"channel": "deploys", "text": "x", "thread_ts": "0"}"#, nil,
                    "invalid_thread_ts"
                ),
                (
                    "chat_postMessage", #"{"channel": "deploys", "text": "x", "blocks": "{"}"#, nil,
                    "invalid_blocks_format"
                ),
                ("chat_update", ##"{"channel": "#deploys", "ts": "1.0", "text": "x"}"##, nil, "channel_not_found"),
                (
                    "chat_update", #"{"channel": "C024BE91L", "ts": "1431000100.000100", "text": "x"}"#, nil,
                    "message_not_found"
                ),
                (
                    "chat_update", #"{"channel": "C024BE91L", "ts": "\#(other.timestamp)", "text": "x"}"#, nil,
                    "cant_update_message"
                ),
                ("api_call", #"{"api_method": "chat.nothing"}"#, nil, "unknown_method"),
            ]
            for (token, calls) in Dictionary(grouping: calls, by: { $0.token ?? app.token }) {
                let answers = try await SlackSDK.run(
                    calls.map { .call($0.method, $0.arguments) }, url: url, token: token)
                for (call, answer) in zip(calls, answers) { #expect(answer.error == call.error, "\(call)") }
            }
            let told = await slack.mistakes.count
            #expect(told == calls.count)

            await slack.setScopes(["chat:write"])
            let limited = try await SlackSDK.run(
                [
                    .call("users_info", #"{"user": "U024BE7LH"}"#),
                    .call("chat_postMessage", #"{"channel": "general", "text": "x"}"#),
                ], url: url, token: app.token)
            #expect(limited[0].error == "missing_scope" && limited[0].needed == "users:read")
            #expect(limited[1].error == "not_in_channel")
            await slack.setScopes(["users:read"])
            let silent = try await SlackSDK.run(
                [
                    .call("users_info", #"{"user": "U024BE7LH"}"#),
                    .call("chat_postMessage", #"{"channel": "deploys", "text": "x"}"#),
                ], url: url, token: app.token)
            #expect(silent[0].isRight && silent[0].data?.contains("domain.com") == false)
            #expect(silent[1].error == "missing_scope" && silent[1].needed == "chat:write")
        }
    }

    @Test("a line for a thread that is not there is taken, as Slack does, and noted")
    func lostLine() async throws {
        try await FakeSlack.with { slack, url in
            let lost = #"{"channel": "deploys", "text": "x", "thread_ts": "1431000100.000100"}"#
            let answer = try await SlackSDK.run([.call("chat_postMessage", lost)], url: url, token: app.token)
            #expect(answer[0].isRight)
            #expect(await slack.messages(in: "deploys").isEmpty)
            #expect(await slack.mistakes.count == 1)
        }
    }

    @Test("faults are what Slack's library sees, and end when they are told to")
    func faults() async throws {
        try await FakeSlack.with { slack, url in
            func post() async throws -> SlackSDK.Answer {
                try await SlackSDK.run(
                    [.call("chat_postMessage", #"{"channel": "deploys", "text": "x"}"#)], url: url, token: app.token)[0]
            }
            await slack.happen(.tooMany(7), to: "chat.postMessage", times: 1)
            let tooMany = try await post()
            #expect(tooMany.status == 429 && tooMany.retryAfter == 7 && tooMany.error == "ratelimited")
            await slack.happen(.refuses("channel_not_found"), times: 1)
            let refused = try await post()
            #expect(refused.error == "channel_not_found")
            await slack.happen(.html(503), times: 1)
            let page = try await post()
            #expect(!page.isRight && page.status == 503)
            let taken = try await post()
            #expect(taken.isRight)
            #expect(await slack.mistakes.isEmpty, "none of this was the caller's mistake")
        }
    }

    @Test("more calls than a limit allows are answered with 429, and none of another limit", arguments: [true, false])
    func rates(perMethod: Bool) async throws {
        try await FakeSlack.with { slack, url in
            await slack.setRates(
                perMethod
                    ? .init(posts: .init(size: 2, every: 60), others: .init(size: 50, every: 1))
                    : .init(all: .init(size: 2, every: 60)))
            let post = SlackSDK.Step.call("chat_postMessage", #"{"channel": "deploys", "text": "x"}"#)
            let elsewhere = SlackSDK.Step.call("chat_postMessage", #"{"channel": "general", "text": "x"}"#)
            let answers = try await SlackSDK.run(
                [post, post, post, elsewhere, .call("auth_test")], url: url, token: app.token)
            #expect(
                answers.map(\.isRight)
                    == (perMethod ? [true, true, false, true, true] : [true, true, false, false, false]))
            #expect(answers[2].status == 429)
            #expect((1...60).contains(answers[2].retryAfter ?? 0))
        }
    }

    @Test("while it is down connections are refused; then everything is as it was")
    func down() async throws {
        try await FakeSlack.with { slack, url in
            let post = SlackSDK.Step.call("chat_postMessage", #"{"channel": "deploys", "text": "x"}"#)
            let before = try await SlackSDK.run([post], url: url, token: app.token)
            #expect(before[0].isRight)
            await slack.line.goDown()
            await #expect(throws: SlackSDK.Failed.self) {
                _ = try await SlackSDK.run([post], url: url, token: app.token)
            }
            await slack.line.comeBack()
            let after = try await SlackSDK.run([post], url: url, token: app.token)
            #expect(after[0].isRight)
            #expect(await slack.messages.count == 2)
        }
    }

    @Test("what it sends is signed as Slack signs")
    func signatures() async throws {
        try await FakeSlack.with { slack, _ in
            let typed = await slack.type("status blog & <co> *é* 100 %", by: .mike)
            let headers = slack.headers(for: typed.body)
            let old = slack.headers(for: typed.body, at: Date(timeIntervalSinceNow: -400))
            let answers = try await SlackSDK.run([
                .verify(secret: app.signingSecret, body: typed.body, headers: headers),
                .verify(secret: app.signingSecret, body: typed.body + "x", headers: headers),
                .verify(secret: "another", body: typed.body, headers: headers),
                .verify(secret: app.signingSecret, body: typed.body, headers: old),
            ])
            #expect(answers.map(\.isRight) == [true, false, false, false])
            #expect(typed.body.contains("text=status+blog+%26amp%3B+%26lt%3Bco%26gt%3B+*%C3%A9*+100+%25"))
        }
    }

    @Test("an interaction is answered five times within 30 minutes, for the person or for all")
    func responses() async throws {
        let clock = Clock()
        try await FakeSlack.with(now: { clock.now }) { slack, url in
            let ephemeral = #"{"text": "blog is live with v1"}"#
            let typed = await slack.type("status blog", by: .ann)
            let steps = (1...6).map { _ in SlackSDK.Step.respond(to: typed.responseURL, ephemeral) }
            let answers = try await SlackSDK.run(steps)
            #expect(answers.map(\.isRight) == [true, true, true, true, true, false])
            #expect(answers[5].status == 404 && answers[5].data?.contains("used_url") == true)
            #expect(await slack.told(.ann).map(\.text).count == 5)
            #expect(await slack.told(.mike).isEmpty)

            _ = try await SlackSDK.run(
                [
                    .call(
                        "chat_postMessage",
                        #"{"channel": "deploys", "text": "x", "blocks": [{"type": "actions", "elements": [{"type": "button", "action_id": "promote", "value": "blog/42", "text": {"type": "plain_text", "text": "Promote"}}]}]}"#
                    )
                ], url: url, token: app.token)
            let message = try #require(await slack.messages(in: "deploys").first)
            #expect(message.button("promote")?.value == "blog/42")
            let pressed = try await slack.press("promote", in: message, by: .bob)
            await #expect(throws: FakeSlack.NoSuchButton.self) {
                try await slack.press("abort", in: message, by: .bob)
            }
            let replaced = try await SlackSDK.run([
                .respond(to: pressed.responseURL, #"{"text": "promoted", "replace_original": true}"#)
            ])
            #expect(replaced[0].isRight)
            #expect(await slack.current(message)?.versions.map(\.text) == ["x", "promoted"])
            clock.move(by: 1801)
            let late = try await SlackSDK.run([.respond(to: pressed.responseURL, ephemeral)])
            #expect(late[0].status == 404 && late[0].data?.contains("expired_url") == true)
        }
    }

    private final class Clock: Sendable {
        private let offset = Mutex(TimeInterval(0))
        var now: Date { Date(timeIntervalSinceNow: offset.withLock { $0 }) }
        func move(by seconds: TimeInterval) { offset.withLock { $0 += seconds } }
    }
}
