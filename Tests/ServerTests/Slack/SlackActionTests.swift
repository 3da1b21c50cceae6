import Controller
import Foundation
import HTTPTransport
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Buttons and commands in Slack", .timeLimit(.minutes(10))) struct SlackActionTests {
    @Test("a release is promoted by its button, by the person's name, and the answer says what happens")
    func promote() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            let told = try await world.click("promote", "blog/1", by: .mike)
            #expect(told.contains("|blog/1> (`v2`) is promoted: 2 nodes switch to green."), "\(told)")
            #expect(told.contains("20151018.090000 on blue serves until then"), "\(told)")
            let release = try await world.server.release(1, in: .live)
            #expect(release.promotedBy == "mike")
            let entry = try #require(try await world.audit("promote").first)
            #expect(entry.who == "mike (Slack U024BE7LH)" && entry.origin == "Slack" && entry.outcome == .done)
            #expect(entry.app == "blog" && entry.release == 1)
            let metrics = try await world.server.get("/metrics")
            #expect(metrics.text.contains(#"viridian_slack_requests_total{kind="actions",result="accepted"} 1"#))
            #expect(await world.slack.mistakes.isEmpty)
        }
    }

    @Test("of two people who press at the same time the first counts, and the second is told who was first")
    func race() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            _ = try await world.say("status", by: .ann)  // Who she is is known now.
            let (first, second) = (
                await world.press("abort", "blog/1", by: .ann), await world.press("promote", "blog/1", by: .mike)
            )
            try await world.send(first)
            try await world.send(second)
            let told = try await world.slack.told(.mike) { $0.text.contains("blog/1") }
            #expect(told.text.contains("blog/1 was aborted by ann"), "\(told.text)")
            let aborted = try await world.server.release(1, in: .aborted)
            #expect(aborted.cause == .aborted(by: "ann", reason: nil))

            _ = try await world.paused("v3")
            let clicks = (
                await world.press("promote", "blog/2", by: .mike), await world.press("promote", "blog/2", by: .ann)
            )
            async let one: Void = world.send(clicks.0)
            async let other: Void = world.send(clicks.1)
            _ = try await (one, other)
            let release = try await world.server.release(2, in: .live)
            let winner = try #require(release.promotedBy)
            let loser = winner == "mike" ? FakeSlack.Person.ann : .mike
            let answer = try await world.slack.told(loser) { $0.text.contains("was promoted by") }
            #expect(answer.text.contains("was promoted by \(winner) already"), "\(answer.text)")
            // An Abort button answers the same question: it does not undo what was decided.
            let late = try await world.click("abort", "blog/2", by: .ann)
            #expect(late.contains("was promoted by \(winner) already"), "\(late)")
            #expect(try await world.server.release(2, in: .live).state == .live)
            #expect(
                try await world.server.journal.events(app: "blog", number: 2).count {
                    $0.event == .promoted(by: winner)
                } == 1
            )
            #expect(await world.slack.mistakes.isEmpty)
        }
    }

    @Test("the same button pressed again does nothing, and says what is so")
    func again() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            _ = try await world.click("promote", "blog/1", by: .mike)
            let told = try await world.click("promote", "blog/1", by: .mike)
            #expect(told.contains("was promoted by mike already"), "\(told)")
            #expect(try await world.server.release(1, in: .live).state == .live)
            #expect(try await world.audit("promote").map(\.outcome) == [.refused, .done])
        }
    }

    @Test("a button of an earlier release says what became of that, and what serves now; it does nothing to the newest")
    func old() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused("v2")
            let aborted = try await world.say("abort blog prices are wrong", by: .mike)
            #expect(aborted.contains("is aborted: 20151018.090000 on blue serves, as before."), "\(aborted)")
            let first = try await world.server.release(1, in: .aborted)
            #expect(first.cause == .aborted(by: "mike", reason: "prices are wrong"))
            #expect(try await world.audit("abort").first?.reason == "prices are wrong")
            _ = try await world.server.deploy("v3")
            _ = try await world.server.release(2, in: .live)
            _ = try await world.paused("v4")
            await world.server.services.driftMonitor.check("blog")
            for button in ["promote", "abort"] {
                let told = try await world.click(button, "blog/1", by: .ann)
                #expect(told.contains("blog/1 was aborted by mike"), "\(told)")
                #expect(told.contains("prices are wrong") && told.contains("Live is `v3` on green."), "\(told)")
            }
            let unknown = try await world.click("promote", "blog/99", by: .ann)
            #expect(unknown.contains("blog/99"), "\(unknown)")
            #expect(try await world.server.release(3, in: .paused).state == .paused)
        }
    }

    @Test("where two people have to promote, the first click is one of two")
    func approvals() async throws {
        try await SlackWorld.run(
            configure: {
                $0.verify.approvals = 2
                $0.verify.by = .others
            }
        ) { world in
            _ = try await world.paused()
            let first = try await world.click("promote", "blog/1", by: .mike)
            #expect(first.contains("Approved (1 of 2: mike)") && first.contains("still awaits promotion"), "\(first)")
            #expect(first.contains("on blue serves, as before"), "\(first)")
            let again = try await world.click("promote", "blog/1", by: .mike)
            #expect(again.contains("mike has approved blog/1 already, 1 of 2"), "\(again)")
            #expect(try await world.server.release(1, in: .paused).approvals.map(\.by) == ["mike"])
            let status = try await world.say("status blog", by: .bob)
            #expect(status.contains("1 of 2: mike"), "\(status)")
            let second = try await world.click("promote", "blog/1", by: .ann)
            #expect(second.contains("is promoted"), "\(second)")
            #expect(try await world.server.release(1, in: .live).promotedBy == "ann")
            #expect(try await world.audit("approve").first?.who == "mike (Slack U024BE7LH)")
        }
    }

    @Test("a rollback, a lock and an unlock are the same as anywhere else")
    func commands() async throws {
        try await SlackWorld.run { world in
            for (number, version) in [(1, "v2"), (2, "v3")] {
                _ = try await world.server.deploy(version)
                _ = try await world.server.release(number, in: .live)
            }
            let back = try await world.say("rollback blog", by: .mike)
            #expect(back.contains("|blog/3> brings back `v2`"), "\(back)")
            #expect(try await world.server.release(3, in: .live).order.version == "v2")
            #expect(try await world.audit("rollback").first?.who == "mike (Slack U024BE7LH)")
            let wrong = try await world.say("rollback blog v9", by: .mike)
            #expect(wrong.contains("v9 of blog was never live"), "\(wrong)")

            let locked = try await world.say("lock blog for 2h the <!channel> database `moves`", by: .mike)
            #expect(
                locked.contains("locked until") && locked.contains("by mike: the &lt;!channel&gt; database"),
                "\(locked)")
            #expect(locked.contains("`/deploy unlock blog`"), "\(locked)")
            let lock = try #require(try await world.server.journal.locks(at: world.server.services.clock.now).last)
            #expect(lock.reason == "the <!channel> database `moves`" && lock.by == "mike")
            #expect(await world.slack.told(.mike).allSatisfy { $0.newest.mentions.isEmpty })
            let held = try await world.server.deploy("v4")
            #expect(held.status == 423, "\(held)")
            let status = try await world.say("status blog", by: .mike)
            #expect(status.contains("blog is locked"), "\(status)")
            let unlocked = try await world.say("unlock blog", by: .mike)
            #expect(unlocked.contains("Unlocked: blog was locked by mike"), "\(unlocked)")
            #expect(try await world.server.journal.locks(at: world.server.services.clock.now).isEmpty)
            let none = try await world.say("unlock blog", by: .mike)
            #expect(none.contains("blog has no lock of its own"), "\(none)")
            #expect(await world.slack.mistakes.isEmpty)
        }
    }

    @Test("status names what is live, what runs, what awaits whom and what is drifted, in one line an app")
    func status() async throws {
        let fake = FakeWorld()
        try await SlackWorld.run(world: fake) { world in
            _ = try await world.paused("v2")
            await fake.route(FakeWorld.nodes[0], of: "shop", to: .green)
            for app in ["blog", "shop"] { await world.server.services.driftMonitor.check(app) }
            let all = try await world.say("status", by: .bob)
            let lines = all.split(separator: "\n")
            #expect(lines.count == 2, "\(all)")
            #expect(lines[0].contains("*blog*: `20151018.090000` on blue"), "\(all)")
            #expect(lines[0].contains("|blog/1> (`v2`) awaits promotion until"), "\(all)")
            #expect(lines[0].contains("requested by anna: fix of prices"), "\(all)")
            #expect(lines[1].contains("*shop*") && lines[1].contains("drifted: 1 node"), "\(all)")
            // Mike has no rights to shop.
            let mikes = try await world.say("status", by: .mike)
            #expect(mikes.contains("blog") && !mikes.contains("shop"), "\(mikes)")
            let one = try await world.say("status shop", by: .bob)
            #expect(one.contains(FakeWorld.nodes[0]) && one.contains("viridian repair shop"), "\(one)")
        }
    }

    @Test("what is not understood is answered with help, which names the command and what may have been meant")
    func help() async throws {
        try await SlackWorld.run { world in
            let verb = try await world.say("promot blog", by: .mike)
            #expect(verb.contains("did you mean promote?") && verb.contains("Nothing was done"), "\(verb)")
            #expect(
                verb.contains("`/deploy promote APP`") && verb.contains("`/deploy lock APP [for 2h] REASON`"), "\(verb)"
            )
            let app = try await world.say("promote shpo", by: .ann)
            #expect(app.contains("There is no app “shpo”: did you mean shop?"), "\(app)")
            let markup = try await world.say("<!channel> ``` <https://evil.example|x>", by: .mike)
            #expect(!markup.contains("<!channel>") && !markup.contains("<https://evil"), "\(markup)")
            #expect(await world.slack.told(.mike).allSatisfy { $0.newest.mentions.isEmpty })
        }
    }

    @Test("who may do what: every role with every verb")
    func rights() async throws {
        try await SlackWorld.run { world in
            let verbs = ["promote blog", "abort blog", "rollback blog", "lock blog x", "unlock blog"]
            for verb in verbs {
                let viewer = try await world.say(verb, by: .bob)
                #expect(viewer.contains("bob has the role viewer here, and this takes deployer"), "\(verb): \(viewer)")
                let scoped = try await world.say(verb.replacing("blog", with: "shop"), by: .mike)
                #expect(scoped.contains("mike has rights to blog, not to shop"), "\(verb): \(scoped)")
                // An app that is not there is not told apart.
                let absent = try await world.say(verb.replacing("blog", with: "none"), by: .mike)
                #expect(absent.contains("mike has rights to blog, not to none"), "\(verb): \(absent)")
                let stranger = try await world.say(verb, by: .eve)
                #expect(stranger.contains("not known here"), "\(verb): \(stranger)")
                let outsider = try await world.say(verb, by: .outsider)
                #expect(outsider.contains("another Slack workspace") && !outsider.contains("connect?"), "\(outsider)")
            }
            let status = try await world.say("status shop", by: .mike)
            #expect(status.contains("mike has rights to blog, not to shop"), "\(status)")
            #expect(try await world.server.journal.numbers(app: "blog", limit: 9).isEmpty)
            #expect(try await world.server.journal.locks(at: world.server.services.clock.now).isEmpty)
            let refused = try await world.server.journal.audit(limit: 200).filter { $0.outcome == .refused }
            // Reads are not in the audit log.
            #expect(refused.count == 5 * verbs.count, "\(refused.map(\.who))")
            #expect(Set(refused.map(\.action)) == ["promote", "abort", "rollback", "lock", "unlock"])
            #expect(
                Set(refused.map(\.who)) == [
                    "bob (Slack U0BOB4567)", "mike (Slack U024BE7LH)", "Slack U0EVE4567", "Slack U0OUT4567",
                ])
            #expect(
                refused.allSatisfy { $0.origin == "Slack" && ($0.app == nil || $0.app == "blog" || $0.app == "shop") })

            // A deployer and an administrator may, on their apps.
            _ = try await world.paused()
            #expect(try await world.say("promote blog", by: .mike).contains("is promoted"))
            _ = try await world.server.release(1, in: .live)
            let admin = try await world.say("lock shop moving", by: .ann)
            #expect(admin.contains("shop is locked by ann: moving"), "\(admin)")
        }
    }

    @Test("a button by a person of another workspace does nothing: a channel that two workspaces share gives no rights")
    func sharedChannel() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            let told = try await world.click("promote", "blog/1", by: .outsider)
            #expect(told.contains("another Slack workspace") && !told.contains("connect?"), "\(told)")
            #expect(try await world.server.release(1, in: .paused).state == .paused)
        }
    }
}
