import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("How long releases are kept")
    struct RetentionTests {
        private static let day = Duration.seconds(86_400)
        private let now = Sample.start
        private let retention = Retention(keep: day * 400)

        private enum End { case live, aborted, open }

        private func time(daysAgo days: Int) -> Timestamp { now + (.zero - Self.day * days) }

        /// A release of which everything happened so many days ago.
        private func add(
            _ journal: Journal, _ numbers: ClosedRange<Int>, daysAgo days: Int, _ end: End = .live,
            app: String = "blog",
            version: String = "v1", digest: String? = nil, lines: Int = 0
        ) async throws {
            for number in numbers {
                let image = "registry.local:5000/\(app):\(version)" + (digest.map { "@\($0)" } ?? "")
                let order = Order(app: app, number: number, version: version, image: image, requestedBy: "anna")
                let log = (0..<lines).map { Event.said(LogMessage("line \($0)")) }
                let story =
                    switch end {
                    case .live: Sample.live
                    case .aborted: Sample.aborted
                    case .open: [Event.discovered(Sample.survey)]
                    }
                let events = ([.requested(order)] + log + story).enumerated().map {
                    RecordedEvent(sequence: $0 + 1, at: time(daysAgo: days), event: $1)
                }
                let release = try #require(Release(folding: events))
                #expect(release.state.hasEnded == (end != .open) && release.hasBeenLive == (end == .live))
                try await journal.append(events, app: app, number: number)
            }
        }

        private func pruned(
            _ journal: Journal, isDryRun: Bool = false, listing apps: Set<String> = []
        ) async throws -> DeletedRecords {
            var retention = retention
            retention.listedApps = apps
            var pruning = JournalPruning(retention, of: journal)
            return try await pruning.run(at: now, isDryRun: isDryRun)
        }

        private func numbers(_ journal: Journal, app: String = "blog") async throws -> [Int] {
            try await journal.numbers(app: app, limit: 1000).reversed()
        }

        // MARK: Releases

        @Test(
            "what ended longer ago is deleted as a whole, but the newest 50, and the newest 50 that went live",
            arguments: Backend.here)
        func age(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...40, daysAgo: 900)
            try await add(journal, 41...45, daysAgo: 700, .aborted)
            try await add(journal, 46...60, daysAgo: 500)
            try await add(journal, 61...75, daysAgo: 401, .aborted, lines: 3)
            try await add(journal, 76...76, daysAgo: 399, .aborted)
            try await add(journal, 77...120, daysAgo: 450, .aborted)
            let before = try await journal.heads()
            // Of 120 the newest 50 are 71…120. Live were 46…60 and 1…40, of which the newest 50 are 6…60.
            let kept = Array(6...40) + Array(46...60) + Array(71...120)
            let wanted = try await pruned(journal, isDryRun: true)
            #expect(try await numbers(journal).count == 120)
            let deleted = try await pruned(journal)
            #expect(deleted == wanted)
            #expect(deleted.releases == 20 && deleted.apps == ["blog"])
            #expect(try await numbers(journal) == kept)
            let gone = try await journal.events(app: "blog", number: 3)
            #expect(gone.isEmpty)
            // What follows the newest events sees nothing of it.
            #expect(try await journal.heads() == before)
            #expect(try await journal.report().problems.isEmpty)
            #expect(try await journal.report().deletedReleases == 20)
            let again = try await pruned(journal)
            #expect(again.isEmpty)
        }

        @Test("the next release is numbered after the last one, whatever was deleted", arguments: Backend.here)
        func nextNumber(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...60, daysAgo: 500, .aborted)
            _ = try await pruned(journal)
            #expect(try await numbers(journal) == Array(11...60))
            #expect(try await journal.numbers(app: "blog", limit: 1) == [60])
            try await add(journal, 61...61, daysAgo: 0, .open)
            #expect(try await journal.head(app: "blog")?.number == 61)
        }

        @Test("what has not ended, and what is told somebody still, stays", arguments: Backend.here)
        func open(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...1, daysAgo: 800, .open)
            try await add(journal, 2...3, daysAgo: 800, .aborted)
            try await add(journal, 4...53, daysAgo: 300)
            let message = NewNotification(
                destination: "github", kind: "deployment", app: "blog", number: 2, message: "success", payload: "{}",
                at: now)
            _ = try await journal.enqueue([message], cursors: [:], at: now)
            let deleted = try await pruned(journal)
            #expect(deleted.releases == 1)
            #expect(try await numbers(journal) == [1, 2] + Array(4...53))
        }

        @Test("one that was replaced counts from then on", arguments: Backend.here)
        func replaced(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...2, daysAgo: 800)
            try await add(journal, 3...60, daysAgo: 300)
            let count = Sample.live.count + 2
            try await journal.append(
                [RecordedEvent(sequence: count, at: time(daysAgo: 399), event: .replaced(by: 3, rolledBack: false))],
                app: "blog", number: 2)
            _ = try await pruned(journal)
            #expect(try await numbers(journal) == Array(2...60))
        }

        @Test("whoever asks for a deleted one is told when it ended", arguments: Backend.here)
        func told(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...51, daysAgo: 500, .aborted)
            #expect(try await journal.deletedRelease(app: "blog", number: 1) == nil)
            _ = try await pruned(journal)
            let deleted = try #require(try await journal.deletedRelease(app: "blog", number: 1))
            #expect(
                deleted.description
                    == "blog/1 ended on 2014-06-12 and is older than what the journal keeps: it was deleted on 2015-10-25"
            )
            #expect(try await journal.deletedRelease(app: "blog", number: 51) == nil)
        }

        @Test("thousands of events go in many transactions, between which others write and which can be stopped")
        func batches() async throws {
            let place = try await Backend.sqlite.place()
            let journal = try place.open()
            try await add(journal, 1...70, daysAgo: 500, .aborted, lines: 100)
            var pruning = JournalPruning(retention, of: journal)
            var turns = 0
            let first = try await pruning.run(at: now) {
                turns += 1
                return turns < 2
            }
            #expect(turns == 2 && (1..<20).contains(first.releases))
            #expect(try await journal.report().problems.isEmpty)
            let rest = try await pruned(journal)
            #expect(first.releases + rest.releases == 20)
        }

        @Test("whoever waits can be told how far it is, also where nothing is deleted")
        func progress() async throws {
            let place = try await Backend.sqlite.place()
            let journal = try place.open()
            try await add(journal, 1...70, daysAgo: 500, .aborted)
            for isDryRun in [true, false] {
                var pruning = JournalPruning(retention, of: journal)
                var told: [JournalPruning.Progress] = []
                _ = try await pruning.run(at: now, isDryRun: isDryRun) {
                    true
                } progress: {
                    told.append($0)
                }
                let read = (0..<20).map { JournalPruning.Progress(app: "blog", step: .reading, done: $0, all: 20) }
                #expect(told.filter { $0.step == .reading } == read)
                let deleted = told.filter { $0.step == .deleting }
                #expect(deleted.last?.done == (isDryRun ? nil : 20) && deleted.allSatisfy { $0.all == 20 })
            }
        }

        @Test("two that delete at the same time delete each release once", arguments: Backend.here)
        func together(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (one, two) = (try place.open(), try place.open())
            try await add(one, 1...90, daysAgo: 500, .aborted, lines: 30)
            async let first = pruned(one)
            async let second = pruned(two)
            #expect(try await first.releases + second.releases == 40)
            #expect(try await numbers(one) == Array(41...90))
            #expect(try await one.report().problems.isEmpty)
        }

        @Test("no event is deleted otherwise, and a deleted release is copied as such", arguments: Backend.here)
        func guarded(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...51, daysAgo: 500, .aborted)
            _ = try await pruned(journal)
            let refusal = await place.refusal(of: "DELETE FROM events WHERE app = 'blog' AND number = 2")
            #expect(refusal?.contains("events are never removed") == true, "\(refusal ?? "deleted")")
            let other = try await Backend.sqlite.place()
            let copy = try other.open()
            _ = try await journal.copy(to: copy)
            let deleted = try await copy.deletedRelease(app: "blog", number: 1)
            #expect(try await deleted == journal.deletedRelease(app: "blog", number: 1) && deleted != nil)
            // An event of it, if somebody writes one, is found.
            try await journal.append([Sample.request(1)], app: "blog", number: 1)
            #expect(
                try await journal.report().problems == ["blog/1 was deleted because of its age, but has events"])
        }

        // MARK: What belongs to them

        @Test(
            "versions go that are old and belong to no release that is kept, and do not wait", arguments: Backend.here)
        func versions(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await add(journal, 1...1, daysAgo: 700, .aborted, version: "of-deleted")
            try await add(journal, 2...51, daysAgo: 300, version: "of-kept")
            func pushed(_ version: String, daysAgo days: Int, _ digest: Character? = "a") -> PushedVersion {
                PushedVersion(
                    app: "blog", version: version, digest: digest.map { "sha256:" + String(repeating: $0, count: 64) },
                    pushedAt: time(daysAgo: days), sender: "registry")
            }
            let old = ["of-deleted", "of-kept", "never-released", "waits"].map { pushed($0, daysAgo: 800) }
            try await journal.note(old + [pushed("new", daysAgo: 10), pushed("moved", daysAgo: 900)])
            try await journal.note(pushed("moved", daysAgo: 850, "b"))
            try await journal.note(pushed("moved", daysAgo: 800, "c"))
            try await journal.note(pushed("moved", daysAgo: 20, "d"))
            try await journal.noteTagsListed(app: "blog", at: now)
            let delivery = try await journal.receive([
                NewDelivery(at: now, sender: "r", key: nil, kind: "push", origin: "o", events: "[]", outcome: nil)
            ])[0].id
            try await journal.enqueue(
                QueuedVersion(
                    version: pushed("waits", daysAgo: 800), delivery: delivery, since: now, requestedBy: "r",
                    requester: .hook, waitsFor: "a lock"))
            func known() async throws -> Set<String> {
                Set(
                    try await journal.versions(app: "blog", limit: 100).map {
                        "\($0.version) \($0.digest?.last ?? "-")"
                    })
            }
            // A registry that is asked for its tags still lists these: one that is not known would have been pushed just now. Of a tag
            // that moves, the last images say that it does.
            #expect(try await pruned(journal, listing: ["blog"]).versions == 2)
            #expect(
                try await known().symmetricDifference([
                    "of-deleted a", "of-kept a", "never-released a", "waits a", "new a", "moved c", "moved d",
                ]) == [])
            #expect(try await journal.tagsListed(app: "blog") != nil)
            #expect(try await pruned(journal).versions == 3)
            #expect(try await known() == ["of-kept a", "waits a", "new a", "moved d"])
            // If it is asked from now on, what it lists first is not new.
            #expect(try await journal.tagsListed(app: "blog") == nil)
        }

        @Test("locks that ended go; those in force stay, and the audit log", arguments: Backend.here)
        func locks(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            func lock(_ id: String, until: Timestamp? = nil) -> ReleaseLock {
                ReleaseLock(
                    id: id, app: "blog", reason: "r", by: "anna", since: time(daysAgo: 900), until: until,
                    isAutomatic: false)
            }
            for lock in [
                lock("force"), lock("ended"), lock("over", until: time(daysAgo: 500)),
                lock("later", until: now + Self.day),
            ] {
                try await journal.add(
                    lock, audit: AuditEntry(at: time(daysAgo: 900), who: "anna", action: "lock", origin: "cli"))
            }
            _ = try await journal.end(lock: "ended", by: "anna", at: time(daysAgo: 899))
            #expect(try await pruned(journal, isDryRun: true).locks == 2)
            #expect(try await pruned(journal).locks == 2)
            #expect(try await journal.locks(at: now).map(\.id).sorted() == ["force", "later"])
            #expect(try await journal.audit(limit: 10).count == 4)
        }
    }
}

extension Sample {
    static let survey = Survey(
        live: LiveVersion(color: .blue, version: "v0"), candidate: .green, replicas: 1, nodes: ["node-1"])

    /// What follows the request of a release that goes live.
    static let live: [Event] = [
        .discovered(survey), .candidateCreated, .podsReady, .nodeStaged(node: "node-1"), .candidateConfirmed,
        .nodeSwitched(node: "node-1"), .liveRecorded(.green), .drained(DrainEvidence(open: [])),
        .readBack([NodeReading(node: "node-1", color: .green)]), .oldRemoved,
    ]

    /// What follows the request of one that is aborted at once.
    static let aborted: [Event] = [
        .discovered(survey), .abortRequested(by: "anna", reason: nil),
        .readBack([NodeReading(node: "node-1", color: .blue)]), .candidateRemoved,
    ]
}
