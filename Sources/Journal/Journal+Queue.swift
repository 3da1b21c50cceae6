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
    ///
    /// With `expected`, the queue has to be as it was when it was decided to enqueue the version.
    /// - Returns: the one that was replaced.
    /// - Throws: `JournalError.Kind.conflict` when another one waits there by now, or none: decide again.
    @discardableResult
    package func enqueue(
        _ queued: QueuedVersion, state: DeliveryResult.State = .waiting, after expected: QueueState? = nil
    ) async throws(JournalError) -> QueuedVersion? {
        try await write { database in
            let (app, name) = (queued.version.app, queued.version.version)
            let replaced = try QueuedVersion.fetch(database, app: app)
            if let expected, try expected != QueueState(replaced, app: app, database) { throw QueueEntryGone() }
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

    /// What waits for an app, and up to where its releases are known: what a decision about the queue is made on.
    package func queueState(app: String) async throws(JournalError) -> QueueState {
        try await read { try QueueState(QueuedVersion.fetch($0, app: app), app: app, $0) }
    }

    /// The delivery waits for the same version that waits in the queue.
    /// - Returns: false when that one does not wait there any more: decide again.
    package func record(_ result: DeliveryResult, of delivery: Int, while queued: QueuedVersion)
        async throws(JournalError) -> Bool
    {
        try await write { database in
            let app = queued.version.app
            guard try QueuedVersion.fetch(database, app: app)?.entry == queued.entry else { return false }
            try result.insert(database, delivery: delivery)
            return true
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

/// What a decision about an app's queue is made on: when it has changed since, the decision is made again.
package struct QueueState: Sendable, Hashable {
    package var queued: QueuedVersion?
    /// The number of the app's newest release; 0 when there is none.
    private var number: Int

    fileprivate init(_ queued: QueuedVersion?, app: String, _ database: any DatabaseConnection) throws {
        self.queued = queued
        number = try JournalHead.fetch(database, app: app)?.number ?? 0
    }

    package static func == (left: QueueState, right: QueueState) -> Bool {
        left.queued?.entry == right.queued?.entry && left.number == right.number
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(queued?.entry)
        hasher.combine(number)
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
