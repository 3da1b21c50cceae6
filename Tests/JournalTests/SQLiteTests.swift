import Foundation
import GRDB
import ReleaseMachine
import Testing

@testable import Journal
@testable import JournalSQLite

@Suite("A journal that is a SQLite file")
struct SQLiteTests {
    private let start = Timestamp(milliseconds: 1_445_783_643_000)

    @Test("an event that was appended survives a power failure: every commit is synchronized")
    func synchronous() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let setting = try journal.pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        #expect(setting == 2)  // FULL
        #expect(try journal.pool.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test("one of the first version gets its heads from the events that are there")
    func migration() async throws {
        let folder = try Folder()
        let queue = try DatabaseQueue(path: folder.journal)
        try SQLiteSchema.migrator.migrate(queue, upTo: "1: events")
        try await queue.write { database in
            try database.execute(sql: "PRAGMA application_id = \(SQLiteSchema.applicationID)")
            for (app, number, sequence) in [("blog", 1, 1), ("blog", 2, 1), ("blog", 2, 2), ("shop", 7, 1)] {
                try database.execute(
                    sql: "INSERT INTO events VALUES (?, ?, ?, 0, '{}')", arguments: [app, number, sequence])
            }
        }
        try queue.close()
        let heads = try await Journal(path: folder.journal).heads()
        #expect(heads.map { "\($0.app) \($0.number) \($0.sequence)" } == ["blog 2 2", "shop 7 1"])
    }

    @Test(
        "what a process was sending when it died is due at once when a server starts, and left to a process that lives")
    func died() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        let message = NewNotification(
            destination: "slack", kind: "test", app: "blog", number: 1, message: "paused", payload: "{}", at: start)
        try await journal.enqueue([message], cursors: [:], at: start)
        let paused = try #require(try await journal.notification(1))
        #expect(try await journal.beginAttempt(paused, at: start, until: start + .seconds(120)))
        let now = start + .seconds(1)
        var first: JournalSender? = JournalSender(journal)
        #expect(first?.isAlone == true)
        let second = JournalSender(journal)
        #expect(!second.isAlone)
        try await journal.retryNotifications(of: ["slack"], at: now, isAlone: second.isAlone)
        #expect(try await journal.dueNotification(of: "slack", at: now) == nil)
        first = nil
        #expect(!JournalSender(journal).isAlone, "the second one still sends")
        withExtendedLifetime(second) {}
        try await journal.retryNotifications(of: ["slack"], at: now, isAlone: true)
        #expect(try await journal.dueNotification(of: "slack", at: now)?.id == paused.id)
    }

    @Test("a process that sends is alone again after the others have ended")
    func aloneAgain() throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        do {
            let others = [JournalSender(journal), JournalSender(journal)]
            #expect(others.map(\.isAlone) == [true, false])
        }
        #expect(JournalSender(journal).isAlone)
    }
}
