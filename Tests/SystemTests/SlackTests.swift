import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

extension Releases {
    /// Whole releases as people in Slack see them, against a stand-in that refuses what Slack refuses.
    @Suite("Slack") struct SlackTests {
        @Test(
            "a release that is paused while the server is killed is promoted with the button after its restart, in the same message"
        )
        func killed() async throws {
            try await SlackWorld.with(nodes: 2) { story in
                let (world, slack) = (story.world, story.slack)
                let first = try await world.deploy("v1", "--no-verify")
                #expect(first.status == 0, "\(first)")
                let paused = try await story.serving(endingWith: SIGKILL) { server in
                    try await story.request("v2", of: server, #""reason": "fix login""#)
                    return try await story.message(of: 2) { $0.button("promote") != nil }
                }
                #expect(paused.shown.contains("v1") && paused.shown.contains("v2"), "\(paused)")
                #expect(paused.shown.contains("anna") && paused.shown.contains("fix login"), "\(paused)")
                let confirmation = try #require(paused.button("promote")?.confirmation)
                #expect("\(confirmation)".contains("v2") && "\(confirmation)".contains("2 nodes"), "\(confirmation)")
                #expect(paused.button("abort")?.style == "danger")

                try await story.serving { server in
                    // Edits notify nobody: a line that everybody sees tells that the release waits for them.
                    _ = try await slack.message { $0.thread == paused.timestamp && $0.isBroadcast }
                    try await story.press("promote", in: paused, by: .mike, on: server)
                    try await server.wait(for: "live", of: 2, story.token)
                    let live = try await slack.edit(of: paused) { $0.shown.contains("live") && $0.buttons.isEmpty }
                    #expect(live.shown.contains("Promoted by mike"), "\(live)")
                    #expect(await story.count(of: 2) == 1)
                    #expect(try await world.served() == ["v2", "v2"])
                    let audit = try await world.viridian("audit", "blog")
                    #expect(audit.lines.contains { $0.contains("mike (Slack U024BE7LH)") }, "\(audit)")
                    // The person is told that it was taken, and the thread has a line a phase.
                    let told = try await slack.told(.mike) { $0.shown.contains("blog/2") }
                    #expect(told.shown.contains("promoted"), "\(told)")
                    let thread = try await slack.wait(for: "the last line of the thread") { slack in
                        let lines = slack.thread(of: paused)
                        return lines.last?.shown.contains("live") == true ? lines : nil
                    }
                    #expect(thread.count { $0.isBroadcast } == 1, "only that it is paused is for everybody: \(thread)")
                }
            }
        }

        @Test(
            "a Slack that is down or slow during a whole release does not hold it up, and tells how it ended afterwards"
        )
        func outage() async throws {
            try await SlackWorld.with(.init()) { story in
                let slack = story.slack
                try await story.serving { server in
                    let usual = try await story.took(1, "v1", server)
                    let first = try await story.message(of: 1) { $0.shown.contains("live") }

                    await slack.line.goDown()
                    let without = try await story.took(2, "v2", server)
                    await slack.line.comeBack()
                    let second = try await story.message(of: 2) { $0.shown.contains("live") }
                    #expect(second.versions.count == 1, "what was over is told once: \(second)")
                    _ = try await slack.edit(of: first) { $0.shown.contains("eplaced") }

                    await slack.happen(.slow(.seconds(30)))
                    let slow = try await story.took(3, "v3", server)
                    await slack.calm()
                    _ = try await story.message(of: 3) { $0.shown.contains("live") }
                    #expect(await story.count(of: 3) == 1, "it is not told twice")

                    // The message is there, and the server does not know it.
                    await slack.happen(.answerLost, to: "chat.postMessage", times: 1)
                    let lost = try await story.took(4, "v4", server)
                    _ = try await story.message(of: 4) { $0.shown.contains("live") }
                    #expect(await story.count(of: 4) == 1)

                    // A release takes some seconds. The time limit of one call is 15 s.
                    for took in [without, slow, lost] { #expect(took < usual + .seconds(12), "\(usual) \(took)") }
                }
            }
        }

        @Test("of two people who click within 200 ms the first counts, and the second is told who that was")
        func twoClicks() async throws {
            try await SlackWorld.with { story in
                let slack = story.slack
                try await story.serving { server in
                    try await story.request("v1", of: server)
                    let paused = try await story.message(of: 1) { $0.button("abort") != nil }
                    // Both screens still have the buttons.
                    let promote = try await slack.press("promote", in: paused, by: .mike)
                    let abort = try await slack.press("abort", in: paused, by: .ann)
                    let again = try await slack.press("promote", in: paused, by: .ann)
                    try await story.send(promote, to: server)
                    try await story.send(abort, to: server)
                    try await story.send(again, to: server)
                    let tooLate = try await slack.wait(for: "both answers") { slack in
                        let told = slack.told(.ann)
                        return told.count == 2 ? told : nil
                    }
                    for answer in tooLate { #expect(answer.shown.contains("mike"), "\(answer)") }
                    try await server.wait(for: "live", of: 1, story.token)
                    _ = try await slack.edit(of: paused) { $0.shown.contains("Promoted by mike") }

                    // Slack's own repetition of a request changes nothing, and neither does one that is replayed or forged.
                    let events = try await server.get("/api/v1/apps/blog/releases/1/events", token: story.token).body
                    let retry = slack.headers(for: promote.body, at: Date(timeIntervalSinceNow: 1))
                    for status in [200, 401] {
                        let answer = try await story.post(promote, to: server, headers: retry)
                        #expect(answer.status == status)
                    }
                    let forged = ["X-Slack-Signature": "v0=" + String(repeating: "0", count: 64)]
                    let answer = try await story.post(promote, to: server, headers: forged)
                    #expect(answer.status == 401)
                    // Requests are acted on in order: when this one is answered, those before it have done what they do.
                    let button = try #require(paused.button("promote"))
                    try await story.send(await slack.press(button, in: paused, by: .ann), to: server)
                    _ = try await slack.wait(for: "the answer to the last click") { slack in
                        slack.told(.ann).count == 3 ? true : nil
                    }
                    let after = try await server.get("/api/v1/apps/blog/releases/1/events", token: story.token).body
                    #expect(events == after)
                }
            }
        }

        @Test(
            "with Socket Mode the same works without a secret, and with nothing that Slack can reach, also after a restart"
        )
        func socketMode() async throws {
            try await SlackWorld.withSocketMode { story in
                let (slack, socket) = (story.slack, try #require(story.socket))
                let paused = try await story.serving(endingWith: SIGKILL) { server in
                    await socket.wait(forConnections: 2)
                    try await story.request("v1", of: server)
                    let status = try await story.type("status blog", by: .ann, on: server)
                    #expect(status.contains("blog"), "\(status)")
                    return try await story.message(of: 1) { $0.button("promote") != nil }
                }
                await socket.wait(forConnections: 0)
                try await story.serving { server in
                    await socket.wait(forConnections: 2)
                    // Nobody can pretend to be Slack.
                    let request = try await slack.press("promote", in: paused, by: .mike)
                    let answer = try await story.post(request, to: server)
                    #expect(answer.status == 404)
                    #expect(try await server.state(of: 1, story.token) == "paused")

                    let promote = try await slack.press("promote", in: paused, by: .mike)
                    let abort = try await slack.press("abort", in: paused, by: .ann)
                    try await story.send(promote, to: server)
                    try await story.send(abort, to: server)
                    let tooLate = try await slack.told(.ann) { $0.shown.contains("mike") }
                    #expect(!tooLate.shown.contains("aborted"), "\(tooLate)")
                    try await server.wait(for: "live", of: 1, story.token)
                    let live = try await slack.edit(of: paused) { $0.shown.contains("live") && $0.buttons.isEmpty }
                    #expect(live.shown.contains("Promoted by mike"), "\(live)")
                    #expect(await story.count(of: 1) == 1)
                }
            }
        }
    }
}

extension SlackWorld {
    /// Releases a version and returns how long that took, from its request to its end.
    fileprivate func took(_ number: Int, _ version: String, _ server: Serving) async throws -> Duration {
        let start = ContinuousClock.now
        try await request(version, of: server)
        try await server.wait(for: "live", of: number, token)
        return start.duration(to: .now)
    }
}
