import Foundation
import GRDB
import ReleaseMachine

/// A version that waits to be released.
package struct QueuedVersion: Sendable, Hashable {
    package var version: PushedVersion
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
        delivery: Int,
        since: Timestamp,
        requestedBy: String,
        requester: Admission.Requester,
        reason: String? = nil,
        waitsFor: String
    ) {
        self.version = version
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
            delivery: row["delivery"],
            since: Timestamp(milliseconds: row["since"]),
            requestedBy: row["requested_by"],
            requester: (row["requester"] as String) == "script" ? .script : .hook,
            reason: row["reason"],
            waitsFor: row["waits_for"])
    }
}

extension Journal {
    /// Puts a version into the queue of its app, instead of the one that waits there, if any. From then on the version is known.
    /// - Returns: the one that was replaced.
    @discardableResult
    package func enqueue(_ queued: QueuedVersion) throws(JournalError) -> QueuedVersion? {
        try write { database in
            let (app, name) = (queued.version.app, queued.version.version)
            let replaced = try QueuedVersion.fetch(database, app: app)
            if let replaced, replaced.delivery != queued.delivery || replaced.version != queued.version {
                try DeliveryResult(
                    app: app, version: replaced.version.version, state: .ignored,
                    sentence: "replaced in the queue by \(name), which is newer"
                ).insert(database, delivery: replaced.delivery)
            }
            if queued.version.image == nil { try queued.version.insert(database) }
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO queue
                        (app, version, delivery, since, requested_by, requester, reason, waits_for)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    app, String(decoding: try Schema.encoder.encode(queued.version), as: UTF8.self), queued.delivery,
                    queued.since.milliseconds, queued.requestedBy, queued.requester == .script ? "script" : "hook",
                    queued.reason, queued.waitsFor,
                ])
            try DeliveryResult(app: app, version: name, state: .waiting, sentence: queued.waitsFor)
                .insert(database, delivery: queued.delivery)
            return replaced
        }
    }

    /// What the queued version waits for has changed.
    package func update(_ queued: QueuedVersion, waitsFor sentence: String) throws(JournalError) {
        try write { database in
            try database.execute(
                sql: "UPDATE queue SET waits_for = ? WHERE app = ? AND delivery = ?",
                arguments: [sentence, queued.version.app, queued.delivery])
            guard database.changesCount > 0 else { return }
            try DeliveryResult(
                app: queued.version.app, version: queued.version.version, state: .waiting, sentence: sentence
            ).insert(database, delivery: queued.delivery)
        }
    }

    /// Takes a version out of the queue, without a release.
    package func dequeue(_ queued: QueuedVersion, result: DeliveryResult) throws(JournalError) {
        try write { database in
            try queued.remove(database)
            try result.insert(database, delivery: queued.delivery)
        }
    }

    /// Takes the version that waits out of the queue because a person says so. `audit` makes the entry in the audit log.
    /// - Returns: the version; `nil` when none waits.
    package func dropQueued(
        app: String, by: String, audit: @Sendable (QueuedVersion) -> AuditEntry
    ) throws(JournalError) -> QueuedVersion? {
        try write { database in
            guard let queued = try QueuedVersion.fetch(database, app: app) else { return nil }
            try queued.remove(database)
            try DeliveryResult(
                app: app, version: queued.version.version, state: .ignored,
                sentence: "\(queued.version.version) of \(app) was dropped from the queue by \(by)"
            ).insert(database, delivery: queued.delivery)
            try audit(queued).insert(database)
            return queued
        }
    }

    package func queued(app: String) throws(JournalError) -> QueuedVersion? {
        try read { try QueuedVersion.fetch($0, app: app) }
    }

    /// What waits, for every app, by the apps' names.
    package func queue() throws(JournalError) -> [QueuedVersion] {
        try read { try Row.fetchAll($0, sql: "SELECT * FROM queue ORDER BY app").map { try QueuedVersion($0) } }
    }
}

extension QueuedVersion {
    fileprivate static func fetch(_ database: Database, app: String) throws -> QueuedVersion? {
        try Row.fetchOne(database, sql: "SELECT * FROM queue WHERE app = ?", arguments: [app])
            .map { try QueuedVersion($0) }
    }

    func remove(_ database: Database) throws {
        try QueuedVersion.remove(database, app: version.app, delivery: delivery)
    }

    fileprivate static func remove(_ database: Database, app: String, delivery: Int) throws {
        try database.execute(
            sql: "DELETE FROM queue WHERE app = ? AND delivery = ?", arguments: [app, delivery])
    }

    /// Its release has begun: together with the release's first event, or not at all.
    static func hasStarted(_ order: Order, delivery: Int, _ database: Database) throws {
        try remove(database, app: order.app, delivery: delivery)
        try DeliveryResult(
            app: order.app, version: order.version, state: .started, sentence: "started \(order.name)",
            number: order.number
        ).insert(database, delivery: delivery)
    }
}
