import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("The lock that a rollback sets")
    struct RollbackLockTests {
        private let start = Sample.start

        private func lock(_ id: String, app: String? = "blog", until: Timestamp? = nil, isAutomatic: Bool = true)
            -> ReleaseLock
        {
            ReleaseLock(
                id: id, app: app, reason: "blog/1 (v1) was rolled back", by: "anna", since: start, until: until,
                isAutomatic: isAutomatic)
        }

        @Test("of rollbacks at the same moment in several processes one locks the app", arguments: Backend.here)
        func atOnce(_ backend: Backend) async throws {
            let place = try await backend.place()
            let processes = try (0..<4).map { _ in try place.open() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, journal) in processes.enumerated() {
                    group.addTask { try await journal.addAutomatic(lock("l\(number)")) }
                    // A rollback that is a release of its own.
                    group.addTask {
                        try await journal.append(
                            [Sample.request(number + 1)], app: "blog", number: number + 1,
                            lock: lock("r\(number)"))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await processes[0].locks(at: start).count == 1)
            #expect(try await processes[0].numbers(app: "blog", limit: 9).count == 4)
        }

        @Test("other locks are no reason to leave it out", arguments: Backend.here)
        func others(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            try await journal.add(lock("all", app: nil))
            try await journal.add(lock("shop", app: "shop"))
            try await journal.add(lock("hour", until: start + .seconds(3600)))
            try await journal.add(lock("people", isAutomatic: false))
            try await journal.add(lock("ended"))
            _ = try await journal.end(lock: "ended", by: "ben", at: start)
            try await journal.addAutomatic(lock("mine"))
            try await journal.addAutomatic(lock("again"))
            let ids = try await journal.locks(at: start).map(\.id)
            #expect(Set(ids) == ["all", "shop", "hour", "people", "mine"])
        }
    }
}

extension EveryJournal {
    @Suite("Events that follow")
    struct FollowingTests {
        @Test(
            "one whose predecessor is not there any more is a conflict where that is asked for", arguments: Backend.here
        )
        func gap(_ backend: Backend) async throws {
            let journal = try await backend.place().open()
            try await journal.append([Sample.request(1)], app: "blog", number: 1, follows: true)
            try await journal.append([Sample.recorded(2, .podsReady)], app: "blog", number: 1, follows: true)
            for events in [[Sample.recorded(4, .podsReady)], [Sample.recorded(2, .candidateCreated)]] {
                let error = await #expect(throws: JournalError.self) {
                    try await journal.append(events, app: "blog", number: 1, follows: true)
                }
                #expect(error?.kind == .conflict)
            }
            let error = await #expect(throws: JournalError.self) {
                try await journal.append([Sample.recorded(3, .podsReady)], app: "shop", number: 1, follows: true)
            }
            #expect(error?.kind == .conflict)
            try await journal.append(
                [Sample.recorded(3, .podsReady), Sample.recorded(4, .podsReady)], app: "blog", number: 1, follows: true)
            #expect(try await journal.events(app: "blog", number: 1).map(\.sequence) == [1, 2, 3, 4])
        }
    }
}
