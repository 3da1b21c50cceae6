import Controller
import Foundation
import Integrations
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("A release's message in Slack")
struct SlackReleaseMessageTests {
    static let site = SlackSite(
        server: "https://deploy.domain.com", takesRequests: true, people: ["mike": FakeSlack.Person.mike.id])

    static func message(_ name: String, _ site: SlackSite = site) -> SlackReleaseMessage {
        let successor = ToldRelease(version: "v19").order
        return SlackReleaseMessage(
            ToldRelease.named(name).release,
            replacedBy: ["replaced", "rolled back later"].contains(name) ? successor : nil,
            site)
    }

    /// What people read, a line a block.
    static func shown(_ message: SlackReleaseMessage, _ style: SlackMessageStyle = .plan) async throws
        -> FakeSlack.Message
    {
        try await posted([try message.content(style)])[0]
    }

    /// Contents as a strict Slack took them.
    static func posted(_ contents: [SlackContent]) async throws -> [FakeSlack.Message] {
        try await FakeSlack.with { slack, api in
            let clock = PassingClock()
            let client = try SlackClient(
                SlackConfiguration(
                    token: Secret(slack.app.token), channel: "#deploys", api: try #require(URL(string: api))),
                now: { .milliseconds(clock.now.milliseconds) }, sleep: { try await clock.sleep(for: $0) })
            for content in contents { _ = try await client.post(content, to: "#deploys") }
            await client.shutdown()
            let mistakes = await slack.mistakes
            #expect(mistakes.isEmpty)
            return await slack.messages(in: "deploys")
        }
    }

    @Test("in each state and style is one that Slack takes, and that has a sentence for notifications")
    func states() async throws {
        for style in SlackMessageStyle.allCases {
            let contents = try ToldRelease.all.map { try Self.message($0.name).content(style) }
            #expect(contents.allSatisfy { !$0.text.isEmpty && $0.text.utf16.count <= 3000 })
            let messages = try await Self.posted(contents)
            #expect(messages.count == ToldRelease.all.count)
            #expect(messages.allSatisfy { $0.mentions.isEmpty })
            #expect(messages.allSatisfy { $0.text.contains("blog/42") })
        }
    }

    @Test("names app, versions, colour, what changes, who requested it and why, and how far it is")
    func running() async throws {
        let message = try await Self.shown(Self.message("staging"))
        #expect(
            message.shown == """
                ▶️ blog/42 · v17 → v18 · green · staging, 18/20 nodes
                Requested by mike: fix login · what changes
                blog/42: staging, 18/20 nodes
                discovering (1.0s) (complete)
                creating (1.0s) (complete)
                starting: 3/3 pods ready (2.0s) (complete)
                staging: 18/20 nodes (in_progress)
                switching (pending)
                draining (pending)
                retiring (pending)
                """)
        #expect(message.newest.kinds == ["rich_text", "plan"])
        #expect(message.text == "blog/42 `v17` → `v18`: staging, 18/20 nodes")
        let blocks = try #require(message.newest.blocks)
        #expect(blocks.contains("https://deploy.domain.com/apps/blog/releases/42"))
        #expect(
            blocks.contains("https://github.com/acme/blog/compare/0718293a4b5c6d7e8f9012345678a1b2c3d4e5f6...a1b2c3d"))
    }

    @Test("tells the present problem: a pod that does not start, a node that does not answer")
    func problems() async throws {
        let starting = try await Self.shown(Self.message("starting"))
        #expect(starting.shown.contains("starting: 2/3 pods ready (in_progress)"))
        #expect(starting.shown.hasSuffix("blog-green-2: the image cannot be pulled"))
        let troubled = try await Self.shown(Self.message("troubled"))
        #expect(troubled.shown.contains("switching: 18/20 nodes (in_progress)"))
        #expect(troubled.shown.hasSuffix("Retrying: no answer within 30 s"))
    }

    @Test("says which hook started it, and that it is a rollback or the first release")
    func origins() async throws {
        let hook = try await Self.shown(Self.message("started by a hook"))
        #expect(hook.shown.contains("Started by a hook: mike (gitlab) · what changes"))
        let rollback = try await Self.shown(Self.message("rollback"))
        #expect(rollback.shown.hasPrefix("▶️ blog/42 · rollback v17 → v16 · green"))
        let first = try await Self.shown(Self.message("first"))
        #expect(first.shown.hasPrefix("▶️ blog/42 · v18 · blue"))
    }

    @Test("of a paused release asks: preview, deadline, and buttons that say what they do")
    func paused() async throws {
        let message = try await Self.shown(Self.message("paused"))
        #expect(message.shown.contains("v18 runs on green with 3 pods."))
        #expect(message.shown.contains("Try it: https://preview.blog.domain.com"))
        #expect(message.shown.contains("Unless promoted by 2015-10-25 15:34 UTC, it aborts."))
        #expect(message.shown.contains("verifying: awaiting promotion (in_progress)"))
        #expect(message.newest.kinds == ["rich_text", "plan", "rich_text", "actions"])
        let promote = try #require(message.button("promote"))
        #expect(promote.value == "blog/42")
        #expect(promote.style == "primary")
        #expect(promote.confirmation?.title == "Promote v18?")
        #expect(promote.confirmation?.text == "blog/42: 20 nodes switch to v18 on green, from v17 on blue.")
        let abort = try #require(message.button("abort"))
        #expect(abort.value == "blog/42")
        #expect(abort.style == "danger")
        #expect(abort.confirmation?.text == "blog/42 ends, and its pods are deleted. v17 on blue serves, as before.")
        #expect(message.text.contains("try it at <https://preview.blog.domain.com|https://preview.blog.domain.com>"))
        #expect(message.text.contains("<!date^1445787267^{date_short_pretty} at {time}|2015-10-25 15:34 UTC>"))
    }

    @Test("counts approvals, and says who is needed")
    func approvals() async throws {
        let message = try await Self.shown(Self.message("approved"))
        #expect(message.shown.contains("awaiting promotion, 1 of 2: ann"))
        #expect(message.shown.contains("Approvals: 1 of 2: ann"))
        #expect(message.shown.contains("Another person than mike and ann has to promote it."))
        #expect(message.button("promote")?.confirmation?.title == "Promote v18?")
        var first = ToldRelease(verify: true) { $0.rules.approvals = 2 }
        first.reach(.verifying)
        let approve = try await Self.shown(SlackReleaseMessage(first.release, Self.site)).button("promote")
        #expect(approve?.text == "Approve")
        #expect(
            approve?.confirmation?.text
                == "blog/42: yours is approval 1 of 2. No node switches before the last one.")
        #expect(message.buttons.map(\.action) == ["promote", "abort"])
        let decided = try await Self.shown(Self.message("approved twice"))
        #expect(decided.shown.contains("Promoted by bob, 2015-10-25 14:34 UTC. Approved by ann, bob"))
        #expect(decided.buttons.isEmpty)
        let forced = try await Self.shown(Self.message("forced"))
        #expect(forced.shown.contains("without the approvals that it needed: nobody is there"))
    }

    @Test("has no buttons on a server that takes no requests from Slack, but the commands")
    func withoutButtons() async throws {
        let message = try await Self.shown(Self.message("paused", SlackSite()))
        #expect(message.buttons.isEmpty)
        #expect(message.shown.contains("To promote: viridian promote blog. To abort: viridian abort blog."))
    }

    @Test("has no buttons after the decision, and says who took it and when")
    func decided() async throws {
        for name in ["switching", "aborted", "not promoted", "given up", "rolled back", "replaced"] {
            let message = try await Self.shown(Self.message(name))
            #expect(message.buttons.isEmpty, "\(name)")
        }
        let switching = try await Self.shown(Self.message("switching"))
        #expect(switching.shown.contains("Promoted by ann, 2015-10-25 14:34 UTC"))
        #expect(switching.shown.contains("verifying: promoted by ann (1.0s) (complete)"))
        let aborted = try await Self.shown(Self.message("aborted"))
        #expect(aborted.shown.contains("Aborted by ann: wrong branch, 2015-10-25 14:34 UTC"))
        #expect(aborted.shown.contains("v17 on blue serves, as before."))
    }

    @Test("of a failed release has the cause, the last lines of the log, and what serves")
    func failed() async throws {
        let message = try await Self.shown(Self.message("failed"))
        #expect(message.shown.contains("Failed in phase starting: pod blog-green-2 crashes"))
        #expect(message.shown.hasSuffix(ToldRelease.log.joined(separator: "\n")))
        #expect(message.shown.contains(", 2015-10-25 14:34 UTC"))
        #expect(message.shown.contains("starting: 2/3 pods ready (4.0s) (error)"))
        #expect(message.shown.contains("v17 on blue serves, as before."))
        #expect(
            message.text
                == "blog/42 (`v18`) failed. Failed in phase starting: pod blog-green-2 crashes. v17 on blue serves, as before"
        )
    }

    @Test("of a release that a later one replaced says by which, and what is live")
    func replaced() async throws {
        let back = try await Self.shown(Self.message("rolled back later"))
        #expect(back.shown.hasPrefix("↩️ blog/42 · v17 → v18 · green · rolled back"))
        #expect(back.shown.hasSuffix("Rolled back by blog/43: v19 is live"))
        let replaced = try await Self.shown(Self.message("replaced"))
        #expect(replaced.shown.hasSuffix("Replaced by blog/43: v19 is live"))
    }

    @Test("names nodes that need repair, and the command that repairs them")
    func repair() async throws {
        let message = try await Self.shown(Self.message("live, with nodes that need repair"))
        #expect(message.shown.contains("10.122.41.10: routes to blue"))
        #expect(message.shown.contains("… and 16 more"))
        #expect(message.shown.contains("viridian repair blog"))
        #expect(message.text.contains("but 20 nodes not repaired yet"))
    }

    @Test("made of sections says the same")
    func sections() async throws {
        for (name, _) in ToldRelease.all {
            let message = try await Self.shown(Self.message(name), .sections)
            let rich = try await Self.shown(Self.message(name))
            #expect(message.buttons.map(\.value) == rich.buttons.map(\.value))
            #expect(!message.newest.kinds.contains("plan") && !message.newest.kinds.contains("rich_text"))
            let head = rich.shown.split(separator: "\n").prefix(2).joined(separator: "\n")
            #expect(message.shown.replacing("*", with: "").replacing("`", with: "").hasPrefix(head), "\(name)")
        }
    }

    @Test("has new ids of blocks after each event")
    func ids() throws {
        var told = ToldRelease()
        var seen: Set<String> = []
        for _ in 0..<5 {
            let blocks = try SlackReleaseMessage(told.release, Self.site).content(.plan).blocksJSON()
            let json = try #require(blocks)
            let ids = json.matches(of: /"block_id":"([^"]+)"/).map { String($0.1) }
            #expect(ids.count == 2 && seen.isDisjoint(with: ids))
            seen.formUnion(ids)
            told.apply(.said(LogMessage("a line")))
        }
    }
}

/// A clock on which waiting takes no time.
final class PassingClock: ReleaseClock {
    private let time: SettableClock

    init(_ time: SettableClock = SettableClock()) { self.time = time }

    var now: Timestamp { time.now }
    var date: Date { Date(timeIntervalSince1970: Double(now.milliseconds) / 1000) }
    func advance(by length: Duration) { time.advance(by: length) }
    func sleep(for length: Duration) async throws {
        try Task.checkCancellation()
        time.advance(by: length)
    }
}
