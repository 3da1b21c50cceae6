import Controller
import Foundation
import HTTPTransport
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import TestSupport
import Testing

@testable import Server

@Suite("Requests from Slack and a server that was killed", .timeLimit(.minutes(10))) struct SlackRestartTests {
    private func write(
        _ request: SlackRequest, _ journal: Journal, age: Duration = .zero, signedBefore: Duration = .zero,
        isBegun: Bool = false
    ) async throws {
        let now = SystemClock().now
        let id = "v0=\(UUID())"
        let text = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        let row = WrittenSlackRequest(
            id: id, at: now + (.zero - age), sentAt: now + (.zero - age - signedBefore), request: text)
        #expect(try await journal.add(row) == .written)
        guard isBegun else { return }
        #expect(try await journal.begin(slackRequest: id, at: now))
        // No other process does it as well.
        #expect(try await !journal.begin(slackRequest: id, at: now))
    }

    private func mike(_ action: SlackRequest.Action, answer interaction: FakeSlack.Interaction) -> SlackRequest {
        SlackRequest(
            action, team: "T0123ABCD", user: SlackPerson(id: FakeSlack.Person.mike.id, name: "mike"),
            responseURL: interaction.responseURL)
    }

    @Test("what was acknowledged before it was killed is acted on after its start, and answered")
    func acknowledged() async throws {
        let (folder, fake) = (try TestFolder(), FakeWorld())
        try await SlackWorld.run(folder: folder, world: fake) { world in _ = try await world.paused() }
        let journal = try Journal(path: folder.journal)
        let request = SlackRequest(
            .button(id: "promote", release: "blog/1"), team: "T0123ABCD",
            user: SlackPerson(id: FakeSlack.Person.mike.id, name: "mike"))
        try await write(request, journal)
        try await SlackWorld.run(folder: folder, world: fake) { world in
            let release = try await world.server.release(1, in: .live)
            #expect(release.promotedBy == "mike")
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 9).isEmpty)
        }
    }

    @Test("the row of a request that the server acknowledged is all that its successor needs")
    func inbox() async throws {
        let (folder, fake) = (try TestFolder(), FakeWorld())
        try await SlackWorld.run(folder: folder, world: fake) { world in
            _ = try await world.paused()
            // It gets no further than asking who she is.
            await world.slack.happen(.slow(.seconds(3600)), to: "users.info")
            try await world.send(await world.press("promote", "blog/1", by: .ann))
            _ = try await world.slack.wait(for: "the question who she is") { slack in
                slack.calls.contains { $0.method == "users.info" } ? true : nil
            }
        }
        let journal = try Journal(path: folder.journal)
        #expect(try await journal.slackRequestsToActOn(limit: 9).count == 1)
        #expect(Release(folding: try await journal.events(app: "blog", number: 1))?.state == .paused)
        try await SlackWorld.run(folder: folder, world: fake) { world in
            #expect(try await world.server.release(1, in: .live).promotedBy == "ann")
            let entry = try #require(try await world.audit("promote").first)
            #expect(entry.who == "ann (Slack \(FakeSlack.Person.ann.id))")
        }
    }

    @Test(
        "what was signed more than five minutes ago, or nobody knows when, is not acted on: the person is told to ask again",
        arguments: [
            (Duration.seconds(301), Duration.zero, "within 5 minutes"),
            (.seconds(10), .seconds(295), "within 5 minutes"),
            (.seconds(-3600), .zero, "clock was set back"),
        ])
    func old(age: Duration, signedBefore: Duration, why: String) async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            let press = await world.press("promote", "blog/1", by: .mike)
            try await write(
                mike(.button(id: "promote", release: "blog/1"), answer: press), world.server.journal,
                age: age, signedBefore: signedBefore)
            // Any other request wakes the server.
            _ = try await world.say("status", by: .bob)
            let told = try await world.slack.told(.mike) { _ in true }
            #expect(told.text.contains("nothing was done") && told.text.contains("ask again"), "\(told.text)")
            #expect(told.text.contains(why), "\(told.text)")
            #expect(try await world.server.release(1, in: .paused).state == .paused)
        }
    }

    @Test("what may have been done before it was killed is not done twice: the person is told to look")
    func begun() async throws {
        try await SlackWorld.run { world in
            let press = await world.press("promote", "blog/1", by: .mike)
            for text in ["rollback blog", "lock blog moving"] {
                try await write(mike(.command(text: text), answer: press), world.server.journal, isBegun: true)
            }
            _ = try await world.say("status", by: .bob)
            let told = try await world.slack.wait(for: "two answers") { slack in
                slack.told(.mike).count == 2 ? slack.told(.mike) : nil
            }
            for message in told { #expect(message.text.contains("`/deploy status`"), "\(message.text)") }
            #expect(try await world.server.journal.numbers(app: "blog", limit: 1).isEmpty)
            #expect(try await world.server.journal.locks(at: world.server.services.clock.now).isEmpty)
        }
    }

    @Test("of what was begun and is old nobody says that it was not done")
    func begunAndOld() async throws {
        try await SlackWorld.run { world in
            let press = await world.press("promote", "blog/1", by: .mike)
            try await write(
                mike(.command(text: "rollback blog"), answer: press), world.server.journal, age: .seconds(301),
                isBegun: true)
            _ = try await world.say("status", by: .bob)
            let told = try await world.slack.told(.mike) { _ in true }
            #expect(told.text.contains("interrupted") && !told.text.contains("nothing was done"), "\(told.text)")
        }
    }

    @Test("an answer that Slack does not take fails nothing")
    func unanswered() async throws {
        try await SlackWorld.run { world in
            _ = try await world.paused()
            for url in [
                nil, "https://169.254.169.254/latest", "http://127.0.0.1:1/x", "https://hooks.slack.com.evil.example/x",
                "no",
            ] {
                var request = mike(
                    .command(text: "status"), answer: await world.press("promote", "blog/1", by: .mike))
                request.responseURL = url
                #expect(
                    try await world.server.services.slackRequests?.receive(request, .envelope("\(UUID())")) == .written)
            }
            let isDone = try await eventually {
                try await world.server.journal.slackRequestsToActOn(limit: 9).isEmpty ? true : nil
            }
            #expect(isDone == true)
            let told = try await world.click("promote", "blog/1", by: .mike)
            #expect(told.contains("is promoted"))
        }
    }
}
