import ReleaseMachine

/// What is in a journal, and what is wrong in it.
package struct JournalReport: Sendable, Hashable {
    package var events: Int
    package var releases: Int
    package var apps: Int
    package var auditEntries: Int
    package var newestEvent: Timestamp?
    /// Releases whose events were deleted because of their age.
    package var deletedReleases: Int
    /// Sentences, at most a hundred for each kind of problem.
    package var problems: [String]
}

extension Journal {
    /// Reads what is in the journal, and whether releases lack events. Reads all events once.
    package func report() async throws(JournalError) -> JournalReport {
        try await read { database in
            func count(_ sql: String) throws -> Int { try database.value(Int.self, sql: "SELECT \(sql)") ?? 0 }
            return JournalReport(
                events: try count("count(*) FROM events"),
                releases: try count("count(*) FROM events WHERE sequence = 1"),
                apps: try count("count(*) FROM heads"),
                auditEntries: try count("count(*) FROM audit"),
                newestEvent: try database.value(Int64.self, sql: "SELECT max(at) FROM events")
                    .map { Timestamp(milliseconds: $0) },
                deletedReleases: try count("count(*) FROM deleted_releases"),
                problems: try Self.gaps(database) + Self.wrongHeads(database) + Self.leftOfDeleted(database))
        }
    }

    private static func gaps(_ database: any DatabaseConnection) throws -> [String] {
        try database.rows(
            sql: """
                SELECT app, number, count(*) AS events, max(sequence) AS last FROM events
                GROUP BY app, number HAVING count(*) <> max(sequence) OR min(sequence) <> 1
                ORDER BY app, number LIMIT 100
                """
        ).map { row in
            let (app, number, events, last) = (
                row["app"] as String, row["number"] as Int, row["events"] as Int, row["last"] as Int
            )
            return "\(app)/\(number) has \(events) events, but its last one is number \(last): events are missing"
        }
    }

    private static func leftOfDeleted(_ database: any DatabaseConnection) throws -> [String] {
        try database.rows(
            sql: """
                SELECT app, number FROM deleted_releases WHERE EXISTS
                    (SELECT 1 FROM events WHERE events.app = deleted_releases.app AND events.number = deleted_releases.number)
                ORDER BY app, number LIMIT 100
                """
        ).map { "\($0["app"] as String)/\($0["number"] as Int) was deleted because of its age, but has events" }
    }

    private static func wrongHeads(_ database: any DatabaseConnection) throws -> [String] {
        let newest = "SELECT app, max(number) AS number FROM events GROUP BY app"
        let wrong = try database.values(
            String.self,
            sql: """
                SELECT newest.app FROM (\(newest)) AS newest LEFT JOIN heads ON heads.app = newest.app
                WHERE heads.app IS NULL OR heads.number <> newest.number OR heads.sequence <>
                    (SELECT max(sequence) FROM events WHERE app = newest.app AND number = newest.number)
                ORDER BY newest.app LIMIT 100
                """)
        let without = try database.values(
            String.self,
            sql: """
                SELECT app FROM heads WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.app = heads.app)
                ORDER BY app LIMIT 100
                """)
        return wrong.map { "the newest event that is noted for \($0) is not its newest event" }
            + without.map { "a newest event is noted for \($0), which has no events" }
    }
}
