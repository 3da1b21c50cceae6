import Controller
import Foundation
import HTTPTransport
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import Testing

@testable import Server

@Suite("People see what other systems were told, and test whether they are reached")
struct NotificationPageTests {
    /// A receiver that accepts tests, or does not, and no message about a release.
    private struct Receiver: OutboxDestination {
        let name: String
        var isReached = true

        func messages(for history: Milestones) -> [NewNotification] {
            history.all.map {
                NewNotification(
                    destination: name, kind: "test", app: $0.release.order.app, number: $0.release.order.number,
                    message: $0.kind.rawValue, payload: "{}", at: $0.at)
            }
        }

        func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) throws -> DeliveryOutcome {
            if isReached { return .delivered("204") }
            throw DeliveryFailure(.unavailable(after: .seconds(3600)), "\(name) does not answer")
        }

        func sendTest() throws -> String {
            if isReached { return "\(name) answered 204" }
            throw DeliveryFailure(.refused, "\(name) answered 410 <gone>\u{1b}[31m: correct its url")
        }

        func close() {}
    }

    private let receivers = [Receiver(name: "ops"), Receiver(name: "chat", isReached: false)]

    /// A server on which `blog/1` went live, which `ops` was told and `chat` not.
    private func withStory(_ body: @escaping @Sendable (TestServer) async throws -> Void) async throws {
        try await withServer(apps: ["blog", "shop"], destinations: receivers) { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            let isTold = try await eventually {
                let all = try await server.journal.notifications(limit: 9)
                let isTried = all.contains { $0.destination == "chat" && $0.answer != nil }
                return isTried && all.count { $0.destination == "ops" && $0.state == .delivered } == 3 ? true : nil
            }
            try #require(isTold == true)
            try await body(server)
        }
    }

    @Test("a destination is tested by a deployer; the answer comes back, and it is in the audit log")
    func test() async throws {
        try await withStory { server in
            let path = "/api/v1/notifications/test"
            let deployer = try await server.token(.deployer, apps: ["shop"])
            let reached = try await server.post(path, #"{"destination": "ops"}"#, token: deployer)
            #expect(reached.status == 200 && reached.json["delivered"] == .bool(true), "\(reached)")
            #expect(reached.json["answer"].string == "ops answered 204")
            let missed = try await server.post(path, #"{"destination": "chat"}"#)
            #expect(missed.status == 200 && missed.json["delivered"] == .bool(false), "\(missed)")
            let answer = missed.json["answer"].string ?? ""
            #expect(answer.contains("chat answered 410") && !answer.contains("\u{1b}"))
            let audit = try await server.get("/api/v1/audit?limit=2")
            #expect(audit.json["entries"].array.allSatisfy { $0["action"].string == "notification.test" }, "\(audit)")
            #expect(audit.json["entries"][1]["detail"].string == "ops: delivered: ops answered 204")
            #expect(audit.json["entries"][0]["detail"].string?.hasPrefix("chat: not delivered: ") == true)

            #expect(try await server.post(path, #"{"destination": "ops"}"#, token: server.token(.viewer)).status == 403)
            let unknown = try await server.post(path, #"{"destination": "obs"}"#)
            #expect(unknown.status == 422 && unknown.field == "destination")
            #expect(unknown.message == "there is no destination obs: the destinations are chat, ops")
            #expect(try await server.post(path).status == 422)
            #expect(try await server.post(path, #"{"destination": 1}"#).status == 422)
        }
    }

    @Test("the list is filtered by state and by destination")
    func filters() async throws {
        try await withStory { server in
            func states(_ query: String) async throws -> [String] {
                try await server.get("/api/v1/notifications?\(query)").json["notifications"].array.map {
                    "\($0["destination"].string ?? "") \($0["state"].string ?? "")"
                }
            }
            #expect(try await states("state=delivered") == Array(repeating: "ops delivered", count: 3))
            #expect(try await Set(states("state=pending")) == ["chat pending"])
            #expect(try await states("state=failed") == [])
            #expect(try await Set(states("destination=chat")) == ["chat pending"])
            #expect(try await states("state=pending&destination=ops") == [])
            let wrong = try await server.get("/api/v1/notifications?state=lost")
            #expect(wrong.status == 422 && wrong.field == "state", "\(wrong)")
            #expect(wrong.message == "state has to be one of pending, delivered, failed, obsolete")
        }
    }

    @Test("the page has a line for each destination, every message with its answer, filters, and the release's link")
    func page() async throws {
        try await withStory { server in
            let visitor = try await PagesTests.Visitor(server, token: server.admin)
            let page = try await visitor.get("/notifications").text
            #expect(page.contains("all delivered"))
            #expect(page.contains(/\d messages wait, the oldest since \d+ [A-Z][a-z]+ [^<]+</), "\(page)")
            #expect(page.contains("</time>: chat does not answer<"), "\(page)")
            #expect(page.contains(#"<a href="/notifications?state=pending&amp;to=chat">"#))
            #expect(page.components(separatedBy: #"<tr id="notification-"#).count == 7)
            #expect(page.contains("Send now") && page.contains("Send again"))
            let delivered = try await visitor.get("/notifications?app=blog&state=delivered&to=ops&release=1").text
            #expect(delivered.components(separatedBy: #"<tr id="notification-"#).count == 4)
            #expect(delivered.contains(#"<option value="delivered" selected>"#))
            let none = try await visitor.get("/notifications?state=failed").text
            #expect(none.contains("No notification matches."))
            #expect(try await visitor.get("/notifications?before=1").text.contains(">Newest</a>"))
            #expect(try await visitor.get("/notifications?app=nope").text.contains("No notification matches."))
            let release = try await visitor.get("/apps/blog/releases/1").text
            #expect(release.contains(#"href="/notifications?app=blog&amp;release=1""#))
        }
    }

    @Test("the page sends a notification again and tests a destination, for who may and with the form's token only")
    func forms() async throws {
        try await withStory { server in
            let id = try #require(try await server.journal.notifications(.init(destination: "ops"), limit: 1).first?.id)
            let path = "/notifications/\(id)/resend"
            let visitor = try await PagesTests.Visitor(server, token: server.token(.deployer, apps: ["blog"]))
            #expect(try await visitor.post(path, [:]).status == 403)
            let sent = try await visitor.send(path, ["state": "delivered", "to": "ops"], from: "/notifications")
            #expect(sent.status == 303, "\(sent)")
            let back = try #require(sent.headers["Location"])
            #expect(back == "/notifications?state=delivered&to=ops&did=resent")
            #expect(try await visitor.get(back).text.contains("The notification is sent again."))
            let isSent = try await eventually {
                try await server.journal.notification(id)?.attempts == 2 ? true : nil
            }
            #expect(isSent == true)
            let test = try await visitor.send("/notifications/test", ["destination": "chat"], from: "/notifications")
            #expect(test.status == 200 && test.text.contains("test failed"), "\(test)")
            #expect(test.text.contains("chat answered 410 &lt;gone&gt;"))

            let viewer = try await PagesTests.Visitor(server, token: server.token(.viewer))
            let seen = try await viewer.get("/notifications").text
            #expect(!seen.contains("Send again<span") && !seen.contains("Test<span"))
            #expect(try await viewer.send(path).status == 403)
            #expect(try await viewer.send("/notifications/test", ["destination": "ops"]).status == 403)
            let stranger = try await PagesTests.Visitor(server, token: server.token(.deployer, apps: ["shop"]))
            #expect(try await stranger.get("/notifications").text.contains("Nothing was sent yet"))
            #expect(try await stranger.send(path).status == 404)
            #expect(try await stranger.get("/notifications?app=blog").status == 403)
        }
    }

    @Test("without destinations the page says how to have some")
    func empty() async throws {
        try await withServer { server in
            let visitor = try await PagesTests.Visitor(server, token: server.admin)
            let page = try await visitor.get("/notifications").text
            #expect(page.contains("slack, notify and report in the configuration name whom to tell"))
            #expect(!page.contains(#"id="destinations""#))
        }
    }

    @Test("how it goes with a destination is one sentence")
    func sentences() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let now = Timestamp(milliseconds: 1_445_783_643_000)
        func sentence(_ name: String) async throws -> String? {
            try await DestinationStatus.all(["ops"], journal, at: now + .seconds(600)).first { $0.name == name }?
                .sentence(at: now + .seconds(600))
        }
        #expect(try await sentence("ops") == "nothing was sent yet")
        func add(_ message: String, to name: String = "ops") async throws -> OutboxNotification {
            try await journal.enqueue(
                [
                    NewNotification(
                        destination: name, kind: "test", app: "blog", number: 1, message: message, payload: "{}",
                        at: now, lane: message)
                ], cursors: [:], at: now)
            return try #require(try await journal.notifications(limit: 1).first)
        }
        func end(_ notification: OutboxNotification, _ state: OutboxNotification.State, _ answer: String) async throws {
            #expect(try await journal.beginAttempt(notification, at: now, until: now + .seconds(60)))
            try await journal.endAttempt(notification, state, answer: answer, nextAt: now + .seconds(900))
        }
        let first = try await add("requested")
        #expect(try await sentence("ops") == "1 message is being sent")
        try await end(first, .pending, "ops answers 503")
        #expect(try await sentence("ops") == "1 message waits since 25 Oct 14:34: ops answers 503")
        let second = try await add("live")
        #expect(try await sentence("ops") == "2 messages wait, the oldest since 25 Oct 14:34: ops answers 503")
        try await end(second, .failed, "ops answers 410")
        try await end(try #require(try await journal.notification(first.id)), .delivered, "ok")
        #expect(try await sentence("ops") == "1 failed, the others were delivered")
        try await end(try #require(try await journal.resend(second.id, at: now)), .delivered, "ok")
        #expect(try await sentence("ops") == "all delivered")
        _ = try await add("live", to: "old")
        #expect(try await sentence("old") == "not configured any more: 1 message waits and will not be sent")
    }
}
