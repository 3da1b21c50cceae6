import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("What other processes append is noticed")
    struct ChangeTests {
        @Test(
            "an app's stream has an element at once, and one after another process has appended",
            arguments: Backend.here)
        func appended(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (mine, theirs) = (try place.open(), try place.open())
            var changes = mine.changes(of: "blog").makeAsyncIterator()
            await changes.next()
            for number in 1...3 {
                try await theirs.add(number)
                // Elements may also come for nothing.
                while try await mine.numbers(app: "blog", limit: 1) != [number] { await changes.next() }
            }
        }

        @Test("whatever is committed is noticed by who asks for all changes", arguments: Backend.here)
        func committed(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (mine, theirs) = (try place.open(), try place.open())
            var changes = mine.changes().makeAsyncIterator()
            await changes.next()
            let entry = AuditEntry(at: Sample.start, who: "anna", action: "repair", origin: "cli")
            try await theirs.note(entry)
            while try await mine.audit(limit: 1).isEmpty { await changes.next() }
        }

        @Test("the watch ends with the last who asks, and begins anew with the next", arguments: Backend.here)
        func again(_ backend: Backend) async throws {
            let place = try await backend.place()
            let (mine, theirs) = (try place.open(), try place.open())
            for number in 1...3 {
                var changes = mine.changes(of: "blog").makeAsyncIterator()
                await changes.next()
                try await theirs.add(number)
                while try await mine.numbers(app: "blog", limit: 1) != [number] { await changes.next() }
            }
        }

        @Test(
            "positions are in the order of the commits, whoever writes: nobody who reads on misses one",
            arguments: Backend.here)
        func positions(_ backend: Backend) async throws {
            let place = try await backend.place()
            let apps = (1...4).map { "app\($0)" }
            let writers = try apps.map { _ in try place.open() }
            let reader = try place.open()
            let seen = try await withThrowingTaskGroup(of: Void.self) { group in
                for (app, journal) in zip(apps, writers) {
                    group.addTask { for number in 1...20 { try await journal.add(number, app: app) } }
                }
                // The newest release of each app, as somebody sees it who asks only for what came after what they know.
                var newest: [String: Int] = [:]
                var position = 0
                while newest.count < apps.count || newest.values.contains(where: { $0 < 20 }) {
                    for head in try await reader.heads(after: position) {
                        newest[head.app] = head.number
                        position = head.position
                    }
                }
                try await group.waitForAll()
                return newest
            }
            #expect(seen == Dictionary(uniqueKeysWithValues: apps.map { ($0, 20) }))
        }
    }
}
