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

@Suite("Which workspace is ours", .timeLimit(.minutes(10))) struct SlackWorkspaceTests {
    private let away: [(FakeSlack.Fault, String?)] = [(.html(503), "auth.test"), (.html(503), "users.info")]

    @Test("it is known after a start while Slack does not answer, and so is who is named by id")
    func remembered() async throws {
        let (folder, fake) = (try TestFolder(), FakeWorld())
        try await SlackWorld.run(folder: folder, world: fake) { world in
            _ = try await world.paused()
            #expect(try await world.say("status", by: .mike).contains("blog"))
        }
        try await SlackWorld.run(folder: folder, world: fake, weather: away) { world in
            let outsider = try await world.click("abort", "blog/1", by: .outsider)
            #expect(outsider.contains("another Slack workspace"), "\(outsider)")
            let unclear = try await world.click("abort", "blog/1", by: .ann)
            #expect(unclear.contains("Slack did not say who you are"), "\(unclear)")
            #expect(try await world.server.release(1, in: .paused).state == .paused)
            let told = try await world.click("abort", "blog/1", by: .mike)
            #expect(told.contains("is aborted"), "\(told)")
        }
    }

    @Test(
        "of a token that Slack never answered for, only people of the request's workspace who are named by id are believed"
    )
    func unknown() async throws {
        let folder = try TestFolder()
        try await SlackWorld.run(folder: folder, weather: away) { world in
            for person in [FakeSlack.Person.ann, .outsider] {
                let told = try await world.say("lock blog moving", by: person)
                #expect(told.contains("Slack did not say who you are, so nothing was done"), "\(told)")
            }
            #expect(try await world.server.journal.locks(at: world.server.services.clock.now).isEmpty)
            #expect(try await world.say("lock blog moving", by: .mike).contains("blog is locked"))
            await world.slack.calm()
            #expect(try await world.say("unlock blog", by: .ann).contains("blog"))
            // Another token may be of another workspace.
            let slack = try #require(world.server.services.slackRequests)
            var other = await slack.access.configuration
            other.token = Secret("xoxb-another")
            let access = SlackAccess(other, try SlackClient(other))
            let identities = SlackIdentities(access, journal: world.server.journal, clock: world.server.services.clock)
            let request = SlackRequest(
                .command(text: "status"), team: FakeSlack.App().team,
                user: SlackPerson(id: FakeSlack.Person.mike.id, name: "mike"))
            let verdict = try await identities.known(request)
            #expect(verdict == nil)
            await access.client.shutdown()
        }
        let bytes = try Data(contentsOf: URL(filePath: folder.journal))
        #expect(bytes.range(of: Data(FakeSlack.App().token.utf8)) == nil)
    }
}
