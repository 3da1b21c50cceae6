import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("Releases that are known already")
    struct KnownReleasesTests {
        @Test("are brought up to date with their new events only, and new ones are added", arguments: Backend.here)
        func refreshed(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            func append(_ number: Int, _ sequence: Int, _ event: Event) async throws {
                try await journal.append(
                    [RecordedEvent(sequence: sequence, at: Timestamp(milliseconds: Int64(sequence)), event: event)],
                    app: "blog", number: number)
            }
            func order(_ number: Int) -> Event {
                .requested(
                    Order(
                        app: "blog", number: number, version: "v\(number)", image: "blog:v\(number)",
                        requestedBy: "anna")
                )
            }
            for number in 1...3 { try await append(number, 1, order(number)) }
            let known = try await journal.releases(app: "blog", limit: 2, known: [])
            #expect(known.map(\.order.number) == [3, 2])
            try await append(2, 2, .abortRequested(by: "anna", reason: "x"))
            try await append(4, 1, order(4))
            let now = try await journal.releases(app: "blog", limit: 3, known: known)
            #expect(now == (try await journal.releases(app: "blog", limit: 3)))
            #expect(now.map(\.order.number) == [4, 3, 2] && now[2].isBackingOut)
        }
    }
}
