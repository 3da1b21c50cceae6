import Foundation
import ReleaseMachine
import Testing

@testable import Journal

@Suite("The outbox: each message once, in the order of its app, until it is delivered")
struct OutboxTests {
    private let start = Timestamp(milliseconds: 1_445_783_643_000)

    private func message(
        _ message: String, _ number: Int = 1, app: String = "blog", to destination: String = "github"
    ) -> NewNotification {
        NewNotification(
            destination: destination, kind: "deployment", app: app, number: number, message: message, payload: "{}",
            at: start)
    }

    @Test("a message that is projected again is there once, and the cursor moves with the messages")
    func once() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        #expect(try journal.outboxCursor(of: "github") == nil)
        let both = [message("queued"), message("success")]
        #expect(try journal.enqueue(both, cursors: ["github": 2], at: start) == 2)
        #expect(try journal.enqueue(both + [message("inactive")], cursors: ["github": 3], at: start) == 1)
        #expect(try journal.enqueue([message("queued", to: "gitlab")], cursors: [:], at: start) == 1)
        #expect(try journal.outboxCursor(of: "github") == 3)
        #expect(try journal.outboxCursor(of: "gitlab") == nil)
        let names = try journal.notifications(limit: 10).map { "\($0.destination) \($0.message)" }
        #expect(names == ["gitlab queued", "github inactive", "github success", "github queued"])
    }

    @Test("the messages of an app go out in order, those of another app do not wait for them")
    func order() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.enqueue(
            [message("queued"), message("success"), message("queued", 2), message("queued", app: "shop")],
            cursors: [:], at: start)
        let first = try #require(try journal.dueNotification(of: "github", at: start))
        #expect(first.app == "blog" && first.number == 1 && first.message == "queued")
        #expect(try journal.beginAttempt(first, at: start, until: start + .seconds(120)))
        // It waits: so do the messages behind it.
        try journal.endAttempt(first.id, .pending, answer: "down", nextAt: start + .seconds(30))
        let other = try #require(try journal.dueNotification(of: "github", at: start))
        #expect(other.app == "shop")
        try journal.endAttempt(other.id, .delivered, answer: "ok", nextAt: start)
        #expect(try journal.dueNotification(of: "github", at: start) == nil)
        #expect(try journal.nextNotification(of: "github") == start + .seconds(30))
        #expect(try journal.nextNotification(of: "gitlab") == nil)
        let again = try #require(try journal.dueNotification(of: "github", at: start + .seconds(30)))
        #expect(again.id == first.id && again.attempts == 1 && again.answer == "down" && again.triedAt == start)
        try journal.endAttempt(again.id, .failed, answer: "no", nextAt: start)
        #expect(try journal.dueNotification(of: "github", at: start)?.message == "success")
    }

    @Test("of two processes that begin an attempt one does; a process that dies leaves the message due again")
    func claims() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.enqueue([message("queued")], cursors: [:], at: start)
        let seen = try #require(try journal.dueNotification(of: "github", at: start))
        #expect(try journal.beginAttempt(seen, at: start, until: start + .seconds(120)))
        #expect(try !Journal(path: folder.journal).beginAttempt(seen, at: start, until: start + .seconds(120)))
        let reopened = try Journal(path: folder.journal)
        #expect(try reopened.dueNotification(of: "github", at: start + .seconds(119)) == nil)
        #expect(try reopened.dueNotification(of: "github", at: start + .seconds(120))?.attempts == 1)
    }

    @Test("the receiver's id of a release is known to its later messages, and that it is no other release's")
    func externalIDs() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.enqueue(
            [message("queued"), message("success"), message("queued", 2), message("queued", to: "gitlab")],
            cursors: [:], at: start)
        #expect(try journal.externalID(at: "github", app: "blog", number: 1) == nil)
        try journal.record(externalID: "7", of: 1)
        try journal.record(externalID: "8", of: 3)
        #expect(try journal.externalID(at: "github", app: "blog", number: 1) == "7")
        #expect(try journal.externalID(at: "gitlab", app: "blog", number: 1) == nil)
        #expect(try journal.externalIDs(at: "github", exceptOf: "blog", 1) == ["8"])
        #expect(try journal.externalIDs(at: "github", exceptOf: "shop", 1) == ["7", "8"])
    }

    @Test("a message is sent again when somebody asks, and what was said later of the release is known")
    func resend() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.enqueue([message("queued"), message("success")], cursors: [:], at: start)
        try journal.endAttempt(1, .failed, answer: "404", nextAt: start)
        try journal.endAttempt(2, .delivered, answer: "ok", nextAt: start)
        #expect(try journal.dueNotification(of: "github", at: start) == nil)
        let later = start + .seconds(60)
        let again = try #require(try journal.resend(1, at: later))
        #expect(again.state == .pending && again.queuedAt == later && again.answer == "404")
        #expect(try journal.dueNotification(of: "github", at: later) == again)
        #expect(try journal.laterDelivered(than: again)?.message == "success")
        #expect(try journal.resend(99, at: later) == nil)
        #expect(try journal.notification(99) == nil)
    }

    @Test("lists are pages, newest first, of the apps that are asked for; what is pending is never forgotten")
    func lists() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.enqueue(
            (1...4).map { message("queued", $0, app: $0.isMultiple(of: 2) ? "blog" : "shop") }, cursors: [:], at: start)
        #expect(try journal.notifications(limit: 3).map(\.id) == [4, 3, 2])
        #expect(try journal.notifications(limit: 3, before: 2).map(\.id) == [1])
        #expect(try journal.notifications(limit: 3, apps: ["blog"]).map(\.id) == [4, 2])
        #expect(try journal.notifications(limit: 3, apps: []) == [])
        for id in 1...3 { try journal.endAttempt(id, .delivered, answer: "ok", nextAt: start) }
        try journal.forgetNotifications(before: start + .seconds(1))
        #expect(try journal.notifications(limit: 9).map(\.id) == [4])
    }
}
