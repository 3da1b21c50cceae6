import Controller
import Foundation
import GRDB
import HTTPTransport
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Who somebody in Slack is", .timeLimit(.minutes(10))) struct SlackIdentityTests {
    /// The code of the link in a refusal.
    private func code(_ refusal: String) throws -> String {
        let match = try #require(
            refusal.firstMatch(of: /<https:\/\/deploy\.domain\.com\/slack\/connect\?code=([\w-]+)\|/), "\(refusal)")
        return String(match.1)
    }

    /// A browser that is signed in: its cookie.
    private func signIn(_ server: TestServer, _ token: String) async throws -> [String: String] {
        let answer = try await form(server, "/signin", "token=\(token)", [:])
        let cookie = try #require(answer.headers["Set-Cookie"]?.split(separator: ";").first.map(String.init))
        return ["Cookie": cookie]
    }

    private func form(
        _ server: TestServer, _ path: String, _ body: String, _ session: [String: String]
    ) async throws -> TestServer.Answer {
        let type = ["Content-Type": "application/x-www-form-urlencoded"]
        return try await server.call("POST", path, body, token: "", headers: session.merging(type) { $1 })
    }

    /// Opens the link in a browser and presses Connect.
    private func connect(
        _ server: TestServer, _ code: String, _ session: [String: String]
    ) async throws -> (page: TestServer.Answer, answer: TestServer.Answer?) {
        let page = try await server.get("/slack/connect?code=\(code)", token: "", headers: session)
        guard let csrf = page.text.firstMatch(of: /name="csrf" value="([\w-]+)"/)?.1, page.status == 200 else {
            return (page, nil)
        }
        return (page, try await form(server, "/slack/connect", "csrf=\(csrf)&key=\(code)", session))
    }

    @Test("by e-mail, which Slack is asked for once in a while")
    func email() async throws {
        try await SlackWorld.run { world in
            for _ in 0..<3 { #expect(try await world.say("status", by: .ann).contains("shop")) }
            #expect(await world.slack.calls.count { $0.method == "users.info" } == 1)
            // A person who is named by id is not asked for.
            _ = try await world.say("status", by: .mike)
            #expect(await world.slack.calls.count { $0.method == "users.info" } == 1)
        }
    }

    @Test("Slack that does not answer is no reason to believe anything, and the answer says so")
    func slackIsDown() async throws {
        try await SlackWorld.run { world in
            _ = try await world.say("status", by: .mike)  // The workspace is known from here on.
            await world.slack.happen(.html(503), to: "users.info")
            let told = try await world.say("lock shop moving", by: .ann)
            #expect(told.contains("Slack did not say who you are, so nothing was done"), "\(told)")
            #expect(told.contains("503"), "\(told)")
            #expect(try await world.server.journal.locks(at: world.server.services.clock.now).isEmpty)
            // Who is known without Slack goes on.
            #expect(try await world.say("lock blog moving", by: .mike).contains("blog is locked"))
            await world.slack.calm()
            #expect(try await world.say("lock shop moving", by: .ann).contains("shop is locked"))
        }
    }

    @Test("who is unknown connects with a one-time link in a signed-in session, and has the token's rights")
    func link() async throws {
        try await SlackWorld.run { world in
            let server = world.server
            _ = try await world.paused()
            let refusal = try await world.click("promote", "blog/1", by: .eve)
            #expect(refusal.contains("not known here yet: nothing was done") && refusal.contains("U0EVE4567"))
            let code = try code(refusal)
            #expect(try await server.journal.audit(limit: 1).first?.detail?.contains("eve") == true)

            // Without a session: sign in first, then back.
            let outside = try await server.get("/slack/connect?code=\(code)", token: "")
            #expect(outside.status == 303, "\(outside)")
            #expect(
                outside.headers["Location"] == "/signin?next=%2Fslack%2Fconnect%3Fcode%3D"
                    + code.replacing("-", with: "%2D").replacing("_", with: "%5F"))

            let token = try await server.token(.deployer, name: "eva", apps: ["blog"])
            let session = try await signIn(server, token)
            let (page, answer) = try await connect(server, code, session)
            #expect(page.text.contains("Connect eve in Slack to eva"), "\(page)")
            #expect(page.text.contains("U0EVE4567") && page.text.contains("deployer, for the apps blog"), "\(page)")
            #expect(answer?.status == 303 && answer?.headers["Location"] == "/?did=connected", "\(answer as Any)")
            let entry = try #require(try await world.audit("slack.connect").first)
            #expect(entry.who == "eva" && entry.detail == "Slack U0EVE4567, eve, of the workspace T0123ABCD")

            let told = try await world.click("promote", "blog/1", by: .eve)
            #expect(told.contains("is promoted"), "\(told)")
            #expect(try await server.release(1, in: .live).promotedBy == "eva")
            let promotion = try #require(try await world.audit("promote").first)
            #expect(promotion.who == "eva (Slack U0EVE4567)" && promotion.token == entry.token)
            #expect(try await world.say("lock shop x", by: .eve).contains("eva has rights to blog, not to shop"))

            // The link is used up.
            let again = try await connect(server, code, session)
            #expect(again.page.status == 404 && again.page.text.contains("was used, has expired"), "\(again)")
            #expect(try await form(server, "/slack/connect", "key=\(code)", session).status == 403)

            // It ends by a command,
            let end = try await world.say("disconnect", by: .eve)
            #expect(end.contains("no longer connected"), "\(end)")
            #expect(try await world.audit("slack.disconnect").first?.who == "eva (Slack U0EVE4567)")
            #expect(try await world.say("status", by: .eve).contains("not known here"))

            // and with its token.
            let second = try self.code(try await world.say("status", by: .eve))
            #expect(try await connect(server, second, session).answer?.status == 303)
            #expect(try await world.say("status", by: .eve).contains("blog"))
            let id = try #require(entry.token)
            #expect(try await server.call("DELETE", "/api/v1/tokens/\(id)").status == 204)
            #expect(try await world.say("status", by: .eve).contains("not known here"))
        }
    }

    @Test("a link is good once, for half an hour, and only the newest; its code is nowhere in the journal")
    func links() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let clock = SteppedClock(Timestamp(milliseconds: 1_795_712_697_000))
        let connections = SlackConnections(journal: journal, clock: clock)
        let eve = SlackPerson(id: "U0EVE4567", name: "eve\u{1B}[2J\nx")
        let identity = Identity(tokenID: "tok_1", name: "eva", role: .viewer, apps: nil)
        let first = try await connections.link(eve, team: "T1")
        let second = try await connections.link(eve, team: "T1")
        #expect(try await connections.link(first) == nil)
        #expect(try await connections.link(second)?.name.contains("\u{1B}") == false)
        clock.advance(by: .seconds(1801))
        #expect(try await connections.link(second) == nil)
        #expect(try await connections.connect(second, to: identity, origin: "test") == nil)
        let third = try await connections.link(eve, team: "T1")
        #expect(
            try await connections.connect(third, to: Identity(name: "eva", role: .viewer, apps: nil), origin: "test")
                == nil)
        #expect(try await connections.connect(third, to: identity, origin: "test")?.user == "U0EVE4567")
        #expect(try await connections.connect(third, to: identity, origin: "test") == nil)
        #expect(try await journal.token(ofSlackUser: "U0EVE4567", team: "T1") == "tok_1")
        #expect(try await journal.token(ofSlackUser: "U0EVE4567", team: "T2") == nil)
        for code in ["", "x", String(repeating: "x", count: 10_000)] {
            #expect(try await connections.link(code) == nil)
        }
    }

    @Test("what is stored of an answer has no code of a link")
    func storedAnswer() async throws {
        try await SlackWorld.run { world in
            let interaction = await world.slack.type("status", by: .eve)
            try await world.send(interaction)
            let told = try await world.slack.told(.eve) { $0.text.contains("connect?code=") }
            let answer = try await DatabaseQueue(path: world.server.journal.name).read {
                try String.fetchOne($0, sql: "SELECT answer FROM slack_requests")
            }
            let stored = try #require(answer)
            let secret = try code(told.text)
            #expect(stored.contains("not known here") && !stored.contains(secret))
        }
    }

    @Test("an expired token gives no rights in Slack either")
    func expired() async throws {
        try await SlackWorld.run { world in
            let expiry = SystemClock().now + .seconds(3600)
            let token = try await TokenIssuer(journal: world.server.journal).create(
                name: "eva", role: .admin, expiresAt: expiry, by: "test", origin: "test", at: SystemClock().now)
            let connections = SlackConnections(journal: world.server.journal, clock: SystemClock())
            let code = try await connections.link(SlackPerson(id: "U0EVE4567", name: "eve"), team: "T0123ABCD")
            let identity = Identity(tokenID: token.record.id, name: "eva", role: .admin, apps: nil)
            #expect(try await connections.connect(code, to: identity, origin: "test") != nil)
            let clock = SteppedClock(SystemClock().now)
            let slack = try #require(world.server.services.slackRequests)
            let identities = SlackIdentities(await slack.access, journal: world.server.journal, clock: clock)
            let request = SlackRequest(
                .command(text: "status"), team: "T0123ABCD", user: SlackPerson(id: "U0EVE4567", name: "eve"))
            guard case .known(let found) = try await identities.identify(request) else {
                Issue.record("she is not known")
                return
            }
            #expect(found.role == .admin && found.auditName == "eva (Slack U0EVE4567)")
            clock.advance(by: .seconds(3601))
            #expect(try await identities.identify(request) == .unknown)
        }
    }
}
