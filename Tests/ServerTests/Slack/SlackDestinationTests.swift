import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing

@testable import Server

@Suite("Releases are told in Slack", .timeLimit(.minutes(10)))
struct SlackDestinationTests {
    private let paused = ToldRelease(nodes: 2, verify: true).reaching(.verifying)

    private func text(_ line: FakeSlack.Message) -> String { String(line.shown.dropFirst("14:34:03 UTC ".count)) }

    @Test("in one message that is edited, with a line a phase; everybody is told of the pause")
    func course() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.tell(paused.reaching(.done), &process)
            try await bench.pass(.seconds(30), &process)
            let messages = await bench.messages()
            #expect(messages.count == 1)
            #expect(messages[0].shown.hasPrefix("✅ blog/42 · v17 → v18 · green · live"))
            #expect(messages[0].versions.contains { !$0.buttons.isEmpty } && messages[0].buttons.isEmpty)
            let lines = try await bench.thread()
            #expect(
                lines.map { text($0) } == [
                    "Creating green. v17 on blue serves, as before", "Starting 3 pods on green",
                    "All pods are ready; staging 2 nodes",
                    "blog/42: v18 on green is awaiting promotion; try it at https://preview.blog.domain.com; "
                        + "unless promoted, it aborts on 2015-10-25 15:34 UTC",
                    "Promoted by ann; switching to green", "All nodes route to green; draining connections to blue",
                    "Drained; retiring blue", "v18 is live on green, after 28.0s",
                ])
            #expect(lines.map(\.isBroadcast) == [false, false, false, true, false, false, false, false])
            #expect(await bench.slack.mistakes == [])
            await bench.end(process)
        }
    }

    @Test("with a line a phase and in order, also when the release was quick")
    func quick() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.add(paused, process)
            try await process.project()
            try await bench.pass(.seconds(10), &process, step: .seconds(1))
            let lines = try await bench.thread().map { text($0) }
            #expect(
                lines == [
                    "Creating green. v17 on blue serves, as before", "Starting 3 pods on green",
                    "All pods are ready; staging 2 nodes",
                ])
            // The message, which is new, asks.
            #expect(await bench.slack.messages(in: "deploys").map(\.buttons.count) == [2])
            await bench.end(process)
        }
    }

    @Test("in the same message after a restart, which does not edit what it shows already more than once")
    func restart() async throws {
        try await SlackOutboxBench.run { bench in
            var first = try await bench.begin()
            try await bench.tell(paused, &first)
            try await bench.pass(.seconds(5), &first, step: .seconds(1))
            await bench.end(first)
            let before = try #require(await bench.messages().first)
            #expect(before.buttons.map(\.action) == ["promote", "abort"])

            var second = try await bench.begin()
            try await second.project()
            try await second.send()
            #expect(await bench.messages().first?.versions.count == before.versions.count)
            try await bench.tell(paused.reaching(.done), &second)
            try await bench.pass(.seconds(30), &second)
            let messages = await bench.messages()
            #expect(messages.map(\.timestamp) == [before.timestamp])
            #expect(messages[0].shown.hasPrefix("✅ blog/42"))
            await bench.end(second)
        }
    }

    @Test("without an edit when nothing changed that is shown")
    func unchanged() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            var told = ToldRelease().reaching(.starting)
            try await bench.tell(told, &process)
            try await bench.pass(.seconds(30), &process)
            let calls = await bench.slack.calls.count
            for index in 0..<20 { told.apply(.said(LogMessage("line \(index)"))) }
            try await bench.tell(told, &process)
            #expect(await bench.slack.calls.count == calls)
            await bench.end(process)
        }
    }

    @Test("after Slack was down from before the release to after its end: as it ended, without old news")
    func outage() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            await bench.slack.happen(.unreachable)
            try await bench.tell(paused.reaching(.done), &process, every: .seconds(30))
            await bench.slack.calm()
            try await bench.pass(.seconds(1500), &process)
            let messages = await bench.messages()
            #expect(messages.count == 1)
            #expect(messages.first?.shown.hasPrefix("✅ blog/42 · v17 → v18 · green · live") == true)
            #expect(messages.first?.versions.count == 1)
            let lines = try await bench.thread()
            #expect(lines.count == 1)
            #expect(lines.first.map { text($0).hasPrefix("v18 is live on green") } == true)
            #expect(!lines.contains { $0.isBroadcast })
            await bench.end(process)
        }
    }

    @Test("not at all when Slack comes back more than an hour after its end")
    func late() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            await bench.slack.happen(.unreachable)
            try await bench.tell(paused.reaching(.done), &process)
            try await bench.pass(.seconds(3700), &process)
            await bench.slack.calm()
            try await bench.pass(.seconds(1500), &process)
            #expect(await bench.slack.messages.isEmpty)
            let states = try await process.states()
            #expect(states.allSatisfy { $0.hasSuffix(": obsolete") }, "\(states)")
            await bench.end(process)
        }
    }

    @Test(
        "whatever Slack answers meanwhile",
        arguments: [
            FakeSlack.Fault.tooMany(3), .html(500), .html(200), .refuses("ratelimited"), .refuses("invalid_auth"),
            .refuses("channel_not_found"), .refuses("is_archived"), .refuses("missing_scope"), .answerLost,
        ])
    func faults(_ fault: FakeSlack.Fault) async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.tell(paused.reaching(.starting), &process)
            await bench.slack.happen(fault)
            try await bench.tell(paused, &process)
            await bench.slack.calm()
            try await bench.pass(.seconds(120), &process)
            let message = try #require(await bench.messages().first)
            #expect(message.buttons.map(\.action) == ["promote", "abort"])
            try await bench.tell(paused.reaching(.done), &process)
            try await bench.pass(.seconds(120), &process)
            #expect(await bench.messages().map(\.timestamp) == [message.timestamp])
            #expect(await bench.messages().first?.shown.hasPrefix("✅ blog/42") == true)
            let lines = try await bench.thread().map(\.text)
            #expect(Set(lines).count == lines.count)
            await bench.end(process)
        }
    }

    @Test("once and as it ended, when Slack took the first message and its answer was lost or late")
    func lostAnswer() async throws {
        for fault in [FakeSlack.Fault.answerLost, .slow(.seconds(30))] {
            try await SlackOutboxBench.run { bench in
                await bench.slack.happen(fault, times: 1)
                // Only the call whose answer does not come has a short time limit.
                var first = try await bench.begin(deadline: .milliseconds(300))
                try await bench.tell(ToldRelease(nodes: 2), &first)
                // On a busy machine that time may be over before Slack has heard of it.
                while await bench.messages().isEmpty { try await bench.pass(.seconds(30), &first) }
                await bench.end(first)
                await bench.slack.calm()
                #expect(await bench.messages().first?.shown.contains("discovering (in_progress)") == true)
                var second = try await bench.begin()
                let failed = ToldRelease(nodes: 2).reaching(.starting)
                    .applying(.refused(.awaitPods, message: "no pod starts", details: []))
                var ended = failed
                ended.goBack()
                try await bench.add(ended, second)
                try await second.project()
                try await bench.pass(.seconds(60), &second)
                let messages = await bench.messages()
                #expect(messages.count == 1)
                #expect(messages.first?.shown.hasPrefix("❌ blog/42") == true, "\(messages)")
                await bench.end(second)
            }
        }
    }

    @Test(
        "in one message that is right, when a line of its thread is sent before it, and when it is deleted after that")
    func lineFirst() async throws {
        try await SlackOutboxBench.run { bench in
            await bench.slack.happen(.answerLost, times: 1)
            var process = try await bench.begin()
            try await bench.tell(ToldRelease(nodes: 2), &process)
            // The message waits for its next attempt; the lines, which are new, do not.
            try await bench.add(ToldRelease(nodes: 2).reaching(.starting), process)
            try await process.project()
            var lines = try await process.journal.notifications(limit: 50).filter { $0.message != "message" }
            #expect(lines.count == 2)
            try await bench.pass(.seconds(60), &process, step: .seconds(1))
            let first = try #require(await bench.messages().first)
            #expect(first.shown.contains("starting (in_progress)"))
            lines = try await process.journal.notifications(limit: 50).filter { $0.message != "message" }
            #expect(lines.allSatisfy { $0.externalID == nil })

            await bench.slack.delete(first)
            try await bench.tell(ToldRelease(nodes: 2).reaching(.switching), &process)
            try await bench.pass(.seconds(10), &process, step: .seconds(1))
            let second = try #require(await bench.messages().first)
            try await bench.tell(ToldRelease(nodes: 2).reaching(.done), &process)
            try await bench.pass(.seconds(60), &process)
            let messages = await bench.messages()
            #expect(messages.map(\.timestamp) == [second.timestamp])
            #expect(messages[0].shown.hasPrefix("✅ blog/42"))
            await bench.end(process)
        }
    }

    @Test("without the problem that is over, when the answer to the edit that told it was lost")
    func backAgain() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            var told = ToldRelease(nodes: 2).reaching(.starting)
            told.pods(ready: 2)
            try await bench.tell(told, &process)
            try await bench.pass(.seconds(30), &process)
            let before = try #require(await bench.messages().first)
            await bench.slack.happen(.answerLost, to: "chat.update", times: 1)
            told.pods(ready: 1)
            try await bench.tell(told, &process)
            told.pods(ready: 2)
            try await bench.tell(told, &process)
            try await bench.pass(.seconds(60), &process)
            let after = try #require(await bench.messages().first)
            #expect(after.shown == before.shown)
            #expect(after.versions.count > before.versions.count)
            await bench.end(process)
        }
    }

    @Test("with the pause for everybody, whatever this machine's clock says", arguments: [-180.0, 180])
    func clocks(_ ahead: Double) async throws {
        try await SlackOutboxBench.run(ahead: ahead) { bench in
            var process = try await bench.begin()
            try await bench.tell(paused, &process)
            try await bench.pass(.seconds(30), &process)
            #expect(try await bench.thread().filter(\.isBroadcast).count == 1)
            await bench.end(process)
        }
    }

    @Test("next morning, when the token was wrong and somebody corrects it")
    func corrected() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            await bench.slack.happen(.refuses("invalid_auth"))
            let longer = ToldRelease(nodes: 2, verify: true) { $0.rules.verifyTimeout = .seconds(86_400) }
            try await bench.tell(longer.reaching(.verifying), &process)
            try await bench.pass(.seconds(8 * 3600), &process, step: .seconds(300))
            let refused = try await process.journal.notifications(limit: 50).compactMap(\.answer)
            #expect(refused.contains { $0.contains("put the app's bot token, xoxb-…, into slack.token") })
            await bench.slack.calm()
            try await bench.pass(.seconds(1200), &process)
            let messages = await bench.messages()
            #expect(messages.count == 1)
            #expect(messages.first?.buttons.map(\.action) == ["promote", "abort"])
            // The message, which is new, asks: nobody is told twice.
            #expect(await bench.slack.messages(in: "deploys").count == 1)
            await bench.end(process)
        }
    }

    @Test("in a new message, when somebody has deleted it")
    func deleted() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.tell(paused, &process)
            try await bench.pass(.seconds(10), &process, step: .seconds(1))
            let first = try #require(await bench.messages().first)
            await bench.slack.delete(first)
            try await bench.tell(paused.reaching(.done), &process)
            try await bench.pass(.seconds(60), &process)
            let messages = await bench.messages()
            #expect(messages.count == 1)
            #expect(messages.first.map { $0.timestamp > first.timestamp && $0.shown.hasPrefix("✅ blog/42") } == true)
            #expect(try await bench.thread().last.map { text($0).hasPrefix("v18 is live") } == true)
            await bench.end(process)
        }
    }

    @Test("in sections, where Slack does not know plans, after it has said so once")
    func withoutPlans() async throws {
        try await SlackOutboxBench.run { bench in
            await bench.slack.setKnowsPlans(false)
            var process = try await bench.begin()
            try await bench.tell(paused, &process)
            try await bench.pass(.seconds(10), &process, step: .seconds(1))
            let messages = await bench.messages()
            #expect(messages.count == 1)
            #expect(messages.first?.newest.kinds == ["section", "section", "section", "actions"])
            #expect(await bench.slack.calls.filter { $0.refusal == "invalid_blocks" }.count == 1)
            await bench.end(process)
        }
    }

    @Test("with a reminder to the person who requested it, when three quarters of the time have passed")
    func reminder() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.tell(paused, &process)
            try await bench.pass(.seconds(2600), &process)
            #expect(try await bench.thread().allSatisfy { $0.mentions.isEmpty })
            try await bench.pass(.seconds(200), &process)
            let lines = try await bench.thread()
            #expect(lines.map { $0.mentions.contains(FakeSlack.Person.mike.id) } == [false, false, false, false, true])
            #expect(lines.last?.isBroadcast == false)
            #expect(lines.last?.text.contains("is awaiting promotion") == true)
            await bench.end(process)
        }
    }

    @Test("without a reminder after the decision")
    func decided() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.tell(paused.reaching(.done), &process)
            try await bench.pass(.seconds(3500), &process)
            let mentions = await bench.slack.messages.flatMap(\.mentions)
            #expect(!mentions.contains(FakeSlack.Person.mike.id))
            #expect(try await process.states().contains("slack blog/42 reminder: obsolete"))
            await bench.end(process)
        }
    }

    @Test("to everybody when it failed, and when it was rolled back later, with what is live")
    func alarms() async throws {
        try await SlackOutboxBench.run { bench in
            var process = try await bench.begin()
            try await bench.tell(ToldRelease.named("failed"), &process)
            try await bench.pass(.seconds(30), &process)
            let failed = try await bench.thread().filter(\.isBroadcast)
            #expect(failed.count == 1)
            #expect(failed.first?.shown.contains("blog/42 (v18) failed. Failed in phase starting") == true)

            var live = ToldRelease("shop", 1, nodes: 2).reaching(.done)
            try await bench.tell(live, &process)
            try await bench.tell(ToldRelease("shop", 2, version: "v17", nodes: 2).reaching(.done), &process)
            live.apply(.replaced(by: 2, rolledBack: true))
            try await bench.tell(live, &process)
            try await bench.pass(.seconds(30), &process)
            let first = try #require(await bench.messages().first { $0.text.contains("shop/1") })
            #expect(first.shown.contains("Rolled back by shop/2: v17 is live"))
            let line = await bench.slack.thread(of: first).filter(\.isBroadcast)
            #expect(line.first?.shown.contains("shop/1 (v18) was rolled back by shop/2: v17 is live") == true)
            await bench.end(process)
        }
    }

    @Test("test messages say that they are tests")
    func test() async throws {
        try await SlackOutboxBench.run { bench in
            let process = try await bench.begin()
            let answer = try await process.destinations[0].sendTest()
            #expect(answer == "posted in C024BE91L")
            #expect(await bench.messages().first?.text.hasPrefix("This is a test of Viridian") == true)
            await bench.slack.happen(.refuses("channel_not_found"))
            let failure = await #expect(throws: DeliveryFailure.self) { try await process.destinations[0].sendTest() }
            #expect(failure?.description.contains("correct slack.channel") == true)
            await bench.end(process)
        }
    }
}
