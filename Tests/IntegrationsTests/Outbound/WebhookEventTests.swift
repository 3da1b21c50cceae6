import Foundation
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Integrations

@Suite("What receivers of webhooks are told of a release")
struct WebhookEventTests {
    private func events(_ story: ReleaseStory) throws -> [WebhookEvent] {
        WebhookEvent.all(try #require(Milestones(story.events)))
    }

    private func names(_ story: ReleaseStory) throws -> [String] { try events(story).map(\.name) }

    @Test("a release that is promoted and replaced: each step, and a reminder at three quarters of the time to promote")
    func whole() throws {
        var story = ReleaseStory(verify: true) { order in
            order.rules.approvals = 2
            order.rules.verifyTimeout = .seconds(4000)
        }
        story.reachSwitch()
        #expect(try names(story) == ["requested", "started", "paused", "deadlineNear"])
        story.add(.approved(by: "ben"), .promoted(by: "cleo"))
        story.goLive()
        story.add(.replaced(by: 43, rolledBack: false))
        let all = try events(story)
        #expect(
            all.map(\.name) == [
                "requested", "started", "paused", "approved-1", "promoted", "live", "superseded", "deadlineNear",
            ])
        let paused = try #require(all.first { $0.trigger == .paused })
        let near = try #require(all.last)
        #expect(near.at - paused.at == .seconds(3000))
        // It has what was approved until then, and is the same whenever it is made.
        #expect(near.release.approvals.map(\.by) == ["ben"] && near.release.state == .paused)
        #expect(
            paused.sentence
                == "blog/42 (v1 → v2): ready, awaiting promotion until 2015-10-25 15:40 UTC, then it is aborted")
        #expect(near.sentence.hasPrefix("blog/42 (v1 → v2): still awaiting promotion, until "))
        #expect(all.first?.sentence == "blog/42 (v2): requested by anna")
        #expect(Set(all.map(\.name)).count == all.count)
    }

    @Test("an approval after the reminder's time does not change the reminder")
    func reminder() throws {
        var story = ReleaseStory(verify: true) { order in
            order.rules.approvals = 2
            order.rules.verifyTimeout = .seconds(4)
        }
        story.reachSwitch()
        let before = try #require(try events(story).last)
        for _ in 0..<4 { story.add(.said(LogMessage("a line"))) }
        story.add(.approved(by: "ben"))
        #expect(try events(story).last == before)
    }

    @Test("a release that fails before traffic moved failed; one whose traffic went back was rolled back")
    func endings() throws {
        var failing = ReleaseStory()
        failing.add(
            .discovered(
                Survey(
                    live: LiveVersion(color: .blue, version: "v1"), candidate: .green, replicas: 2,
                    nodes: ReleaseStory.nodes)),
            .refused(.createCandidate, message: "the API says no", details: []), .readBack([]), .candidateRemoved)
        let failed = try #require(try events(failing).last)
        #expect(failed.trigger == .failed)
        #expect(failed.sentence.hasPrefix("blog/42 (v1 → v2): failed in phase creating: the API says no"))
        #expect(failed.sentence.hasSuffix("; v1 serves"))

        var aborted = ReleaseStory()
        aborted.reachSwitch()
        aborted.add(.candidateConfirmed, .nodeSwitched(node: ReleaseStory.nodes[0]))
        aborted.add(.abortRequested(by: "ben", reason: "errors"))
        for node in ReleaseStory.nodes { aborted.add(.nodeReverted(node: node)) }
        var last = try #require(try events(aborted).last)
        if last.trigger != .rolledBack {
            aborted.add(
                .drained(DrainEvidence()),
                .readBack(ReleaseStory.nodes.map { NodeReading(node: $0, color: .blue) }), .candidateRemoved)
            last = try #require(try events(aborted).last)
        }
        #expect(last.trigger == .rolledBack)
        #expect(last.sentence == "blog/42 (v1 → v2): aborted by ben: errors; traffic went back")
        // Who wants to know of aborted releases wants to know of this one.
        #expect(last.isAmong([.aborted]) && last.isAmong([.rolledBack]) && !last.isAmong([.failed, .live]))
    }

    @Test("a later release that brought an older version back rolled it back")
    func rolledBackLater() throws {
        var story = ReleaseStory()
        story.reachSwitch()
        story.goLive()
        story.add(.replaced(by: 43, rolledBack: true))
        let last = try #require(try events(story).last)
        #expect(last.trigger == .rolledBack && last.sentence == "blog/42 (v1 → v2): rolled back by blog/43")
        #expect(!last.isAmong([.aborted, .failed, .superseded]))
    }

    @Test("text of people, images and pods is text in Slack, Mattermost, Rocket.Chat and Discord: it mentions nobody")
    func slackWebhook() throws {
        var story = ReleaseStory(verify: true) { order in
            order.version = "<!channel>`v2`"
            order.requestedBy = "anna & <@U123>"
            order.reason = "@here *look*\n[this](https://evil.example) @everyone \u{202E}"
            order.rules.approvals = 2
        }
        story.reachSwitch()
        story.add(.approved(by: "<!subteam^S1>"))
        let event = try #require(try events(story).first { $0.trigger == .approved })
        let message = SlackWebhookMessage(event, server: "https://deploy.domain.com")
        let text = String(decoding: try JSONEncoder().encode(message), as: UTF8.self).replacing("\\/", with: "/")
        for bad in ["<!channel>", "<@U123>", "<!subteam", "`", "@here", "@everyone", "](", "\u{202E}", "*look*"] {
            #expect(!text.contains(bad), "\(bad): \(text)")
        }
        #expect(text.contains("&lt;!channel&gt;ˋv2ˋ") && text.contains("anna &amp; &lt;@U123&gt;"))
        let fields = Dictionary(uniqueKeysWithValues: message.attachments[0].fields.map { ($0.title, $0.value) })
        #expect(fields["Approvals"] == "1 of 2: &lt;!subteam^S1&gt;")
        #expect(fields["Colour"] == "green" && fields["Preview"] == "http://preview.blog.domain.com/")
        #expect(
            fields["Changes"]
                == "https://github.com/mike/blog/compare/\(ReleaseStory.liveCommit)...\(ReleaseStory.commit)")
        #expect(message.attachments[0].titleLink == "https://deploy.domain.com/apps/blog/releases/42")
        #expect(message.attachments[0].title == "blog/42" && message.text.hasPrefix("blog/42 ("))
    }
}
