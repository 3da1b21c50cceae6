import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
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

        private func end(_ id: Int, _ state: OutboxNotification.State, _ answer: String, _ journal: Journal)
            async throws
        {
            let notification = try #require(try await journal.notification(id))
            try await journal.endAttempt(notification, state, answer: answer, nextAt: start)
        }

        @Test(
            "a message that is projected again is there once, and the cursor moves with the messages",
            arguments: Backend.here)
        func once(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            #expect(try await journal.outboxCursor(of: "github") == nil)
            let both = [message("queued"), message("success")]
            #expect(try await journal.enqueue(both, cursors: ["github": 2], at: start) == 2)
            #expect(try await journal.enqueue(both + [message("inactive")], cursors: ["github": 3], at: start) == 1)
            #expect(try await journal.enqueue([message("queued", to: "gitlab")], cursors: [:], at: start) == 1)
            #expect(try await journal.outboxCursor(of: "github") == 3)
            #expect(try await journal.outboxCursor(of: "gitlab") == nil)
            let names = try await journal.notifications(limit: 10).map { "\($0.destination) \($0.message)" }
            #expect(names == ["gitlab queued", "github inactive", "github success", "github queued"])
        }

        @Test(
            "the messages of an app go out in order, those of another app do not wait for them", arguments: Backend.here
        )
        func order(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue(
                [message("queued"), message("success"), message("queued", 2), message("queued", app: "shop")],
                cursors: [:], at: start)
            let first = try #require(try await journal.dueNotification(of: "github", at: start))
            #expect(first.app == "blog" && first.number == 1 && first.message == "queued")
            #expect(try await journal.beginAttempt(first, at: start, until: start + .seconds(120)))
            // It waits: so do the messages behind it.
            try await journal.endAttempt(first, .pending, answer: "down", nextAt: start + .seconds(30))
            let other = try #require(try await journal.dueNotification(of: "github", at: start))
            #expect(other.app == "shop")
            try await journal.endAttempt(other, .delivered, answer: "ok", nextAt: start)
            #expect(try await journal.dueNotification(of: "github", at: start) == nil)
            #expect(try await journal.nextNotification(of: "github", after: start) == start + .seconds(30))
            #expect(try await journal.nextNotification(of: "gitlab", after: start) == nil)
            let again = try #require(try await journal.dueNotification(of: "github", at: start + .seconds(30)))
            #expect(again.id == first.id && again.attempts == 1 && again.answer == "down" && again.triedAt == start)
            try await journal.endAttempt(again, .failed, answer: "no", nextAt: start)
            #expect(try await journal.dueNotification(of: "github", at: start)?.message == "success")
        }

        @Test(
            "of two processes that begin an attempt one does; a process that dies leaves the message due again",
            arguments: Backend.here)
        func claims(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue([message("queued")], cursors: [:], at: start)
            let seen = try #require(try await journal.dueNotification(of: "github", at: start))
            #expect(try await journal.beginAttempt(seen, at: start, until: start + .seconds(120)))
            #expect(try await !place.open().beginAttempt(seen, at: start, until: start + .seconds(120)))
            let reopened = try place.open()
            #expect(try await reopened.dueNotification(of: "github", at: start + .seconds(119)) == nil)
            #expect(try await reopened.dueNotification(of: "github", at: start + .seconds(120))?.attempts == 1)
        }

        @Test(
            "the receiver's id of a release is known to its later messages, and that it is no other release's",
            arguments: Backend.here)
        func externalIDs(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue(
                [message("queued"), message("success"), message("queued", 2), message("queued", to: "gitlab")],
                cursors: [:], at: start)
            #expect(try await journal.externalID(at: "github", app: "blog", number: 1) == nil)
            try await journal.record(externalID: "7", of: 1)
            try await journal.record(externalID: "8", of: 3)
            #expect(try await journal.externalID(at: "github", app: "blog", number: 1) == "7")
            #expect(try await journal.externalID(at: "gitlab", app: "blog", number: 1) == nil)
            #expect(try await journal.externalIDs(at: "github", exceptOf: "blog", 1) == ["8"])
            #expect(try await journal.externalIDs(at: "github", exceptOf: "shop", 1) == ["7", "8"])
        }

        @Test(
            "a message is sent again when somebody asks, and what was said later of the release is known",
            arguments: Backend.here)
        func resend(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue([message("queued"), message("success")], cursors: [:], at: start)
            try await end(1, .failed, "404", journal)
            try await end(2, .delivered, "ok", journal)
            #expect(try await journal.dueNotification(of: "github", at: start) == nil)
            let later = start + .seconds(60)
            let again = try #require(try await journal.resend(1, at: later))
            #expect(again.state == .pending && again.queuedAt == later && again.answer == "404")
            #expect(try await journal.dueNotification(of: "github", at: later) == again)
            #expect(try await journal.laterDelivered(than: again)?.message == "success")
            #expect(try await journal.resend(99, at: later) == nil)
            #expect(try await journal.notification(99) == nil)
        }

        @Test(
            "lists are pages, newest first, of the apps that are asked for; what is pending is never forgotten",
            arguments: Backend.here)
        func lists(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue(
                (1...4).map { message("queued", $0, app: $0.isMultiple(of: 2) ? "blog" : "shop") }, cursors: [:],
                at: start)
            #expect(try await journal.notifications(limit: 3).map(\.id) == [4, 3, 2])
            #expect(try await journal.notifications(NotificationQuery(before: 2), limit: 3).map(\.id) == [1])
            #expect(try await journal.notifications(NotificationQuery(apps: ["blog"]), limit: 3).map(\.id) == [4, 2])
            #expect(try await journal.notifications(NotificationQuery(apps: []), limit: 3) == [])
            for id in 1...3 { try await end(id, .delivered, "ok", journal) }
            try await journal.forgetNotifications(before: start + .seconds(1))
            #expect(try await journal.notifications(limit: 9).map(\.id) == [4])
        }

        // MARK: - Lanes

        private func message(
            _ name: String, lane: String, priority: Int = 0, notBefore: Timestamp? = nil, payload: String = "{}",
            isReplaced: Bool = false, at: Timestamp? = nil
        ) -> NewNotification {
            NewNotification(
                destination: "slack", kind: "test", app: "blog", number: 1, message: name, payload: payload,
                at: at ?? start, lane: lane, priority: priority, notBefore: notBefore, isReplaced: isReplaced)
        }

        @Test(
            "messages go out in order in their lane; of those that may go, the lower priority first",
            arguments: Backend.here)
        func lanes(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue(
                [
                    message("line 1", lane: "blog/1 thread", priority: 4), message("line 2", lane: "blog/1 thread"),
                    message("reminder", lane: "blog/1", priority: 1), message("message", lane: "blog/2", priority: 5),
                ], cursors: [:], at: start)
            var order: [String] = []
            while let due = try await journal.dueNotification(of: "slack", at: start) {
                order.append(due.message)
                try await journal.endAttempt(due, .delivered, answer: "ok", nextAt: start)
            }
            #expect(order == ["reminder", "line 1", "line 2", "message"])
            let again = try #require(try await journal.resend(1, at: start))
            #expect(try await journal.dueNotification(of: "slack", at: start) { $0.message != "line 1" } == nil)
            #expect(try await journal.dueNotification(of: "slack", at: start)?.id == again.id && again.isResent)
        }

        @Test(
            "a message that waits for its time holds nothing up, and is due then; a person's resend does not wait",
            arguments: Backend.here)
        func notBefore(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let time = start + .seconds(900)
            try await journal.enqueue(
                [message("reminder", lane: "blog", notBefore: time), message("live", lane: "blog")], cursors: [:],
                at: start)
            let first = try #require(try await journal.dueNotification(of: "slack", at: start))
            #expect(first.message == "live")
            #expect(try await journal.outboxBacklogs(at: start) == ["slack": OutboxBacklog(count: 2, oldest: start)])
            try await journal.endAttempt(first, .delivered, answer: "ok", nextAt: start)
            #expect(try await journal.dueNotification(of: "slack", at: start) == nil)
            #expect(try await journal.nextNotification(of: "slack", after: start) == time)
            #expect(try await journal.outboxBacklogs(at: start) == ["slack": OutboxBacklog(count: 1, oldest: nil)])
            try await journal.retryNotifications(of: ["slack"], at: start)
            #expect(try await journal.dueNotification(of: "slack", at: start) == nil)
            let due = try #require(try await journal.dueNotification(of: "slack", at: time))
            #expect(due.message == "reminder" && due.notBefore == time && due.nextAt == time)
            #expect(
                try await journal.outboxBacklogs(at: time + .seconds(5)) == [
                    "slack": OutboxBacklog(count: 1, oldest: time)
                ])
            _ = try await journal.resend(due.id, at: start + .seconds(1))
            #expect(try await journal.dueNotification(of: "slack", at: start + .seconds(1))?.id == due.id)
        }

        @Test(
            "a message that is replaced is sent again as what replaced it, also when that came while it was being sent",
            arguments: Backend.here)
        func replaced(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            func put(_ sequence: Int, priority: Int = 5, at now: Timestamp) async throws -> Int {
                try await journal.enqueue(
                    [
                        message(
                            "message", lane: "blog/1", priority: priority, payload: "{\"sequence\":\(sequence)}",
                            isReplaced: true, at: now)
                    ], cursors: [:], at: now)
            }
            #expect(try await put(1, at: start) == 1)
            #expect(try await put(1, at: start) == 0)
            let first = try #require(try await journal.dueNotification(of: "slack", at: start))
            #expect(try await journal.beginAttempt(first, at: start, until: start + .seconds(120)))
            try await journal.record(externalID: "C1:1.1", of: first.id)
            let later = start + .seconds(1)
            #expect(try await put(2, priority: 0, at: later) == 1)
            #expect(try await !journal.endAttempt(first, .delivered, answer: "ok", nextAt: later))
            let second = try #require(try await journal.dueNotification(of: "slack", at: later))
            #expect(second.id == first.id && second.externalID == "C1:1.1" && second.priority == 0)
            #expect(second.attempts == 0 && second.queuedAt == start && second.at == later && second.revision == 1)
            #expect(try await journal.endAttempt(second, .failed, answer: "no", nextAt: later))
            #expect(try await journal.dueNotification(of: "slack", at: later) == nil)
            #expect(try await put(3, at: later) == 1)
            let third = try #require(try await journal.dueNotification(of: "slack", at: later))
            #expect(third.state == .pending && third.queuedAt == later)
            // Replaced by another one and back while it is sent: nobody knows which of them was.
            #expect(try await journal.beginAttempt(third, at: later, until: later + .seconds(120)))
            #expect(try await put(4, at: later) == 1)
            #expect(try await put(3, at: later) == 1)
            #expect(try await !journal.endAttempt(third, .delivered, answer: "ok", nextAt: later))
            #expect(try await journal.dueNotification(of: "slack", at: later)?.state == .pending)
            #expect(try await journal.notifications(limit: 9).count == 1)
        }

        @Test("what waits for another attempt is due at once when a server starts", arguments: Backend.here)
        func restart(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue([message("paused", lane: "blog"), message("queued")], cursors: [:], at: start)
            for id in 1...2 {
                let notification = try #require(try await journal.notification(id))
                try await journal.endAttempt(notification, .pending, answer: "down", nextAt: start + .seconds(600))
            }
            try await journal.retryNotifications(of: ["slack"], at: start + .seconds(60))
            #expect(try await journal.dueNotification(of: "slack", at: start + .seconds(60))?.message == "paused")
            #expect(try await journal.dueNotification(of: "github", at: start + .seconds(60)) == nil)
        }

        @Test(
            "what is told later of the release counts as news once it is due, whether it has been delivered or not",
            arguments: Backend.here)
        func laterNews(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let time = start + .seconds(900)
            try await journal.enqueue(
                [message("paused", lane: "blog"), message("deadlineNear", lane: "blog", notBefore: time, at: time)],
                cursors: [:], at: start)
            let paused = try #require(try await journal.notification(1))
            #expect(try await journal.laterNews(than: paused, at: start) == nil)
            #expect(try await journal.laterNews(than: paused, at: time)?.message == "deadlineNear")
            try await journal.enqueue(
                [message("approved", lane: "blog", at: start + .seconds(5))], cursors: [:], at: start + .seconds(5))
            #expect(try await journal.laterNews(than: paused, at: start + .seconds(5))?.message == "approved")
            let reminder = try #require(try await journal.notification(2))
            #expect(try await journal.laterNews(than: reminder, at: time) == nil)
            try await end(3, .failed, "no", journal)
            #expect(try await journal.laterNews(than: paused, at: start + .seconds(5)) == nil)
        }
    }
}
