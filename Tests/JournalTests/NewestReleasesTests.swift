import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("The newest releases of all apps")
    struct NewestReleasesTests {
        @Test("are read with few statements, folded, in the order of the apps' names", arguments: Backend.here)
        func all(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            #expect(try await journal.newestReleases() == [])
            for number in 1...3 { try await journal.add(number, lines: number) }
            for app in ["shop", "a-b", "a", "ab", "z9"] { try await journal.add(7, app: app, lines: 2) }
            // An event of an older release, and a release with a lower number, leave the newest one as it is.
            try await journal.append(
                [Sample.recorded(3, .abortRequested(by: "ben", reason: nil))], app: "blog", number: 1)
            try await journal.add(6, app: "shop")
            let releases = try await journal.newestReleases()
            #expect(releases.map(\.order.name) == ["a/7", "a-b/7", "ab/7", "blog/3", "shop/7", "z9/7"])
            for release in releases {
                let alone = try await journal.releases(app: release.order.app, limit: 1)
                #expect([release] == alone)
            }
            for atOnce in 1...7 {
                let same = try await journal.newestReleases(appsAtOnce: atOnce)
                #expect(same == releases)
            }
        }

        @Test("an event that cannot be read is an error, not a release without it", arguments: Backend.here)
        func unreadable(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            for app in ["a", "b", "c"] { try await journal.add(1, app: app) }
            let statement =
                "INSERT INTO events (app, number, sequence, at, event) VALUES ('b', 1, 2, 1, '{\"new\":{}}')"
            #expect(await place.refusal(of: statement) == nil)
            await #expect(throws: JournalError.self) { try await journal.newestReleases(appsAtOnce: 1) }
        }

        @Test("the newest position is that of the newest event of any app", arguments: Backend.here)
        func position(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            #expect(try await journal.newestPosition() == 0)
            var last = 0
            for (app, number) in [("blog", 1), ("shop", 1), ("blog", 2)] {
                try await journal.add(number, app: app)
                let position = try await journal.newestPosition()
                #expect(position > last)
                last = position
            }
            try await journal.append(
                [Sample.recorded(2, .abortRequested(by: "ben", reason: nil))], app: "blog", number: 1)
            let position = try await journal.newestPosition()
            #expect(try await journal.heads(after: last).map(\.position) == [position])
        }

        @Test("apps with an event since a time are those where anything has happened then", arguments: Backend.here)
        func recent(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            for (app, number, at) in [("a", 1, 1), ("b", 1, 1), ("b", 2, 5), ("c", 1, 9), ("c", 2, 2)] {
                let order = Order(app: app, number: number, version: "v1", image: "i:v1", requestedBy: "anna")
                try await journal.append(
                    [RecordedEvent(sequence: 1, at: Timestamp(milliseconds: Int64(at)), event: .requested(order))],
                    app: app, number: number)
            }
            #expect(try await journal.apps(withEventsSince: Timestamp(milliseconds: 5)) == ["b", "c"])
            #expect(try await journal.apps(withEventsSince: Timestamp(milliseconds: 1)) == ["a", "b", "c"])
            #expect(try await journal.apps(withEventsSince: Timestamp(milliseconds: 10)) == [])
        }
    }
}
