import Foundation
import GRDB
import ReleaseMachine
import Testing

@testable import Journal

@Suite("Beside the events: heads, audit, tokens, sessions, keys")
struct RecordTests {
    private let start = Timestamp(milliseconds: 1_445_783_643_000)

    @Test("a journal of the first version gets its heads from the events that are there")
    func migration() throws {
        let folder = try Folder()
        let queue = try DatabaseQueue(path: folder.journal)
        try Schema.migrator.migrate(queue, upTo: "1: events")
        try queue.write { database in
            try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            for (app, number, sequence) in [("blog", 1, 1), ("blog", 2, 1), ("blog", 2, 2), ("shop", 7, 1)] {
                try database.execute(
                    sql: "INSERT INTO events VALUES (?, ?, ?, 0, '{}')", arguments: [app, number, sequence])
            }
        }
        try queue.close()
        let heads = try Journal(path: folder.journal).heads()
        #expect(heads.map { "\($0.app) \($0.number) \($0.sequence)" } == ["blog 2 2", "shop 7 1"])
    }

    @Test("heads move with every event, also of an older release, and tell what came after a position")
    func heads() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.add(1, lines: 2)
        try journal.add(1, app: "shop")
        let before = try #require(try journal.heads().last?.position)
        #expect(try journal.heads(after: before) == [])
        try journal.add(2)
        let second = try #require(try journal.heads(after: before).first)
        #expect(second.app == "blog" && second.number == 2 && second.sequence == 1)
        try journal.append(Sample.recorded(4, .replaced(by: 2, rolledBack: false)), app: "blog", number: 1)
        let third = try #require(try journal.heads(after: second.position).first)
        #expect(third.number == 2 && third.sequence == 1, "the newest release stays the newest")
    }

    @Test("a watch tells that any process has written, and nothing else")
    func watch() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try journal.add(1)
        let watch = try JournalWatch(journal)
        let first = try watch.mark()
        #expect(try watch.mark() == first)
        _ = try journal.heads()
        #expect(try watch.mark() == first)
        try Journal(path: folder.journal).add(2)
        #expect(try watch.mark() != first)
    }

    @Test("a request and its entry in the audit log are written together, or not at all")
    func audit() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let event = Sample.request(1)
        let entry = try #require(AuditEntry(event, app: "blog", number: 1, origin: "10.0.0.1"))
        let request = KeyedRequest(owner: "tok_1", key: "k", hash: [1, 2])
        try journal.append(event, app: "blog", number: 1, audit: entry, request: request)
        #expect(throws: JournalError.self) { try journal.append(event, app: "blog", number: 1, audit: entry) }
        let entries = try journal.audit(limit: 10)
        #expect(entries.count == 1 && entries[0].who == "anna" && entries[0].action == "deploy" && entries[0].id > 0)
        #expect(entries[0].origin == "10.0.0.1" && entries[0].release == 1 && entries[0].detail == "20151025.143403")
        let answered = try #require(try journal.answered(owner: "tok_1", key: "k"))
        #expect(answered.app == "blog" && answered.number == 1 && answered.hash == [1, 2])
        #expect(try journal.answered(owner: "tok_2", key: "k") == nil)
        #expect(AuditEntry(Sample.recorded(2, .podsReady), app: "blog", number: 1, origin: "x") == nil)
    }

    @Test("the audit log can be read in pages and for some apps, and cannot be changed or shortened")
    func auditPages() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        for number in 1...5 {
            try journal.note(
                AuditEntry(
                    at: start, who: "anna", action: "repair", app: number % 2 == 0 ? "shop" : "blog", origin: "cli",
                    reason: "'; DROP TABLE audit --"))
        }
        let newest = try journal.audit(limit: 2)
        #expect(newest.map(\.app) == ["blog", "shop"])
        #expect(try journal.audit(limit: 10, before: newest[1].id).count == 3)
        #expect(try journal.audit(limit: 10, apps: ["shop"]).count == 2)
        #expect(try journal.audit(limit: 10, apps: []) == [])
        let queue = try DatabaseQueue(path: folder.journal)
        for sql in ["UPDATE audit SET who = 'eve'", "DELETE FROM audit"] {
            #expect(throws: DatabaseError.self) { try queue.write { try $0.execute(sql: sql) } }
        }
    }

    @Test("a token is known by its hash, until it expires or is revoked")
    func tokens() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let entry = AuditEntry(at: start, who: "anna", action: "token.create", origin: "cli")
        let token = TokenRecord(
            id: "tok_1", name: "ci", role: .deployer, apps: ["blog", "shop"], createdAt: start, createdBy: "anna",
            expiresAt: start + .seconds(60))
        try journal.add(token, hash: [1, 2, 3], audit: entry)
        #expect(try journal.token(hash: [1, 2, 3]) == token)
        #expect(try journal.token(hash: [1, 2]) == nil)
        #expect(token.isGood(at: start) && !token.isGood(at: start + .seconds(60)))
        try journal.noteUse(ofToken: "tok_1", at: start + .seconds(5))
        try journal.noteUse(ofToken: "tok_1", at: start + .seconds(4))
        #expect(try journal.token(id: "tok_1")?.usedAt == start + .seconds(5))
        let session = SessionRecord(token: "tok_1", csrf: "c", createdAt: start, seenAt: start)
        try journal.add(session, hash: [9])
        #expect(try journal.session(hash: [9]) == session)
        #expect(try journal.revokeToken(id: "tok_1", at: start, audit: entry))
        #expect(try !journal.revokeToken(id: "tok_1", at: start, audit: entry))
        #expect(try journal.token(id: "tok_1")?.isGood(at: start) == false)
        #expect(try journal.session(hash: [9]) == nil)
        #expect(try journal.audit(limit: 10).count == 2)
    }

    @Test("sessions that were idle for too long, or are too old, are deleted")
    func sessions() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        func add(_ hash: UInt8, created: Int, seen: Int) throws {
            let session = SessionRecord(
                token: "t", csrf: "c", createdAt: start + .seconds(created), seenAt: start + .seconds(seen))
            try journal.add(session, hash: [hash])
        }
        try add(1, created: 0, seen: 100)
        try add(2, created: 50, seen: 60)
        try add(3, created: 50, seen: 100)
        try journal.forgetSessions(notSeenSince: start + .seconds(90), begunBefore: start + .seconds(10))
        #expect(try journal.session(hash: [1]) == nil && journal.session(hash: [2]) == nil)
        try journal.noteVisit(ofSession: [3], at: start + .seconds(200))
        #expect(try journal.session(hash: [3])?.seenAt == start + .seconds(200))
        try journal.endSession(hash: [3])
        #expect(try journal.session(hash: [3]) == nil)
    }

    @Test("a role includes the roles below it")
    func roles() {
        #expect(Role.viewer < .deployer && .deployer < .admin)
    }
}
