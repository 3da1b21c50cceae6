import Foundation
import ReleaseMachine
import Testing

@testable import Journal

@Suite("Releases that are known already")
struct KnownReleasesTests {
    @Test("are brought up to date with their new events only, and new ones are added")
    func refreshed() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/known-\(UUID())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let journal = try Journal(path: directory + "/viridian.sqlite")
        func append(_ number: Int, _ sequence: Int, _ event: Event) throws {
            try journal.append(
                RecordedEvent(sequence: sequence, at: Timestamp(milliseconds: Int64(sequence)), event: event),
                app: "blog", number: number)
        }
        func order(_ number: Int) -> Event {
            .requested(
                Order(app: "blog", number: number, version: "v\(number)", image: "blog:v\(number)", requestedBy: "anna")
            )
        }
        for number in 1...3 { try append(number, 1, order(number)) }
        let known = try journal.releases(app: "blog", limit: 2, known: [])
        #expect(known.map(\.order.number) == [3, 2])
        try append(2, 2, .abortRequested(by: "anna", reason: "x"))
        try append(4, 1, order(4))
        let now = try journal.releases(app: "blog", limit: 3, known: known)
        #expect(now == (try journal.releases(app: "blog", limit: 3)))
        #expect(now.map(\.order.number) == [4, 3, 2] && now[2].isBackingOut)
    }
}
