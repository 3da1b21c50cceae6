import Foundation
import ReleaseMachine

/// A delivery of a hook as it arrives: verified and read, not acted on yet.
package struct NewDelivery: Sendable, Hashable {
    package var at: Timestamp
    package var sender: String
    /// The sender's own id; `nil` where it has none.
    package var key: String?
    package var kind: String
    /// The address that it came from.
    package var origin: String
    /// JSON.
    package var events: String
    /// Why nothing has to be done; `nil`: it is to be acted on.
    package var outcome: String?

    package init(
        at: Timestamp, sender: String, key: String?, kind: String, origin: String, events: String, outcome: String?
    ) {
        self.at = at
        self.sender = sender
        self.key = key
        self.kind = kind
        self.origin = origin
        self.events = events
        self.outcome = outcome
    }
}

/// What became of a delivery for one app.
package struct DeliveryResult: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, Codable {
        /// In the queue, and about to start.
        case starting
        /// In the queue.
        case waiting
        case started
        case ignored
        /// Nothing starts, and the caller may try again: a release is running.
        case refused
        case failed
    }

    package var app: String
    package var version: String
    package var state: State
    package var sentence: String
    /// The release that it started, or that there was already.
    package var number: Int?

    package init(app: String, version: String, state: State, sentence: String, number: Int? = nil) {
        self.app = app
        self.version = version
        self.state = state
        self.sentence = sentence
        self.number = number
    }
}

/// A delivery in the inbox.
package struct Delivery: Sendable, Hashable {
    /// Higher for each new one.
    package var id: Int
    package var at: Timestamp
    package var sender: String
    package var key: String?
    package var kind: String
    package var origin: String
    /// JSON.
    package var events: String
    /// When it is to be acted on; `nil` when that is done.
    package var nextAt: Timestamp?
    package var attempts: Int
    /// What has become of it as a whole; what became of it for each app is in `results`.
    package var outcome: String?
    /// It was given up: what it means could not be found out.
    package var isGivenUp: Bool
    package var results: [DeliveryResult]

    fileprivate init(_ row: Row, _ results: [DeliveryResult]) {
        id = row["id"]
        at = Timestamp(milliseconds: row["at"])
        sender = row["sender"]
        key = row["key"]
        kind = row["kind"]
        origin = row["origin"]
        events = row["events"]
        nextAt = (row["next_at"] as Int64?).map { Timestamp(milliseconds: $0) }
        attempts = row["attempts"]
        outcome = row["outcome"]
        isGivenUp = row["is_given_up"]
        self.results = results
    }
}

extension Journal {
    /// Writes deliveries to the inbox, all in one transaction. A delivery whose key is there already is not written again.
    /// - Returns: for each its id, and whether it came before.
    package func receive(_ deliveries: [NewDelivery]) async throws(JournalError) -> [(id: Int, cameBefore: Bool)] {
        try await write { database in
            try deliveries.map { delivery in
                if let key = delivery.key {
                    let known = try database.value(
                        Int.self, sql: "SELECT id FROM deliveries WHERE sender = ? AND key = ?",
                        arguments: [delivery.sender, key])
                    if let known { return (known, true) }
                }
                let id = try database.value(
                    Int.self,
                    sql: """
                        INSERT INTO deliveries (at, sender, key, kind, origin, events, next_at, outcome)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
                        """,
                    arguments: [
                        delivery.at.milliseconds, delivery.sender, delivery.key, delivery.kind, delivery.origin,
                        delivery.events, delivery.outcome == nil ? delivery.at.milliseconds : nil, delivery.outcome,
                    ]
                )
                return (id ?? 0, false)
            }
        }
    }

    /// Deliveries that have to be acted on: first what has waited longest, so that what is retried does not keep the others waiting.
    package func deliveriesToActOn(at now: Timestamp, limit: Int) async throws(JournalError) -> [Delivery] {
        try await read { database in
            try database.rows(
                sql: "SELECT * FROM deliveries WHERE next_at <= ? ORDER BY next_at, id LIMIT ?",
                arguments: [now.milliseconds, limit]
            ).map { try Delivery($0, results(of: $0["id"], database)) }
        }
    }

    /// Deliveries that have to be acted on, claimed for a server: no other server acts on them until they are finished or retried, or it is
    /// gone. In the same order.
    package func claimDeliveries(for server: String, at now: Timestamp, limit: Int) async throws(JournalError)
        -> [Delivery]
    {
        let due: @Sendable (any DatabaseConnection) throws -> [Row] = { database in
            let gone = try goneSince(database)
            return try database.rows(
                sql: """
                    SELECT * FROM deliveries WHERE next_at <= ? AND \(Claim.isFree("CAST(deliveries.id AS TEXT)"))
                    ORDER BY next_at, id LIMIT ?
                    """,
                arguments: [now.milliseconds] + Claim.isFreeArguments(.delivery, server, goneSince: gone) + [limit])
        }
        guard try await !read({ try due($0).isEmpty }) else { return [] }
        return try await write { database in
            try due(database).map { row in
                try Claim(.delivery, row["id"] as Int).insert(for: server, database)
                return try Delivery(row, results(of: row["id"], database))
            }
        }
    }

    /// When the next delivery has to be acted on. Of those that no other server acts on.
    package func nextDelivery(for server: String) async throws(JournalError) -> Timestamp? {
        try await read { database in
            let gone = try goneSince(database)
            return try database.value(
                Int64.self,
                sql: """
                    SELECT min(next_at) FROM deliveries
                    WHERE next_at IS NOT NULL AND \(Claim.isFree("CAST(deliveries.id AS TEXT)"))
                    """,
                arguments: Claim.isFreeArguments(.delivery, server, goneSince: gone))
        }
        .map { Timestamp(milliseconds: $0) }
    }

    /// When the next delivery has to be acted on.
    package func nextDelivery() async throws(JournalError) -> Timestamp? {
        try await read {
            try $0.value(Int64.self, sql: "SELECT min(next_at) FROM deliveries WHERE next_at IS NOT NULL")
        }
        .map { Timestamp(milliseconds: $0) }
    }

    /// Everything has been done for a delivery, or it is given up. `versions` are known from it.
    package func finish(
        delivery: Int, outcome: String?, isGivenUp: Bool = false, results: [DeliveryResult] = [],
        versions: [PushedVersion] = []
    ) async throws(JournalError) {
        try await write { database in
            for version in versions { try version.insert(database) }
            for result in results { try result.insert(database, delivery: delivery) }
            try database.execute(
                sql: """
                    UPDATE deliveries SET next_at = NULL, attempts = attempts + 1, outcome = ?, is_given_up = ?
                    WHERE id = ?
                    """,
                arguments: [outcome, isGivenUp, delivery])
            try Claim(.delivery, delivery).end(database)
        }
    }

    /// Acting on a delivery failed, and is retried.
    package func retry(delivery: Int, at next: Timestamp, because problem: String) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "UPDATE deliveries SET next_at = ?, attempts = attempts + 1, outcome = ? WHERE id = ?",
                arguments: [next.milliseconds, problem, delivery])
            try Claim(.delivery, delivery).end(database)
        }
    }

    /// From now on a delivery with the key of this one is a new one.
    package func forgetKey(ofDelivery id: Int) async throws(JournalError) {
        try await write { try $0.execute(sql: "UPDATE deliveries SET key = NULL WHERE id = ?", arguments: [id]) }
    }

    package func record(_ result: DeliveryResult, of delivery: Int) async throws(JournalError) {
        try await write { try result.insert($0, delivery: delivery) }
    }

    /// The newest deliveries first, at most `limit`, older than delivery `before`. With `apps`, only what concerned these apps.
    package func deliveries(limit: Int, before: Int? = nil, apps: [String]? = nil) async throws(JournalError)
        -> [Delivery]
    {
        try await read { database in
            let concerned = apps.map {
                "AND id IN (SELECT delivery FROM delivery_results WHERE \(condition("app", isAnyOf: $0)))"
            }
            return try database.rows(
                sql: "SELECT * FROM deliveries WHERE id < ? \(concerned ?? "") ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments([before ?? Int.max]) + StatementArguments(apps ?? [])
                    + StatementArguments([limit])
            ).map { try Delivery($0, results(of: $0["id"], database)) }
        }
    }

    package func delivery(_ id: Int) async throws(JournalError) -> Delivery? {
        try await read { database in
            try database.row(sql: "SELECT * FROM deliveries WHERE id = ?", arguments: [id])
                .map { try Delivery($0, results(of: id, database)) }
        }
    }

    /// Deletes deliveries that are so old that no sender repeats them; those that concerned no app, which may be many, sooner. Others write
    /// between the transactions.
    package func forgetDeliveries(before: Timestamp, unconcerningBefore: Timestamp) async throws(JournalError) {
        var last: Int? = 0
        while let after = last { last = try await forgetDeliveries(before, unconcerningBefore, after: after) }
    }

    /// The most deliveries that one transaction deletes.
    private static let mostForgotten = 1000

    /// - Returns: the id of the last that was deleted; `nil` when that was all.
    private func forgetDeliveries(
        _ before: Timestamp, _ unconcerningBefore: Timestamp, after: Int
    ) async throws(JournalError) -> Int? {
        try await write { database in
            let ids = try database.values(
                Int.self,
                sql: """
                    SELECT id FROM deliveries WHERE id > ? AND next_at IS NULL
                        AND (at < ? OR at < ? AND is_given_up = 0
                            AND NOT EXISTS (SELECT 1 FROM delivery_results WHERE delivery = id))
                        AND NOT EXISTS (
                            SELECT 1 FROM delivery_results WHERE delivery = id AND state IN ('waiting', 'starting'))
                    ORDER BY id LIMIT ?
                    """,
                arguments: [after, before.milliseconds, unconcerningBefore.milliseconds, Journal.mostForgotten])
            for id in ids {
                try database.execute(sql: "DELETE FROM delivery_results WHERE delivery = ?", arguments: [id])
                try database.execute(sql: "DELETE FROM deliveries WHERE id = ?", arguments: [id])
            }
            return ids.count < Journal.mostForgotten ? nil : ids.last
        }
    }

    private func results(of delivery: Int, _ database: any DatabaseConnection) throws -> [DeliveryResult] {
        try database.rows(
            sql: "SELECT * FROM delivery_results WHERE delivery = ? ORDER BY app, version",
            arguments: [delivery]
        ).map { row in
            DeliveryResult(
                app: row["app"], version: row["version"], state: .init(rawValue: row["state"]) ?? .ignored,
                sentence: row["sentence"], number: row["number"])
        }
    }
}

extension DeliveryResult {
    func insert(_ database: any DatabaseConnection, delivery: Int) throws {
        try database.execute(
            sql: """
                INSERT INTO delivery_results (delivery, app, version, state, sentence, number) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (delivery, app, version) DO UPDATE SET
                    state = excluded.state, sentence = excluded.sentence, number = excluded.number
                    WHERE delivery_results.state <> 'started'
                """,
            arguments: [delivery, app, version, state.rawValue, sentence, number]
        )
    }
}
