import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("What people ask of the outbox")
    struct NotificationQueryTests {
        private let start = Timestamp(milliseconds: 1_445_783_643_000)

        private func message(
            _ message: String, _ number: Int = 1, app: String = "blog", to destination: String = "ops",
            notBefore: Timestamp? = nil
        ) -> NewNotification {
            NewNotification(
                destination: destination, kind: "test", app: app, number: number, message: message, payload: "{}",
                at: start, lane: "\(app)/\(number) \(message)", notBefore: notBefore)
        }

        private func attempt(
            _ id: Int, _ state: OutboxNotification.State, _ answer: String, _ journal: Journal, after: Duration = .zero
        ) async throws {
            let now = start + after
            let notification = try #require(try await journal.notification(id))
            #expect(try await journal.beginAttempt(notification, at: now, until: now + .seconds(60)))
            try await journal.endAttempt(notification, state, answer: answer, nextAt: now + .seconds(60))
        }

        @Test("by app, release, state and destination, a page after the other", arguments: Backend.here)
        func filters(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.enqueue(
                [
                    message("paused"), message("live"), message("live", 2), message("live", app: "shop"),
                    message("live", to: "chat"),
                ], cursors: [:], at: start)
            try await attempt(2, .failed, "no", journal)
            try await attempt(4, .failed, "no", journal)
            func ids(_ query: NotificationQuery, limit: Int = 9) async throws -> [Int] {
                try await journal.notifications(query, limit: limit).map(\.id)
            }
            #expect(try await ids(.init()) == [5, 4, 3, 2, 1])
            #expect(try await ids(.init(before: 4), limit: 2) == [3, 2])
            #expect(try await ids(.init(apps: ["blog"])) == [5, 3, 2, 1])
            #expect(try await ids(.init(apps: ["blog", "shop"], destination: "ops")) == [4, 3, 2, 1])
            #expect(try await ids(.init(apps: ["blog"], number: 1)) == [5, 2, 1])
            #expect(try await ids(.init(state: .failed)) == [4, 2])
            #expect(try await ids(.init(apps: ["blog"], state: .failed)) == [2])
            #expect(try await ids(.init(state: .pending, destination: "chat")) == [5])
            #expect(try await ids(.init(apps: [])) == [])
            #expect(try await ids(.init(destination: "' OR 1 = 1 --")) == [])
        }

        @Test(
            "how it goes with each destination: what waits since when, what was answered, and only of some apps",
            arguments: Backend.here)
        func records(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            #expect(try await journal.destinationRecords(at: start) == [])
            try await journal.enqueue(
                [
                    message("paused"), message("live"), message("reminder", notBefore: start + .seconds(900)),
                    message("live", to: "chat"), message("live", app: "shop", to: "chat"),
                ], cursors: [:], at: start)
            try await attempt(4, .delivered, "200", journal)
            try await attempt(5, .failed, "410", journal, after: .seconds(5))
            try await attempt(1, .pending, "503", journal, after: .seconds(7))
            try await attempt(1, .pending, "502", journal, after: .seconds(70))
            let records = try await journal.destinationRecords(at: start + .seconds(80))
            #expect(records.map(\.name) == ["chat", "ops"])
            let (chat, ops) = (try #require(records.first), try #require(records.last))
            #expect((chat.waiting, chat.later, chat.failed, chat.delivered) == (0, 0, 1, 1))
            #expect(chat.oldest == nil && chat.retried == nil && chat.lastEnded?.answer == "410")
            #expect((ops.waiting, ops.later, ops.failed, ops.delivered) == (2, 1, 0, 0))
            #expect(ops.oldest == start && ops.retried?.answer == "502" && ops.retried?.message == "paused")
            // Its time has come.
            #expect(try await journal.destinationRecords(at: start + .seconds(901)).last?.waiting == 3)
            let blog = try await journal.destinationRecords(apps: ["blog"], at: start)
            #expect(
                blog.map(\.name) == ["chat", "ops"] && blog.first?.failed == 0 && blog.first?.lastEnded?.answer == "200"
            )
            #expect(try await journal.destinationRecords(apps: [], at: start) == [])
        }
    }
}
