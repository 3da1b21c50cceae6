import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("Several servers: who is there, and what each has claimed")
    struct ServersTests {
        private let start = Sample.start

        private func server(_ id: String) -> ServerRecord {
            ServerRecord(id: id, host: "web-1", process: 4711, url: nil, version: "1", startedAt: start)
        }

        /// A server that was not seen for as long as it takes to be gone.
        private func bury(_ id: String, _ journal: Journal) async throws {
            try await journal.write { database in
                try database.execute(
                    sql: "UPDATE servers SET seen_at = seen_at - ? WHERE id = ?",
                    arguments: [journal.serverLife.milliseconds + 1, id])
            }
        }

        @Test(
            "a server is listed while it is seen, then as gone; one that stops is not listed", arguments: Backend.here)
        func listed(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            for id in ["a", "b"] { try await journal.note(server(id)) }
            #expect(try await journal.servers().map(\.isGone) == [false, false])
            try await bury("a", journal)
            let servers = try await journal.servers()
            #expect(servers.map(\.id) == ["a", "b"] && servers.map(\.isGone) == [true, false])
            try await journal.note(server("a"))
            #expect(try await journal.servers().map(\.isGone) == [false, false])
            try await journal.forget(server: "a")
            #expect(try await journal.servers().map(\.id) == ["b"])
        }

        @Test(
            "of many servers that claim a thing at the same moment one gets it, and another one when that is gone",
            arguments: Backend.here)
        func claimed(_ backend: Backend) async throws {
            let place = try await backend.place()
            let duty = Claim(.duty, "repair")
            let names = (0..<8).map { "server-\($0)" }
            let journals = try names.map { _ in try place.open() }
            for (name, journal) in zip(names, journals) { try await journal.note(server(name)) }
            let winners = try await withThrowingTaskGroup(of: String?.self, returning: [String].self) { group in
                for (name, journal) in zip(names, journals) {
                    group.addTask { try await journal.claim(duty, for: name) ? name : nil }
                }
                var winners: [String] = []
                for try await name in group { if let name { winners.append(name) } }
                return winners
            }
            #expect(winners.count == 1)
            let winner = try #require(winners.first)
            let holder = try await journals[0].holder(of: duty)
            #expect(holder == winner)
            #expect(try await journals[0].claim(duty, for: winner))
            let other = try #require(names.first { $0 != winner })
            #expect(try await !journals[1].claim(duty, for: other))
            try await bury(winner, journals[1])
            #expect(try await journals[1].claim(duty, for: other))
            // It is still there, however long this took.
            try await journals[1].note(server(other))
            #expect(try await !journals[0].claim(duty, for: winner))
        }

        @Test("a delivery is one server's until it is dealt with, or that server is gone", arguments: Backend.here)
        func deliveries(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (first, second) = (try place.open(), try place.open())
            for id in ["a", "b"] { try await first.note(server(id)) }
            let delivery = NewDelivery(
                at: start, sender: "registry", key: "1", kind: "push", origin: "10.0.0.1", events: "[]", outcome: nil)
            let id = try #require(try await first.receive([delivery]).first?.id)
            #expect(try await first.claimDeliveries(for: "a", at: start, limit: 9).map(\.id) == [id])
            #expect(try await second.claimDeliveries(for: "b", at: start, limit: 9).isEmpty)
            #expect(try await second.nextDelivery(for: "b") == nil)
            #expect(try await first.claimDeliveries(for: "a", at: start, limit: 9).map(\.id) == [id])
            try await bury("a", second)
            #expect(try await second.nextDelivery(for: "b") == start)
            #expect(try await second.claimDeliveries(for: "b", at: start, limit: 9).map(\.id) == [id])
            try await second.retry(delivery: id, at: start, because: "the registry is down")
            try await first.note(server("a"))
            #expect(try await first.claimDeliveries(for: "a", at: start, limit: 9).map(\.id) == [id])
        }

        @Test("a request from Slack is one server's until it is done, or that server is gone", arguments: Backend.here)
        func slack(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (first, second) = (try place.open(), try place.open())
            for id in ["a", "b"] { try await first.note(server(id)) }
            _ = try await first.add(WrittenSlackRequest(id: "click", at: start, request: "{}"))
            #expect(try await first.claimSlackRequests(for: "a", limit: 9).map(\.id) == ["click"])
            #expect(try await second.claimSlackRequests(for: "b", limit: 9).isEmpty)
            try await bury("a", second)
            #expect(try await second.claimSlackRequests(for: "b", limit: 9).map(\.id) == ["click"])
            try await second.finish(slackRequest: "click", answer: "done", at: start)
            #expect(try await second.holder(of: Claim(.slackRequest, "click")) == nil)
        }

        private func message(_ name: String, _ payload: String = "{}") -> NewNotification {
            NewNotification(
                destination: "chat", kind: "message", app: "blog", number: 1, message: name, payload: payload,
                at: start, isReplaced: true)
        }

        @Test("a message that a server was sending when it died is due as soon as it is gone", arguments: Backend.here)
        func message(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            for id in ["a", "b"] { try await journal.note(server(id)) }
            try await journal.enqueue([message("queued")], cursors: [:], at: start)
            let due = try #require(try await journal.dueNotification(of: "chat", at: start))
            #expect(try await journal.beginAttempt(due, at: start, until: start + .seconds(120), by: "a"))
            #expect(try await !journal.note(server("b")))
            #expect(try await journal.dueNotification(of: "chat", at: start) == nil)
            try await bury("a", journal)
            #expect(try await journal.note(server("b")))
            let again = try #require(try await journal.dueNotification(of: "chat", at: start))
            #expect(again.id == due.id && again.attempts == 1)
        }

        @Test(
            "a server that is behind does not replace a message by an older one of the same name",
            arguments: Backend.here)
        func behind(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            try await journal.add(1, lines: 5)
            #expect(try await journal.enqueue([message("m", "\"new\"")], cursors: ["chat": 5], at: start) == 1)
            #expect(try await journal.enqueue([message("m", "\"old\"")], cursors: ["chat": 4], at: start) == 0)
            #expect(try await journal.outboxCursor(of: "chat") == 5)
            #expect(try await journal.dueNotification(of: "chat", at: start)?.payload == "\"new\"")
        }

        @Test("what was decided on an earlier state of the queue is not written", arguments: Backend.here)
        func queue(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (first, second) = (try place.open(), try place.open())
            func queued(_ name: String) -> QueuedVersion {
                QueuedVersion(
                    version: PushedVersion(app: "blog", version: name, pushedAt: start, sender: "registry"),
                    delivery: 1, since: start, requestedBy: "registry", requester: .hook, waitsFor: "waits")
            }
            let before = try await first.queueState(app: "blog")
            try await second.enqueue(queued("v2"), after: try await second.queueState(app: "blog"))
            let conflict = await #expect(throws: JournalError.self) {
                try await first.enqueue(queued("v1"), after: before)
            }
            #expect(conflict?.kind == .conflict)
            let waiting = try #require(try await first.queued(app: "blog"))
            #expect(waiting.version.version == "v2")
            let result = DeliveryResult(app: "blog", version: "v2", state: .waiting, sentence: "waits", number: nil)
            #expect(try await first.record(result, of: 2, while: waiting))
            try await second.dequeue(waiting, result: result)
            #expect(try await !first.record(result, of: 3, while: waiting))
            // A release that has begun since changes what is decided, too.
            let empty = try await first.queueState(app: "blog")
            try await second.add(1)
            let late = await #expect(throws: JournalError.self) {
                try await first.enqueue(queued("v3"), after: empty)
            }
            #expect(late?.kind == .conflict)
        }
    }
}
