import Foundation
import GRDB
import ReleaseMachine
import Testing

@testable import Journal

@Suite("Events are appended, and stay")
struct AppendTests {
    @Test("events come back as they were, in order, and after a given one")
    func order() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let events = [
            Sample.request(1), Sample.recorded(2, .candidateCreated),
            Sample.recorded(3, .said(LogMessage(source: "10.122.43.70", "déjà vu \"quoted\" \u{1F600} \\ \n"))),
        ]
        for event in [events[0], events[2], events[1]] { try journal.append(event, app: "blog", number: 1) }
        #expect(try journal.events(app: "blog", number: 1) == events)
        #expect(try journal.events(app: "blog", number: 1, after: 1) == Array(events.dropFirst()))
        #expect(try journal.events(app: "blog", number: 1, after: 3) == [])
        #expect(try journal.events(app: "blog", number: 2) == [])
        #expect(try journal.events(app: "shop", number: 1) == [])
    }

    @Test("it survives being closed and opened again")
    func reopened() throws {
        let folder = try Folder()
        try Journal(path: folder.journal).add(1, lines: 3)
        let before = try Journal(path: folder.journal).events(app: "blog", number: 1)
        #expect(before.count == 4)
        try Journal(path: folder.journal).append(Sample.recorded(5, .podsReady), app: "blog", number: 1)
        let after = try Journal(path: folder.journal).events(app: "blog", number: 1)
        #expect(after == before + [Sample.recorded(5, .podsReady)])
    }

    @Test("releases come newest first, page by page, each app for itself")
    func paging() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        for number in [3, 1, 2, 10, 9] { try journal.add(number) }
        try journal.add(7, app: "shop")
        #expect(try journal.numbers(app: "blog", limit: 3) == [10, 9, 3])
        #expect(try journal.numbers(app: "blog", limit: 3, before: 3) == [2, 1])
        #expect(try journal.numbers(app: "blog", limit: 3, before: 1) == [])
        #expect(try journal.numbers(app: "shop", limit: 10) == [7])
        #expect(try journal.numbers(app: "nobody", limit: 10) == [])
        #expect(try journal.numbers(app: "blog", limit: 0) == [])
        #expect(try journal.releases(app: "blog", limit: 2, before: 10).map(\.order.number) == [9, 3])
        #expect(try journal.releases(app: "blog", limit: 1).first == Release(Sample.request(10)))
    }

    @Test("a release is folded with all its events")
    func folded() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.add(1)
        try journal.append(
            Sample.recorded(2, .refused(.survey, message: "they disagree", details: [])), app: "blog", number: 1)
        try journal.append(Sample.recorded(3, .candidateRemoved), app: "blog", number: 1)
        let release = try #require(try journal.releases(app: "blog", limit: 1).first)
        #expect(release.state == .failed)
        #expect(release.sequence == 3)
    }

    @Test("a number that is taken is a conflict, and what was there first stays")
    func conflict() throws {
        let folder = try Folder()
        let (mine, theirs) = (try Journal(path: folder.journal), try Journal(path: folder.journal))
        try mine.add(1)
        try theirs.append(Sample.recorded(2, .abortRequested(by: "ben", reason: nil)), app: "blog", number: 1)
        let error = #expect(throws: JournalError.self) {
            try mine.append(Sample.recorded(2, .candidateCreated), app: "blog", number: 1)
        }
        #expect(error?.kind == .conflict)
        #expect(error?.description == "journal \(folder.journal): another process appended at the same moment")
        try mine.append(Sample.recorded(3, .candidateCreated), app: "blog", number: 1)
        #expect(
            try theirs.events(app: "blog", number: 1, after: 1).map(\.event)
                == [.abortRequested(by: "ben", reason: nil), .candidateCreated])
    }

    @Test(
        "nothing is changed or removed, not even by hand",
        arguments: ["UPDATE events SET at = 0", "DELETE FROM events"])
    func appendOnly(_ statement: String) throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.add(1, lines: 2)
        let before = try journal.events(app: "blog", number: 1)
        let error = #expect(throws: DatabaseError.self) {
            try journal.pool.write { try $0.execute(sql: statement) }
        }
        #expect(error?.message?.hasPrefix("events are never ") == true)
        #expect(try journal.events(app: "blog", number: 1) == before)
    }

    @Test("an event that was appended survives a power failure: every commit is synchronized")
    func synchronous() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let setting = try journal.pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        #expect(setting == 2)  // FULL
        #expect(try journal.pool.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test("an append of a task that was cancelled is made anyway")
    func cancelled() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try journal.add(1)
        }
        task.cancel()
        try await task.value
        #expect(try journal.numbers(app: "blog", limit: 1) == [1])
    }

    @Test("several processes that append at the same time lose nothing, and no number is given twice")
    func concurrent() async throws {
        let folder = try Folder()
        try Journal(path: folder.journal).add(1)
        let each = 25
        let writers = try (0..<4).map { _ in try Journal(path: folder.journal) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (writer, journal) in writers.enumerated() {
                group.addTask {
                    for line in 0..<each {
                        // As the engine does: on a conflict it reads what came first, and retries.
                        while true {
                            let last = try journal.events(app: "blog", number: 1).last?.sequence ?? 0
                            do {
                                let event = Sample.recorded(last + 1, .said(LogMessage("\(writer).\(line)")))
                                try journal.append(event, app: "blog", number: 1)
                                break
                            } catch let error as JournalError where error.kind == .conflict {
                                continue
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let events = try Journal(path: folder.journal).events(app: "blog", number: 1)
        #expect(events.map(\.sequence) == Array(1...(1 + 4 * each)))
        let said = events.compactMap { if case .said(let line) = $0.event { line.text } else { nil } }
        #expect(Set(said) == Set((0..<4).flatMap { writer in (0..<each).map { "\(writer).\($0)" } }))
        for writer in 0..<4 {
            #expect(said.filter { $0.hasPrefix("\(writer).") } == (0..<each).map { "\(writer).\($0)" })
        }
    }

    @Test("several processes may create the journal at the same moment")
    func concurrentOpening() async throws {
        for _ in 1...5 {
            let folder = try Folder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...6 {
                    group.addTask { try Journal(path: folder.journal).add(number) }
                }
                try await group.waitForAll()
            }
            #expect(try Journal(path: folder.journal).numbers(app: "blog", limit: 10) == [6, 5, 4, 3, 2, 1])
        }
    }
}
