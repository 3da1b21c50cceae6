import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

extension Releases {
    /// Who may do what from Slack, with a running server.
    @Suite("People in Slack") struct SlackPeopleTests {
        @Test("status, lock, unlock and rollback work as slash commands; others are explained")
        func commands() async throws {
            try await SlackWorld.with(.init()) { story in
                let world = story.world
                try await world.release("v1")
                try await world.release("v2")
                try await story.serving { server in
                    func type(_ text: String, by person: FakeSlack.Person = .mike) async throws -> String {
                        try await story.type(text, by: person, on: server)
                    }
                    let status = try await type("status blog")
                    #expect(status.contains("v2") && status.contains("blog"), "\(status)")
                    let locked = try await type("lock blog for 2h the database moves")
                    #expect(locked.contains("the database moves") && locked.contains("mike"), "\(locked)")
                    let refused = try await world.deploy("v3")
                    #expect(refused.status == 1 && refused.error.contains("the database moves"), "\(refused)")
                    // A lock is never in the way of going back.
                    let back = try await type("rollback blog")
                    #expect(back.contains("v1"), "\(back)")
                    try await server.wait(for: "live", of: 3, story.token)
                    #expect(try await world.served() == ["v1"])
                    let unlocked = try await type("unlock blog")
                    #expect(unlocked.contains("the database moves"), "\(unlocked)")
                    let audit = try await world.viridian("audit", "blog")
                    #expect(audit.lines.count { $0.contains("mike (Slack U024BE7LH)") } >= 3, "\(audit)")

                    let help = try await type("deploy blog v3")
                    #expect(help.contains("/deploy status") && help.contains("/deploy promote"), "\(help)")
                    let elsewhere = try await type("lock shop nothing of mine")
                    #expect(elsewhere.contains("mike has rights to blog, not to shop"), "\(elsewhere)")
                }
            }
        }

        @Test("whoever is not known gets a link, opens it where they are signed in, and may promote from then on")
        func connects() async throws {
            try await SlackWorld.with { story in
                let (world, slack) = (story.world, story.slack)
                let made = try await world.viridian(
                    "token", "create", "--role", "deployer", "--name", "eve", "-o", "json")
                let token = try #require(made.json?["token"]?.string, "\(made)")
                try await story.serving { server in
                    try await story.request("v1", of: server)
                    let paused = try await story.message(of: 1) { $0.button("promote") != nil }
                    try await story.press("promote", in: paused, by: .eve, on: server)
                    let refusal = try await slack.told(.eve) { _ in true }
                    #expect(try await server.state(of: 1, story.token) == "paused")
                    let markup = "\(refusal.newest.blocks ?? "") \(refusal.text)"
                    let link = try #require(
                        markup.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+(\/slack\/connect\?code=[\w-]+)/), "\(refusal)")
                    let path = String(link.1)
                    let list = try await world.viridian("audit")
                    #expect(!list.output.contains(path.suffix(20)), "\(list)")

                    let session = try await PageSession(token, on: server)
                    let page = try await session.page(path)
                    #expect(page.contains("U0EVE4567"))
                    try await session.confirm(page, at: "/slack/connect")
                    try await story.press("promote", in: paused, by: .eve, on: server)
                    try await server.wait(for: "live", of: 1, story.token)
                    _ = try await slack.edit(of: paused) { $0.shown.contains("Promoted by eve") }
                    let audit = try await world.viridian("audit", "blog")
                    #expect(audit.lines.contains { $0.contains("eve (Slack U0EVE4567)") }, "\(audit)")
                }
            }
        }

        @Test("nobody of another workspace may do anything, whatever their name is")
        func otherWorkspace() async throws {
            try await SlackWorld.with { story in
                let slack = story.slack
                try await story.serving { server in
                    try await story.request("v1", of: server)
                    let paused = try await story.message(of: 1) { $0.button("abort") != nil }
                    var impostor = FakeSlack.Person.mike
                    impostor.team = FakeSlack.Person.outsider.team
                    try await story.press("abort", in: paused, by: impostor, on: server)
                    let told = try await slack.told(impostor) { _ in true }
                    #expect(told.shown.contains("workspace"), "\(told)")
                    #expect(try await server.state(of: 1, story.token) == "paused")
                    try await story.press("abort", in: paused, by: .ann, on: server)
                    try await server.wait(for: "aborted", of: 1, story.token)
                    let aborted = try await slack.edit(of: paused) {
                        $0.shown.contains("aborted") && $0.buttons.isEmpty
                    }
                    #expect(aborted.shown.contains("ann"), "\(aborted)")
                }
            }
        }

        @Test("two others than who asked approve: one in Slack, one on the command line; the message counts them")
        func approvals() async throws {
            let app = World.App(more: "verify: {required: true, timeout: 10m, approvals: 2, by: others}")
            try await SlackWorld.with(app) { story in
                let (world, slack) = (story.world, story.slack)
                func token(_ name: String) async throws -> String {
                    let made = try await world.viridian(
                        "token", "create", "--role", "deployer", "--name", name, "-o", "json")
                    return try #require(made.json?["token"]?.string, "\(made)")
                }
                let (mike, bob) = (try await token("mike"), try await token("bob"))
                try await story.serving { server in
                    try await story.request("v1", of: server, token: mike)
                    let paused = try await story.message(of: 1) { $0.button("promote") != nil }
                    #expect(paused.shown.contains("0 of 2"), "\(paused)")
                    // Who asked for it is the same person in Slack.
                    try await story.press("promote", in: paused, by: .mike, on: server)
                    let refused = try await slack.told(.mike) { _ in true }
                    #expect(refused.shown.contains("mike"), "\(refused)")
                    try await story.press("promote", in: paused, by: .ann, on: server)
                    let counted = try await slack.edit(of: paused) { $0.shown.contains("1 of 2: ann") }
                    #expect(counted.button("promote") != nil && counted.button("abort") != nil, "\(counted)")
                    #expect(try await server.state(of: 1, story.token) == "paused")

                    let environment = ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": bob]
                    let promoted = try await world.viridian("promote", "blog", environment: environment)
                    #expect(promoted.status == 0, "\(promoted)")
                    let live = try await slack.edit(of: paused) { $0.shown.contains("live") && $0.buttons.isEmpty }
                    #expect(live.shown.contains("ann") && live.shown.contains("bob"), "\(live)")
                    let shown = try await world.viridian("show", "blog/1", "-o", "json")
                    let by = shown.json?["approvals"]?.array?.compactMap { $0["by"]?.string }
                    #expect(by == ["ann", "bob"], "\(shown)")
                }
            }
        }

        @Test("what people write is shown as text: it calls nobody, and formats nothing")
        func hostileText() async throws {
            let hostile = "<!channel> `code` *bold* <@U0EVE4567> &lt; <https://evil.example|click>"
            try await SlackWorld.with(.init()) { story in
                let (world, slack) = (story.world, story.slack)
                try await world.release("v1")
                try await story.serving { server in
                    try await story.request("crash-1", of: server, #""reason": "\#(hostile)""#)
                    let failed = try await story.message(of: 2) { $0.shown.contains("failed") }
                    #expect(failed.shown.replacing("\u{2060}", with: "").contains(hostile), "\(failed)")
                    #expect(failed.shown.contains("DATABASE_URL is missing"), "the last lines of the log: \(failed)")
                    #expect(failed.shown.contains("v1"), "what serves: \(failed)")
                    let locked = try await story.type("lock blog \(hostile)", by: .ann, on: server)
                    // Marks that Slack would format are shown as others that look the same.
                    let text = locked.replacing("ˋ", with: "`").replacing("∗", with: "*")
                    #expect(text.contains(hostile), "\(locked)")
                    _ = try await slack.wait(for: "a line of the release's thread") { $0.thread(of: failed).first }
                    for message in await slack.messages {
                        for version in message.versions { #expect(version.mentions.isEmpty, "\(message)") }
                    }
                }
            }
        }
    }
}
