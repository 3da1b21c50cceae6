import Foundation
import GRDB
import Glibc
import ReleaseMachine
import TestSupport
import Testing

@testable import Journal
@testable import JournalSQLite

extension Journal {
    /// A journal with something in many tables.
    fileprivate func fill() async throws {
        try await add(1, lines: 450)
        try await add(1, app: "shop", lines: 3)
        try await add(2, lines: 2)
        try await note(
            AuditEntry(at: Sample.start, who: "zoë \"z\"", action: "repair", app: "shop", origin: "cli", reason: "a\nb")
        )
        let token = TokenRecord(
            id: "t1", name: "ci", role: .deployer, apps: ["blog"], createdAt: Sample.start, createdBy: "anna")
        try await add(
            token, hash: [1, 2, 255],
            audit: AuditEntry(at: Sample.start + .seconds(5), who: "anna", action: "token.create", origin: "cli"))
        try await add(
            SessionRecord(token: "t1", csrf: "c", createdAt: Sample.start, seenAt: Sample.start), hash: [9, 9])
        try await note(workspace: "T1", ofSlackToken: [7])
    }

    fileprivate func exported(app: String? = nil, since: Timestamp? = nil) async throws -> [String] {
        var lines: [String] = []
        try await export(app: app, since: since) { lines += $0 }
        return lines
    }
}

extension EveryJournal {
    @Suite("A journal as a whole")
    struct TransferTests {
        @Test(
            "what is copied to another database, and from there into a file, is the same in every exported line, with its tokens, sessions and positions",
            arguments: Backend.here)
        func copy(_ backend: Backend) async throws {
            let (folder, place) = (try Folder(), try await backend.place())
            let journal = try Journal(path: folder.journal)
            try await journal.fill()
            let there = try place.open()
            let copied = try await journal.copy(to: there)
            #expect(copied.events == 458)
            let back = folder("back.sqlite")
            _ = try await JournalFile.create(back) { try await there.copy(to: $0) }
            let again = try Journal(path: back)
            let lines = try await journal.exported()
            #expect(lines.count == 460)
            for other in [there, again] {
                #expect(try await other.exported() == lines)
                #expect(try await other.heads() == journal.heads())
                #expect(try await other.token(hash: [1, 2, 255])?.apps == ["blog"])
                #expect(try await other.session(hash: [9, 9])?.token == "t1")
                // It goes on after the numbers that were given.
                try await other.note(
                    AuditEntry(at: Sample.start, who: "ben", action: "repair", origin: "cli"))
                #expect(try await other.audit(limit: 1).map(\.id) == [3])
                try await other.add(3)
                #expect(try await other.head(app: "blog")?.position == 459)
                // Its own opening finds nothing to say.
                #expect(try await other.report().problems.isEmpty)
            }
            _ = try place.open()
        }

        @Test("a journal in which there is something takes no copy", arguments: Backend.here)
        func notEmpty(_ backend: Backend) async throws {
            let (folder, place) = (try Folder(), try await backend.place())
            let journal = try Journal(path: folder.journal)
            try await journal.fill()
            let there = try place.open()
            try await there.add(7)
            let error = await #expect(throws: CopyError.self) { try await journal.copy(to: there) }
            #expect(error?.description.contains("is not empty") == true)
            #expect(try await there.numbers(app: "blog", limit: 5) == [7])
        }

        @Test(
            "a number that was given and whose row is gone is not given again in the copy", arguments: Backend.here)
        func numbers(_ backend: Backend) async throws {
            let (folder, place) = (try Folder(), try await backend.place())
            let journal = try Journal(path: folder.journal)
            let delivery = NewDelivery(
                at: Sample.start, sender: "s", key: nil, kind: "push", origin: "o", events: "[]", outcome: nil)
            _ = try await journal.receive([delivery])
            try await journal.write { try $0.execute(sql: "DELETE FROM deliveries") }
            let there = try place.open()
            _ = try await journal.copy(to: there)
            _ = try await there.receive([delivery])
            let ids = try await there.read { try $0.values(Int.self, sql: "SELECT id FROM deliveries") }
            #expect(ids == [2])
        }

        @Test("a database whose copy was not finished is opened by nobody", .needsPostgreSQL)
        func unfinished() async throws {
            let place = try await Backend.postgreSQL.place()
            _ = try place.open()
            _ = try await PostgreSQLServer.psql(
                place.name, "INSERT INTO schema_migrations VALUES ('\(Journal.unfinishedCopy)', 0)")
            let error = #expect(throws: JournalError.self) { try place.open() }
            #expect(error?.description.contains("was not finished") == true, "\(String(describing: error))")
        }

        @Test(
            "the report counts, and names events that are missing and an app whose newest event is wrong",
            arguments: Backend.here)
        func report(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.fill()
            let sound = try await journal.report()
            let counts: [Int] = [sound.events, sound.releases, sound.apps, sound.auditEntries]
            #expect(counts == [458, 3, 2, 2])
            #expect(sound.problems.isEmpty && sound.newestEvent == Sample.start + .seconds(451))
            try await journal.append(
                [Sample.recorded(9, .abortRequested(by: "a", reason: nil))], app: "shop", number: 1)
            try await journal.write { database in
                try database.execute(sql: "UPDATE heads SET sequence = 1 WHERE app = 'blog'")
                try database.execute(
                    sql: "INSERT INTO heads (app, number, sequence, position) VALUES ('gone', 1, 1, 9999)")
            }
            #expect(
                try await journal.report().problems == [
                    "shop/1 has 5 events, but its last one is number 9: events are missing",
                    "the newest event that is noted for blog is not its newest event",
                    "a newest event is noted for gone, which has no events",
                ])
        }

        @Test("the export is JSON, by app and time, without hashes and sessions", arguments: Backend.here)
        func export(_ backend: Backend) async throws {
            // Its folder is there for as long as the place is.
            let place = try await backend.place()
            defer { withExtendedLifetime(place) {} }
            let journal = try place.open()
            try await journal.fill()
            let lines = try await journal.exported()
            let objects = try lines.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(Set(objects.compactMap { $0["type"] as? String }) == ["event", "audit"])
            let person = try #require(objects.first { $0["action"] as? String == "repair" })
            #expect(person["who"] as? String == "zoë \"z\"" && person["reason"] as? String == "a\nb")
            #expect(!lines.joined().contains("csrf") && !lines.joined().contains("hash"))
            let shop = try await journal.exported(app: "shop")
            #expect(shop.count == 5 && shop.allSatisfy { $0.contains("\"app\":\"shop\"") })
            let late = try await journal.exported(since: Sample.start + .seconds(450))
            #expect(late.count == 2)
        }
    }
}

@Suite("The file of a journal as a whole")
struct JournalFileTests {
    @Test("a backup that is made while somebody appends is sound, complete up to one event, and its owner's alone")
    func backup() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1, lines: 2000)
        let other = try Journal(path: folder.journal)
        let appending = Task {
            var sequence = 1
            while !Task.isCancelled {
                let event: Event = sequence == 1 ? .requested(Sample.order(2)) : .said(LogMessage("\(sequence)"))
                try await other.append([Sample.recorded(sequence, event)], app: "blog", number: 2)
                sequence += 1
            }
        }
        defer { appending.cancel() }
        var last = 0
        for index in 1...5 {
            let file = folder("backup-\(index).sqlite")
            try await JournalFile.backUp(folder.journal, to: file)
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try SQLiteReport.read(file).problems.isEmpty)
            let copy = try Journal(path: file)
            #expect(try await copy.report().problems.isEmpty)
            let count = try await copy.events(app: "blog", number: 2).count
            #expect(count >= last)
            last = count
            #expect(try await copy.events(app: "blog", number: 1).count == 2001)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("partial") }
        #expect(left.isEmpty)
    }

    @Test("a backup overwrites nothing, unless that is asked for, and never the journal itself")
    func overwriting() async throws {
        let folder = try Folder()
        try await Journal(path: folder.journal).add(1)
        try folder.write(Data("mine".utf8), to: folder("file"))
        let error = await #expect(throws: JournalFileError.self) {
            try await JournalFile.backUp(folder.journal, to: folder("file"))
        }
        #expect(error?.description == "\(folder("file")) is there already: name a file that is not there yet")
        #expect(try folder.bytes(folder("file")) == Data("mine".utf8))
        await #expect(throws: JournalFileError(file: folder.journal, kind: .isJournal)) {
            try await JournalFile.backUp(folder.journal, to: folder.journal, replacing: true)
        }
        try await JournalFile.backUp(folder.journal, to: folder("file"), replacing: true)
        #expect(try await Journal(path: folder("file")).numbers(app: "blog", limit: 2) == [1])
    }

    @Test("a backup that is interrupted leaves no file")
    func interrupted() async throws {
        let folder = try Folder()
        try await Journal(path: folder.journal).add(1, lines: 100)
        let path = folder.journal
        let file = folder("backup")
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await JournalFile.backUp(path, to: file)
        }
        // SQLite reports progress only between steps: a small journal may be complete before. Then it is sound.
        let result = await task.result
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.contains { $0.contains("partial") }, "\(names)")
        if case .failure = result { #expect(!names.contains("backup")) } else { #expect(folder.refusal(file) == nil) }
    }

    @Test("a restored journal has what the backup has, takes releases, and the old one is kept")
    func restore() async throws {
        let folder = try Folder()
        do {
            let journal = try Journal(path: folder.journal)
            try await journal.add(1, lines: 5)
            try await JournalFile.backUp(folder.journal, to: folder("backup"))
            try await journal.add(2)
            try journal.pool.close()
        }
        await #expect(throws: JournalFileError(file: folder.journal, kind: .notEmpty)) {
            try await JournalFile.restore(folder("backup"), to: folder.journal, keeping: nil)
        }
        let old = try await JournalFile.restore(folder("backup"), to: folder.journal, keeping: ".before")
        #expect(old == folder.journal + ".before")
        let restored = try Journal(path: folder.journal)
        #expect(try await restored.numbers(app: "blog", limit: 5) == [1])
        try await restored.add(2)
        #expect(try await Journal(path: folder.journal + ".before").numbers(app: "blog", limit: 5) == [2, 1])
        let mode = try FileManager.default.attributesOfItem(atPath: folder.journal)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("nothing is restored while a server uses the journal, or from what is no journal")
    func refused() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1)
        try await JournalFile.backUp(folder.journal, to: folder("backup"))
        let sender = JournalSender(journal)
        await #expect(throws: JournalFileError(file: folder.journal, kind: .inUse)) {
            try await JournalFile.restore(folder("backup"), to: folder.journal, keeping: ".before")
        }
        withExtendedLifetime(sender) {}
        try folder.write(Data("no database at all, but long enough to be read as one".utf8), to: folder("other"))
        await #expect(throws: BackupFileError.self) {
            try await JournalFile.restore(folder("other"), to: folder("new.sqlite"), keeping: nil)
        }
        #expect(!FileManager.default.fileExists(atPath: folder("new.sqlite")))
        #expect(try await journal.numbers(app: "blog", limit: 5) == [1])
    }

    @Test("a copy that fails leaves no file")
    func failedCopy() async throws {
        let folder = try Folder()
        struct Failed: Error {}
        await #expect(throws: Failed.self) {
            try await JournalFile.create(folder("copy")) { journal in
                try await journal.add(1)
                throw Failed()
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
