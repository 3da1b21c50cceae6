import Foundation
import TestSupport
import Testing

/// The stand-in for Slack takes the blocks that Slack's own library can write, and refuses what Slack refuses.
@Suite(
    "Blocks in the stand-in for Slack", .enabled(Comment(rawValue: SlackSDK.reason)) { await SlackSDK.isThere },
    .timeLimit(.minutes(10)))
struct FakeSlackBlocksTests {
    private let token = FakeSlack.App().token

    private static let confirm =
        #"{"title": {"type": "plain_text", "text": "Promote?"}, "text": {"type": "mrkdwn", "text": "*v2* on 20 nodes"}, "confirm": {"type": "plain_text", "text": "Promote"}, "deny": {"type": "plain_text", "text": "Cancel"}, "style": "danger"}"#

    private static func button(_ id: String, _ more: String = "") -> String {
        #"{"type": "button", "action_id": "\#(id)", "text": {"type": "plain_text", "text": "\#(id)"}\#(more)}"#
    }

    private static func actions(_ buttons: String...) -> String {
        #"{"type": "actions", "elements": [\#(buttons.joined(separator: ", "))]}"#
    }

    private static func section(_ text: String) -> String {
        #"{"type": "section", "text": {"type": "mrkdwn", "text": "\#(text)"}}"#
    }

    private static func rich(_ text: String) -> String {
        #"{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "\#(text)"}]}]}"#
    }

    private static func task(_ id: String, _ status: String, _ more: String = "") -> String {
        #"{"type": "task_card", "task_id": "\#(id)", "title": "\#(id)", "status": "\#(status)"\#(more)}"#
    }

    private static func plan(_ tasks: String...) -> String {
        #"{"type": "plan", "title": "blog 42", "tasks": [\#(tasks.joined(separator: ", "))]}"#
    }

    private static func long(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test("blocks of every kind are taken by both")
    func valid() async throws {
        let blocks = [
            #"{"type": "header", "text": {"type": "plain_text", "text": "blog 42"}}"#,
            Self.section("a &lt;!channel&gt; of <https://domain.com|blog> &amp; *more*"),
            #"{"type": "section", "fields": [{"type": "mrkdwn", "text": "v1 → v2"}]}"#,
            #"{"type": "context", "elements": [{"type": "plain_text", "text": "asked by mike"}]}"#,
            #"{"type": "divider"}"#,
            Self.plan(
                Self.task("creating", "complete", #", "output": \#(Self.rich("20/20 pods"))"#),
                Self.task("switching", "in_progress")),
            Self.actions(
                Self.button("promote", #", "style": "primary", "value": "blog/42", "confirm": \#(Self.confirm)"#),
                Self.button("abort", #", "style": "danger""#)),
        ]
        let array = "[\(blocks.joined(separator: ", "))]"
        try await FakeSlack.with { slack, url in
            let answers = try await SlackSDK.run(
                [
                    .blocks(array),
                    .call("chat_postMessage", #"{"channel": "deploys", "text": "x", "blocks": \#(array)}"#),
                ], url: url, token: token)
            #expect(answers[0].isRight && answers[1].isRight, "\(answers)")
            let message = try #require(await slack.messages(in: "deploys").first)
            let lines = [
                "blog 42", "a <!channel> of blog & *more*", "v1 → v2", "asked by mike", "blog 42",
                "creating (complete)",
                "20/20 pods", "switching (in_progress)",
            ]
            #expect(message.shown == lines.joined(separator: "\n"))
            #expect(message.mentions.isEmpty)
            #expect(message.buttons.map(\.action) == ["promote", "abort"])
            #expect(message.buttons.first?.confirmation?.text == "*v2* on 20 nodes")
            // What the library writes is taken as well.
            let written = try #require(answers[0].data)
            let again = try await SlackSDK.run(
                [.call("chat_postMessage", #"{"channel": "deploys", "text": "x", "blocks": \#(written)}"#)], url: url,
                token: token)
            #expect(again[0].isRight, "\(again)")
            #expect(await slack.messages(in: "deploys").last?.shown == message.shown)
        }
    }

    /// Blocks, and a part of Slack's words; `true`: the library refuses them as well.
    private static let invalid: [(blocks: String, words: String, isKnown: Bool)] = [
        (Array(repeating: #"{"type": "divider"}"#, count: 51).joined(separator: ", "), "no more than 50 items", false),
        (section(long(3001)), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]", true),
        (section(""), "must be more than 0 characters", false),
        (#"{"type": "section"}"#, "missing required field: text", true),
        (#"{"type": "header", "text": {"type": "plain_text", "text": "\#(long(151))"}}"#, "less than 151", true),
        (#"{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}"#, "unsupported type: mrkdwn", false),
        (#"{"type": "banner", "text": "x"}"#, "unsupported type: banner", true),
        (#"{"type": "alert", "text": {"type": "plain_text", "text": "x"}}"#, "unsupported type: alert", false),
        (
            #"{"type": "section", "block_id": "a", "text": {"type": "mrkdwn", "text": "x"}}, {"type": "divider", "block_id": "a"}"#,
            "block_id `a` already exists", false
        ),
        (#"{"type": "divider", "block_id": "\#(long(256))"}"#, "between 1 and 255", true),
        (#"{"type": "divider", "colour": "green"}"#, "additional property: colour", true),
        (
            #"{"type": "context", "elements": [\#(Array(repeating: #"{"type": "plain_text", "text": "x"}"#, count: 11).joined(separator: ", "))]}"#,
            "no more than 10 items", true
        ),
        (
            #"{"type": "actions", "elements": [\#((1...26).map { button("b\($0)") }.joined(separator: ", "))]}"#,
            "no more than 25 items", true
        ),
        (actions(button("a"), button("a")), "action_id `a` already exists", false),
        (actions(button(long(76))), "less than 76", true),
        (actions(button("a", #", "value": "\#(long(2001))""#)), "less than 2001", true),
        (actions(button("a", #", "style": "green""#)), "one of `primary`, `danger`", true),
        (actions(button("a", #", "url": "ftp:x""#)), "invalid url", false),
        (
            actions(button("a", #", "confirm": \#(confirm.replacing("Promote?", with: long(101)))"#)), "less than 101",
            true
        ),
        (
            actions(button("a", #", "confirm": \#(confirm.replacing("*v2* on 20 nodes", with: long(301)))"#)),
            "less than 301", true
        ),
        (
            actions(button("a", #", "confirm": \#(confirm.replacing("Cancel", with: long(31)))"#)), "less than 31", true
        ),
        (
            actions(button("a", #", "confirm": {"title": {"type": "plain_text", "text": "x"}}"#)),
            "missing required field: deny", true
        ),
        (plan(task("a", "completed")), "one of `pending`, `in_progress`, `complete`, `error`", false),
        (task("a", "completed"), "one of `pending`, `in_progress`, `complete`, `error`", true),
        (plan(task("a", "complete"), task("a", "pending")), "task_id `a` already exists", false),
        (plan(task("a", "complete", #", "output": "done""#)), "must be a rich_text", false),
        (plan(task("a", "complete")) + ", " + task("b", "complete"), "plan and task_card", false),
    ]

    @Test("blocks that Slack refuses are refused, with the place; those that its library knows of, by it as well")
    func invalid() async throws {
        try await FakeSlack.with { slack, url in
            var steps: [SlackSDK.Step] = []
            for (blocks, _, _) in Self.invalid {
                steps.append(.call("chat_postMessage", #"{"channel": "deploys", "text": "x", "blocks": [\#(blocks)]}"#))
                steps.append(.blocks("[\(blocks)]"))
            }
            let answers = try await SlackSDK.run(steps, url: url, token: token)
            for (index, invalid) in Self.invalid.enumerated() {
                let sent = answers[2 * index]
                let words = sent.data ?? ""
                #expect(sent.error == "invalid_blocks" && words.contains(invalid.words), "\(invalid) \(words)")
                #expect(answers[2 * index + 1].isRight == !invalid.isKnown, "\(invalid) \(answers[2 * index + 1])")
            }
            #expect(await slack.messages.isEmpty)
        }
    }

    @Test("a Slack of before does not know plans; blocks that are too long altogether are refused")
    func limits() async throws {
        try await FakeSlack.with { slack, url in
            await slack.setKnowsPlans(false)
            let plan = #"{"channel": "deploys", "text": "x", "blocks": [\#(Self.plan(Self.task("a", "pending")))]}"#
            let much = Array(repeating: Self.section(Self.long(2900)), count: 5).joined(separator: ", ")
            let answers = try await SlackSDK.run(
                [
                    .call("chat_postMessage", plan),
                    .call("chat_postMessage", #"{"channel": "deploys", "text": "x", "blocks": [\#(much)]}"#),
                ], url: url, token: token)
            #expect(answers[0].error == "invalid_blocks" && answers[0].data?.contains("unsupported type: plan") == true)
            #expect(answers[1].error == "msg_blocks_too_long")
        }
    }

    @Test("edits name their blocks anew, and messages have text for notifications: what forgets it is noted")
    func advice() async throws {
        try await FakeSlack.with { slack, url in
            func block(_ text: String) -> String {
                #""blocks": [{"type": "header", "block_id": "a", "text": {"type": "plain_text", "text": "\#(text)"}}]"#
            }
            let posted = try await SlackSDK.run(
                [.call("chat_postMessage", #"{"channel": "deploys", \#(block("x"))}"#)], url: url, token: token)
            let timestamp = try #require(posted[0]["ts"])
            let edited = try await SlackSDK.run(
                [
                    .call(
                        "chat_update", #"{"channel": "C024BE91L", "ts": "\#(timestamp)", "text": "x", \#(block("y"))}"#)
                ],
                url: url, token: token)
            #expect(edited[0].isRight)
            #expect(await slack.mistakes.count == 2)
        }
    }
}
