import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("What comes in: deliveries, the queue, locks, requests of Slack")
    struct InboxTests {
        private let start = Sample.start

        private func delivery(_ key: String?, outcome: String? = nil) -> NewDelivery {
            NewDelivery(
                at: start, sender: "registry", key: key, kind: "push", origin: "10.0.0.1", events: "[]",
                outcome: outcome)
        }

        private func version(_ name: String, commit: String? = nil) -> PushedVersion {
            PushedVersion(app: "blog", version: name, commit: commit, pushedAt: start, sender: "registry")
        }

        private func audit(_ action: String) -> AuditEntry {
            AuditEntry(at: start, who: "anna", action: action, origin: "test")
        }

        @Test(
            "a delivery is written once for its key, acted on in turn, and tells what became of it",
            arguments: Backend.here)
        func deliveries(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            let received = try await journal.receive([delivery("a"), delivery(nil), delivery("b", outcome: "no app")])
            #expect(received.map(\.cameBefore) == [false, false, false])
            let again = try await journal.receive([delivery("a")])
            #expect(again.first?.id == received[0].id && again.first?.cameBefore == true)
            let due = try await journal.deliveriesToActOn(at: start, limit: 9)
            #expect(due.map(\.id) == [received[0].id, received[1].id])
            try await journal.retry(delivery: due[0].id, at: start + .seconds(60), because: "the registry is down")
            #expect(try await journal.nextDelivery() == start)
            #expect(try await journal.deliveriesToActOn(at: start, limit: 9).map(\.id) == [received[1].id])
            let result = DeliveryResult(app: "blog", version: "v1", state: .waiting, sentence: "waits", number: nil)
            try await journal.finish(
                delivery: due[1].id, outcome: nil, results: [result], versions: [version("v1", commit: "abc123")])
            let started = DeliveryResult(app: "blog", version: "v1", state: .started, sentence: "started", number: 3)
            try await journal.record(started, of: due[1].id)
            // What has started stays so.
            try await journal.record(result, of: due[1].id)
            let known = try #require(try await journal.delivery(due[1].id))
            #expect(known.results == [started] && known.nextAt == nil && known.attempts == 1 && !known.isGivenUp)
            #expect(try await journal.versions(app: "blog", commit: "abc").map(\.version) == ["v1"])
            try await journal.finish(delivery: due[0].id, outcome: "given up", isGivenUp: true)
            let list = try await journal.deliveries(limit: 9)
            #expect(list.map(\.id) == received.map(\.id).reversed())
            #expect(list.last?.isGivenUp == true && list.last?.outcome == "given up" && list.last?.attempts == 2)
            #expect(try await journal.deliveries(limit: 9, before: list[1].id).map(\.id) == [received[0].id])
            #expect(try await journal.deliveries(limit: 9, apps: ["blog", "shop"]).map(\.id) == [due[1].id])
            #expect(try await journal.deliveries(limit: 9, apps: []) == [])
            try await journal.forgetKey(ofDelivery: received[0].id)
            #expect(try await journal.receive([delivery("a")]).first?.cameBefore == false)
        }

        private func queued(_ name: String, delivery: Int) -> QueuedVersion {
            QueuedVersion(
                version: version(name), delivery: delivery, since: start, requestedBy: "registry", requester: .hook,
                waitsFor: "blog/1 is running")
        }

        @Test(
            "one version an app waits; it goes with the first event of its release, or not at all",
            arguments: Backend.here)
        func queue(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            let ids = try await journal.receive([delivery("a"), delivery("b")]).map(\.id)
            let (old, new) = (queued("v1", delivery: ids[0]), queued("v2", delivery: ids[1]))
            #expect(try await journal.enqueue(old) == nil)
            #expect(try await journal.enqueue(new) == old)
            #expect(try await journal.delivery(ids[0])?.results.first?.state == .ignored)
            try await journal.update(new, waitsFor: "a freeze")
            #expect(try await journal.queue().map(\.waitsFor) == ["a freeze"])
            #expect(try await journal.delivery(ids[1])?.results.first?.sentence == "a freeze")
            // The one that was replaced cannot start any more, and nothing of its release is written.
            let gone = await #expect(throws: JournalError.self) {
                try await journal.append(
                    [Sample.request(1)], app: "blog", number: 1, audit: [audit("deploy")], entry: old.entry)
            }
            #expect(gone?.kind == .conflict)
            #expect(try await journal.head(app: "blog") == nil)
            #expect(try await journal.audit(limit: 9) == [])
            var order = Sample.order(1)
            order.version = "v2"
            let lock = ReleaseLock(id: "lock_1", app: "blog", reason: "migration", by: "anna", since: start)
            let event = Sample.recorded(1, .requested(order))
            try await journal.append(
                [event, Sample.recorded(2, .candidateCreated)], app: "blog", number: 1, audit: [audit("deploy")],
                request: KeyedRequest(owner: "tok_1", key: "k", hash: [1]), entry: new.entry, lock: lock)
            #expect(try await journal.queued(app: "blog") == nil)
            #expect(try await journal.delivery(ids[1])?.results.first?.number == 1)
            #expect(try await journal.locks(at: start).map(\.id) == ["lock_1"])
            #expect(try await journal.answered(owner: "tok_1", key: "k")?.number == 1)
            try await journal.forgetRequests(before: start + .seconds(9))
            #expect(try await journal.answered(owner: "tok_1", key: "k") == nil)
            try await journal.enqueue(queued("v3", delivery: ids[1]))
            let dropped = try await journal.dropQueued(app: "blog", by: "anna") { audit("drop \($0.version.version)") }
            #expect(dropped?.version.version == "v3")
            #expect(try await journal.audit(limit: 1).first?.action == "drop v3")
            #expect(try await journal.dropQueued(app: "blog", by: "anna") { _ in audit("drop") } == nil)
        }

        @Test("a lock holds until it ends or its time comes", arguments: Backend.here)
        func locks(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            try await journal.add(ReleaseLock(id: "a", reason: "all", by: "anna", since: start), audit: audit("lock"))
            try await journal.add(
                ReleaseLock(
                    id: "b", app: "blog", reason: "x", by: "ben", since: start + .seconds(1),
                    until: start + .seconds(60), isAutomatic: true))
            let both = try await journal.locks(at: start + .seconds(59))
            #expect(both.map(\.id) == ["a", "b"] && both.map(\.app) == [nil, "blog"])
            #expect(both.map(\.isAutomatic) == [false, true])
            #expect(try await journal.locks(at: start + .seconds(60)).map(\.id) == ["a"])
            #expect(try await journal.end(lock: "a", by: "ben", at: start + .seconds(2), audit: audit("unlock")))
            #expect(try await !journal.end(lock: "a", by: "ben", at: start + .seconds(3), audit: audit("unlock")))
            #expect(try await !journal.end(lock: "b", by: "ben", at: start + .seconds(61)))
            #expect(try await journal.audit(limit: 9).map(\.action) == ["unlock", "lock"])
        }

        @Test("a request of Slack is written once, begun once, and forgotten when it is old", arguments: Backend.here)
        func slackRequests(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            func request(_ id: String) -> WrittenSlackRequest { WrittenSlackRequest(id: id, at: start, request: "{}") }
            #expect(try await journal.add(request("a"), signature: "s1") == .written)
            #expect(try await journal.add(request("a"), signature: "s2") == .repeated)
            #expect(try await journal.add(request("b"), signature: "s2") == .replayed)
            #expect(try await journal.add(request("c")) == .written)
            #expect(try await journal.add(slackSignature: "s3", at: start))
            #expect(try await !journal.add(slackSignature: "s3", at: start))
            #expect(try await journal.hasSlackRequest("a"))
            #expect(try await !journal.hasSlackRequest("b"))
            #expect(try await journal.hasSlackSignature("s2"))
            #expect(try await !journal.hasSlackSignature("s4"))
            #expect(try await journal.begin(slackRequest: "a", at: start))
            #expect(try await !journal.begin(slackRequest: "a", at: start))
            let due = try await journal.slackRequestsToActOn(limit: 9)
            #expect(due.map(\.id) == ["a", "c"] && due.map(\.isBegun) == [true, false])
            try await journal.finish(slackRequest: "a", answer: "done", at: start)
            #expect(try await journal.slackRequestsToActOn(limit: 9).map(\.id) == ["c"])
            try await journal.forgetSlackRequests(before: start + .seconds(1), linksBefore: start)
            #expect(try await !journal.hasSlackRequest("a"))
            #expect(try await journal.hasSlackRequest("c"))
            #expect(try await !journal.hasSlackSignature("s1"))
        }

        @Test(
            "a person in Slack is connected by a link that is good once, and has nobody else's rights",
            arguments: Backend.here)
        func slackUsers(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            let link = SlackLink(team: "T1", user: "U1", name: "anna", at: start)
            try await journal.add(link, hash: [1])
            try await journal.add(link, hash: [2])
            #expect(try await journal.slackLink(hash: [1], since: start) == nil, "the later one replaces it")
            #expect(try await journal.slackLink(hash: [2], since: start) == link)
            #expect(try await journal.slackLink(hash: [2], since: start + .seconds(1)) == nil)
            func connect(_ hash: [UInt8]) async throws -> SlackLink? {
                try await journal.connectSlackUser(link: hash, since: start, token: "tok_1", at: start) { [start] in
                    AuditEntry(at: start, who: $0.name, action: "slack.connect", origin: "test")
                }
            }
            #expect(try await connect([2]) == link)
            #expect(try await connect([2]) == nil)
            #expect(try await journal.token(ofSlackUser: "U1", team: "T1") == "tok_1")
            #expect(try await journal.token(ofSlackUser: "U2", team: "T1") == nil)
            #expect(try await journal.token(ofSlackUser: "U1", team: "T2") == nil)
            // The user of the connection to the database is nobody in Slack.
            #expect(try await journal.token(ofSlackUser: "viridian", team: "T1") == nil)
            #expect(try await journal.disconnectSlackUser("U1", team: "T1", audit: audit("slack.disconnect")))
            #expect(try await !journal.disconnectSlackUser("U1", team: "T1", audit: audit("slack.disconnect")))
            #expect(try await journal.audit(limit: 9).map(\.action) == ["slack.disconnect", "slack.connect"])
            #expect(try await journal.workspace(ofSlackToken: [7]) == nil)
            try await journal.note(workspace: "T1", ofSlackToken: [7])
            try await journal.note(workspace: "T2", ofSlackToken: [7])
            #expect(try await journal.workspace(ofSlackToken: [7]) == "T2")
        }

        @Test("versions are listed page by page, with their tags, sources and commits", arguments: Backend.here)
        func versions(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            let names = ["v1", "v2", "V3", "v10", "ä"]
            try await journal.note(
                names.map { name in
                    PushedVersion(
                        app: "blog", version: name, digest: "sha256:\(name)", commit: "c0ffee\(name.utf8.count)",
                        commitTime: start, source: "https://git/blog", ref: "main", pushedAt: start, sender: "registry")
                })
            try await journal.note([])
            // Byte for byte: capitals first, other letters last.
            let order = ["ä", "v2", "v10", "v1", "V3"]
            #expect(try await journal.versions(app: "blog", limit: 9).map(\.version) == order)
            let page = try await journal.versions(app: "blog", limit: 2, after: nil)
            #expect(page.map(\.version) == ["ä", "v2"])
            let next = try await journal.versions(
                app: "blog", limit: 9, after: page.last.map(Journal.VersionPlace.init))
            #expect(next.map(\.version) == ["v10", "v1", "V3"])
            #expect(try await journal.tags(app: "blog").sorted() == names.sorted())
            #expect(try await journal.movedTags(app: "blog") == [])
            #expect(try await journal.sources(app: "blog") == ["https://git/blog"])
            #expect(try await journal.versions(app: "blog", commit: "c0ffee2").count == 4)
            #expect(try await journal.versions(app: "blog", commit: "%") == [])
            #expect(try await journal.tagsListed(app: "blog") == nil)
            try await journal.noteTagsListed(app: "blog", at: start)
            try await journal.noteTagsListed(app: "blog", at: start + .seconds(1))
            #expect(try await journal.tagsListed(app: "blog") == start + .seconds(1))
        }

        @Test(
            "messages that nobody sends are ended, and old ones forgotten, except those of an app's newest releases",
            arguments: Backend.here)
        func outbox(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            func message(_ number: Int, to destination: String) -> NewNotification {
                NewNotification(
                    destination: destination, kind: "test", app: "blog", number: number, message: "live", payload: "{}",
                    at: start)
            }
            let cursor = try await journal.openOutboxCursor(of: "ops", at: start)
            #expect(cursor == .init(position: 0, since: start))
            #expect(try await journal.openOutboxCursor(of: "ops", at: start + .seconds(9)) == cursor)
            for number in 1...30 { try await journal.add(number) }
            try await journal.enqueue(
                (1...30).map { message($0, to: "ops") } + [message(1, to: "gone")], cursors: [:], at: start)
            try await journal.endNotifications(exceptOf: ["ops"], before: start + .seconds(1))
            let ended = try await journal.notifications(.init(destination: "gone"), limit: 9)
            #expect(ended.map(\.state) == [.obsolete] && ended[0].answer == "not sent: gone is not configured any more")
            try await journal.endNotifications(exceptOf: [], before: start + .seconds(1))
            #expect(try await journal.notifications(.init(state: .pending), limit: 9) == [])
            try await journal.forgetNotifications(before: start + .seconds(1))
            #expect(try await journal.notifications(limit: 99).map(\.number) == Array((11...30).reversed()))
            try await journal.record(externalID: "7", at: "ops", app: "blog", number: 30, message: "live")
            #expect(try await journal.externalID(at: "ops", app: "blog", number: 30, message: "live") == "7")
        }
    }
}
