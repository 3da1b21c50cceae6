import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("Events are appended, and stay")
    struct AppendTests {
        @Test("events come back as they were, in order, and after a given one", arguments: Backend.here)
        func order(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let events = [
                Sample.request(1), Sample.recorded(2, .candidateCreated),
                Sample.recorded(3, .said(LogMessage(source: "10.122.43.70", "déjà vu \"quoted\" \u{1F600} \\ \n"))),
            ]
            for event in [events[0], events[2], events[1]] { try await journal.append([event], app: "blog", number: 1) }
            #expect(try await journal.events(app: "blog", number: 1) == events)
            #expect(try await journal.events(app: "blog", number: 1, after: 1) == Array(events.dropFirst()))
            #expect(try await journal.events(app: "blog", number: 1, after: 3) == [])
            #expect(try await journal.events(app: "blog", number: 2) == [])
            #expect(try await journal.events(app: "shop", number: 1) == [])
        }

        @Test("it survives being closed and opened again", arguments: Backend.here)
        func reopened(_ backend: Backend) async throws {
            let place = try await backend.place()
            try await place.open().add(1, lines: 3)
            let before = try await place.open().events(app: "blog", number: 1)
            #expect(before.count == 4)
            try await place.open().append([Sample.recorded(5, .podsReady)], app: "blog", number: 1)
            let after = try await place.open().events(app: "blog", number: 1)
            #expect(after == before + [Sample.recorded(5, .podsReady)])
        }

        @Test("releases come newest first, page by page, each app for itself", arguments: Backend.here)
        func paging(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            for number in [3, 1, 2, 10, 9] { try await journal.add(number) }
            try await journal.add(7, app: "shop")
            #expect(try await journal.numbers(app: "blog", limit: 3) == [10, 9, 3])
            #expect(try await journal.numbers(app: "blog", limit: 3, before: 3) == [2, 1])
            #expect(try await journal.numbers(app: "blog", limit: 3, before: 1) == [])
            #expect(try await journal.numbers(app: "shop", limit: 10) == [7])
            #expect(try await journal.numbers(app: "nobody", limit: 10) == [])
            #expect(try await journal.numbers(app: "blog", limit: 0) == [])
            #expect(try await journal.releases(app: "blog", limit: 2, before: 10).map(\.order.number) == [9, 3])
            #expect(try await journal.releases(app: "blog", limit: 1).first == Release(Sample.request(10)))
        }

        @Test("a release is folded with all its events", arguments: Backend.here)
        func folded(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.add(1)
            try await journal.append(
                [
                    Sample.recorded(2, .refused(.survey, message: "they disagree", details: [])),
                    Sample.recorded(3, .candidateRemoved),
                ], app: "blog", number: 1)
            let release = try #require(try await journal.releases(app: "blog", limit: 1).first)
            #expect(release.state == .failed)
            #expect(release.sequence == 3)
        }

        @Test("a number that is taken is a conflict, and what was there first stays", arguments: Backend.here)
        func conflict(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (mine, theirs) = (try place.open(), try place.open())
            try await mine.add(1)
            try await theirs.append(
                [Sample.recorded(2, .abortRequested(by: "ben", reason: nil))], app: "blog", number: 1)
            let error = await #expect(throws: JournalError.self) {
                try await mine.append([Sample.recorded(2, .candidateCreated)], app: "blog", number: 1)
            }
            #expect(error?.kind == .conflict)
            #expect(error?.description == "journal \(mine.name): another process appended at the same moment")
            try await mine.append([Sample.recorded(3, .candidateCreated)], app: "blog", number: 1)
            #expect(
                try await theirs.events(app: "blog", number: 1, after: 1).map(\.event)
                    == [.abortRequested(by: "ben", reason: nil), .candidateCreated])
        }

        @Test(
            "nothing is changed or removed, not even by hand",
            arguments: Backend.here, ["UPDATE events SET at = 0", "DELETE FROM events"])
        func appendOnly(_ backend: Backend, _ statement: String) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.add(1, lines: 2)
            let before = try await journal.events(app: "blog", number: 1)
            let refusal = await place.refusal(of: statement)
            #expect(refusal?.contains("events are never ") == true)
            #expect(try await journal.events(app: "blog", number: 1) == before)
        }

        @Test("an append of a task that was cancelled is made anyway", arguments: Backend.here)
        func cancelled(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await journal.add(1)
            }
            task.cancel()
            try await task.value
            #expect(try await journal.numbers(app: "blog", limit: 1) == [1])
        }

        @Test(
            "several processes that append at the same time lose nothing, and no number is given twice",
            arguments: Backend.here)
        func concurrent(_ backend: Backend) async throws {
            let place = try await backend.place()
            try await place.open().add(1)
            let each = 25
            let writers = try (0..<4).map { _ in try place.open() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (writer, journal) in writers.enumerated() {
                    group.addTask {
                        for line in 0..<each {
                            // As the engine does: on a conflict it reads what came first, and retries.
                            while true {
                                let last = try await journal.events(app: "blog", number: 1).last?.sequence ?? 0
                                do {
                                    let event = Sample.recorded(last + 1, .said(LogMessage("\(writer).\(line)")))
                                    try await journal.append([event], app: "blog", number: 1)
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
            let events = try await place.open().events(app: "blog", number: 1)
            #expect(events.map(\.sequence) == Array(1...(1 + 4 * each)))
            let said = events.compactMap { if case .said(let line) = $0.event { line.text } else { nil } }
            #expect(Set(said) == Set((0..<4).flatMap { writer in (0..<each).map { "\(writer).\($0)" } }))
            for writer in 0..<4 {
                #expect(said.filter { $0.hasPrefix("\(writer).") } == (0..<each).map { "\(writer).\($0)" })
            }
        }

        @Test("several processes may create the journal at the same moment", arguments: Backend.here)
        func concurrentOpening(_ backend: Backend) async throws {
            for _ in 1...5 {
                let place = try await backend.place()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 1...6 {
                        group.addTask { try await place.open().add(number) }
                    }
                    try await group.waitForAll()
                }
                #expect(try await place.open().numbers(app: "blog", limit: 10) == [6, 5, 4, 3, 2, 1])
            }
        }
    }
}
