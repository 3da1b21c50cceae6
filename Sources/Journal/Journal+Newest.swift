import Foundation
import ReleaseMachine

/// What a server needs of all apps when it starts, in few statements however many apps there are.
extension Journal {
    /// The place of the newest event of any app; 0 when there is none (`JournalHead.position`).
    package func newestPosition() async throws(JournalError) -> Int {
        try await read { try $0.value(sql: "SELECT max(position) FROM heads") ?? 0 }
    }

    /// The newest release of each app, folded, in the order of the apps' names. The events of so many apps' releases as `appsAtOnce` are one
    /// statement's, and those of a few statements in memory at the same time.
    package func newestReleases(appsAtOnce: Int = 200) async throws(JournalError) -> [Release] {
        let apps = try await read { try $0.values(String.self, sql: "SELECT app FROM heads ORDER BY app") }
        let ranges = stride(from: 0, to: apps.count, by: appsAtOnce).map { start in
            (first: apps[start], last: apps[min(start + appsAtOnce, apps.count) - 1])
        }
        return try await withTaskGroup(of: (Int, Result<[Release], JournalError>).self) { group in
            var found: [Result<[Release], JournalError>?] = Array(repeating: nil, count: ranges.count)
            for (index, range) in ranges.enumerated() {
                if index >= Self.rangesAtOnce, let (done, releases) = await group.next() { found[done] = releases }
                group.addTask { (index, await newestReleases(from: range.first, through: range.last)) }
            }
            for await (done, releases) in group { found[done] = releases }
            return Result { () throws(JournalError) in
                var all: [Release] = []
                all.reserveCapacity(apps.count)
                for releases in found { all += try releases?.get() ?? [] }
                return all
            }
        }.get()
    }

    /// The apps that have an event of this time or later, in the order of their names. Reads the whole journal.
    package func apps(withEventsSince start: Timestamp) async throws(JournalError) -> [String] {
        try await read {
            try $0.values(
                sql: "SELECT DISTINCT app FROM events WHERE at >= ? ORDER BY app", arguments: [start.milliseconds])
        }
    }

    /// Most of the time goes into decoding, which the database's threads do.
    private static let rangesAtOnce = 4

    /// Of the apps from one name through another.
    private func newestReleases(from first: String, through last: String) async -> Result<[Release], JournalError> {
        do throws(JournalError) {
            return .success(
                try await read { database in
                    let rows = try database.rows(
                        sql: """
                            SELECT events.app, events.sequence, events.at, events.event
                            FROM heads JOIN events ON events.app = heads.app AND events.number = heads.number
                            WHERE heads.app >= ? AND heads.app <= ? ORDER BY heads.app, events.sequence
                            """,
                        arguments: [first, last])
                    return try Self.folded(rows)
                })
        } catch {
            return .failure(error)
        }
    }

    /// The releases whose events these are, those of each one after the other.
    private static func folded(_ rows: [Row]) throws -> [Release] {
        let decoder = JSONDecoder()
        var releases: [Release] = []
        var current: (app: String, release: Release?)?
        for row in rows {
            let app: String = row["app"]
            let event = try JournalJSON.event(row, decoder)
            if current?.app == app {
                current?.release?.apply(event)
            } else {
                if let release = current?.release { releases.append(release) }
                current = (app, Release(event))
            }
        }
        if let release = current?.release { releases.append(release) }
        return releases
    }
}
