import Foundation
import ReleaseMachine

/// A version that waits to be released.
package struct QueuedVersion: Sendable, Hashable {
    package var version: PushedVersion
    /// Tells this row from any other, before and after it.
    package let entry: String
    /// The delivery that named it.
    package var delivery: Int
    package var since: Timestamp
    package var requestedBy: String
    package var requester: Admission.Requester
    package var reason: String?
    /// One sentence.
    package var waitsFor: String

    package init(
        version: PushedVersion,
        entry: String = ReleaseLock.newID(),
        delivery: Int,
        since: Timestamp,
        requestedBy: String,
        requester: Admission.Requester,
        reason: String? = nil,
        waitsFor: String
    ) {
        self.version = version
        self.entry = entry
        self.delivery = delivery
        self.since = since
        self.requestedBy = requestedBy
        self.requester = requester
        self.reason = reason
        self.waitsFor = waitsFor
    }

    fileprivate init(_ row: Row) throws {
        let text: String = row["version"]
        self.init(
            version: try JSONDecoder().decode(PushedVersion.self, from: Data(text.utf8)),
            entry: row["entry"],
            delivery: row["delivery"],
            since: Timestamp(milliseconds: row["since"]),
            requestedBy: row["requested_by"],
            requester: (row["requester"] as String) == "script" ? .script : .hook,
            reason: row["reason"],
            waitsFor: row["waits_for"])
    }
}

extension Journal {
    /// Puts a version into the queue of its app, instead of the one that waits there, if any. From then on the version is known. `result` is
    /// what becomes of its delivery.
    /// - Returns: the one that was replaced.
    @discardableResult
    package func enqueue(_ queued: QueuedVersion, state: DeliveryResult.State = .waiting) async throws(JournalError)
        -> QueuedVersion?
    {
        try await write { database in
            let (app, name) = (queued.version.app, queued.version.version)
            let replaced = try QueuedVersion.fetch(database, app: app)
            if let replaced {
                try DeliveryResult(
                    app: app, version: replaced.version.version, state: .ignored,
                    sentence: "replaced in the queue by \(name), which is newer"
                ).settle(database)
            }
            if queued.version.image == nil { try queued.version.insert(database) }
            try database.execute(
                sql: """
                    INSERT INTO queue
                        (app, entry, version, delivery, since, requested_by, requester, reason, waits_for)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (app) DO UPDATE SET
                        entry = excluded.entry, version = excluded.version, delivery = excluded.delivery,
                        since = excluded.since, requested_by = excluded.requested_by, requester = excluded.requester,
                        reason = excluded.reason, waits_for = excluded.waits_for
                    """,
                arguments: [
                    app, queued.entry, String(decoding: try JournalJSON.encoder.encode(queued.version), as: UTF8.self),
                    queued.delivery, queued.since.milliseconds, queued.requestedBy,
                    queued.requester == .script ? "script" : "hook", queued.reason, queued.waitsFor,
                ])
            try DeliveryResult(app: app, version: name, state: state, sentence: queued.waitsFor)
                .insert(database, delivery: queued.delivery)
            return replaced
        }
    }

    /// What the queued version waits for has changed. Nothing happens when it is not in the queue any more.
    package func update(_ queued: QueuedVersion, waitsFor sentence: String) async throws(JournalError) {
        try await write { database in
            let changed = try database.execute(
                sql: "UPDATE queue SET waits_for = ? WHERE entry = ?", arguments: [sentence, queued.entry])
            guard changed > 0 else { return }
            try DeliveryResult(
                app: queued.version.app, version: queued.version.version, state: .waiting, sentence: sentence
            ).settle(database)
        }
    }

    /// Takes a version out of the queue, without a release. Nothing happens when it is not in the queue any more.
    package func dequeue(_ queued: QueuedVersion, result: DeliveryResult) async throws(JournalError) {
        try await write { database in
            guard try queued.remove(database) else { return }
            try result.settle(database)
        }
    }

    /// Takes the version that waits out of the queue because a person says so. `audit` makes the entry in the audit log.
    /// - Returns: the version; `nil` when none waits.
    package func dropQueued(
        app: String, by: String, audit: @escaping @Sendable (QueuedVersion) -> AuditEntry
    ) async throws(JournalError) -> QueuedVersion? {
        try await write { database in
            guard let queued = try QueuedVersion.fetch(database, app: app) else { return nil }
            _ = try queued.remove(database)
            try DeliveryResult(
                app: app, version: queued.version.version, state: .ignored,
                sentence: "\(queued.version.version) of \(app) was dropped from the queue by \(by)"
            ).settle(database)
            try audit(queued).insert(database)
            return queued
        }
    }

    package func queued(app: String) async throws(JournalError) -> QueuedVersion? {
        try await read { try QueuedVersion.fetch($0, app: app) }
    }

    /// What waits, for every app, by the apps' names.
    package func queue() async throws(JournalError) -> [QueuedVersion] {
        try await read { try $0.rows(sql: "SELECT * FROM queue ORDER BY app").map { try QueuedVersion($0) } }
    }
}

/// A version was taken out of the queue, or replaced, just before its release began.
struct QueueEntryGone: Error {}

extension QueuedVersion {
    fileprivate static func fetch(_ database: any DatabaseConnection, app: String) throws -> QueuedVersion? {
        try database.row(sql: "SELECT * FROM queue WHERE app = ?", arguments: [app])
            .map { try QueuedVersion($0) }
    }

    /// - Returns: whether it was there.
    fileprivate func remove(_ database: any DatabaseConnection) throws -> Bool {
        let changed = try database.execute(sql: "DELETE FROM queue WHERE entry = ?", arguments: [entry])
        return changed > 0
    }

    /// Its release has begun: together with the release's first event, or not at all.
    static func hasStarted(_ order: Order, entry: String, _ database: any DatabaseConnection) throws {
        let row = try database.row(sql: "SELECT * FROM queue WHERE entry = ?", arguments: [entry])
        guard let queued = try row.map({ try QueuedVersion($0) }), try queued.remove(database) else {
            throw QueueEntryGone()
        }
        try DeliveryResult(
            app: order.app, version: order.version, state: .started, sentence: "started \(order.name)",
            number: order.number
        ).settle(database)
    }
}

extension DeliveryResult {
    /// This has become of every delivery that waits for this version.
    fileprivate func settle(_ database: any DatabaseConnection) throws {
        try database.execute(
            sql: """
                UPDATE delivery_results SET state = ?, sentence = ?, number = ?
                WHERE app = ? AND version = ? AND state IN ('waiting', 'starting')
                """,
            arguments: [state.rawValue, sentence, number, app, version])
    }
}
