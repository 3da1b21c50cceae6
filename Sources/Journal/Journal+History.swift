import Foundation
import ReleaseMachine

/// An app's releases, folded: the events of several are one statement's, and decoded on the database's threads.
extension Journal {
    /// Their events are in memory at the same time.
    private static let releasesAtOnce = 20

    /// The newest releases of an app, folded, newest first.
    package func releases(app: String, limit: Int, before: Int? = nil) async throws(JournalError) -> [Release] {
        try await releases(app: app, numbers: numbers(app: app, limit: limit, before: before))
    }

    /// The newest releases of an app, folded, newest first. Of those in `known` only the events after them are read, and of those that
    /// nothing changes any more, none.
    package func releases(app: String, limit: Int, known: [Release]) async throws(JournalError) -> [Release] {
        var known = Dictionary(known.map { ($0.order.number, $0) }) { $1 }
        let numbers = try await numbers(app: app, limit: limit)
        for release in try await releases(app: app, numbers: numbers.filter { known[$0] == nil }) {
            known[release.order.number] = release
        }
        var releases: [Release] = []
        for number in numbers {
            guard var release = known[number] else { continue }
            if !release.state.hasEnded || release.state == .live {
                for event in try await events(app: app, number: number, after: release.sequence) {
                    release.apply(event)
                }
            }
            releases.append(release)
        }
        return releases
    }

    /// The numbers of an app's releases that began at `start` or later, newest first, at most `limit`.
    package func numbers(app: String, limit: Int, since start: Timestamp?) async throws(JournalError) -> [Int] {
        guard let start else { return try await numbers(app: app, limit: limit) }
        return try await read {
            try $0.values(
                Int.self,
                sql: """
                    SELECT number FROM events WHERE app = ? AND sequence = 1 AND at >= ?
                    ORDER BY number DESC LIMIT ?
                    """,
                arguments: [app, start.milliseconds, limit])
        }
    }

    /// Releases of an app, folded, in the order of `numbers`. Without those that are not there.
    package func releases(app: String, numbers: [Int]) async throws(JournalError) -> [Release] {
        var releases: [Release] = []
        for start in stride(from: 0, to: numbers.count, by: Self.releasesAtOnce) {
            let batch = Array(numbers[start..<min(start + Self.releasesAtOnce, numbers.count)])
            let found = try await read { try Self.folded(app, batch, $0) }
            releases += batch.compactMap { found[$0] }
        }
        return releases
    }

    private static func folded(_ app: String, _ numbers: [Int], _ database: any DatabaseConnection) throws
        -> [Int: Release]
    {
        let places = numbers.map { _ in "?" }.joined(separator: ", ")
        let rows = try database.rows(
            sql: """
                SELECT number, sequence, at, event FROM events WHERE app = ? AND number IN (\(places))
                ORDER BY number, sequence
                """,
            arguments: [app] + StatementArguments(numbers))
        let decoder = JSONDecoder()
        var releases: [Int: Release] = [:]
        for row in rows {
            let number: Int = row["number"]
            let event = try JournalJSON.event(row, decoder)
            if releases[number] == nil { releases[number] = Release(event) } else { releases[number]?.apply(event) }
        }
        return releases
    }
}
