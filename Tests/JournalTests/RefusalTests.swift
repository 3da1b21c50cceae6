import Foundation
import GRDB
import ReleaseMachine
import Testing

@testable import Journal
@testable import JournalSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("A file that cannot be the journal is refused, and left as it is")
struct RefusalTests {
    private func damaged(_ folder: Folder, _ words: String) -> String {
        "journal \(folder.journal) is damaged (\(words)): move it away and run again; "
            + "what is live is read from the cluster and the nodes"
    }

    /// A journal of some pages, all in its one file.
    private func journal(in folder: Folder) async throws -> Data {
        let journal = try Journal(path: folder.journal)
        for number in 1...4 { try await journal.add(number, lines: 60) }
        try journal.pool.close()
        let queue = try DatabaseQueue(path: folder.journal)
        try await queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        try queue.close()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(files == ["viridian.sqlite"])
        return try folder.bytes()
    }

    @Test("a new file, and an empty one, become a journal")
    func new() async throws {
        let folder = try Folder()
        #expect(folder.refusal() == nil)
        try folder.write(Data(), to: folder("empty.sqlite"))
        try await Journal(path: folder("empty.sqlite")).add(1)
        #expect(try await Journal(path: folder("empty.sqlite")).numbers(app: "blog", limit: 1) == [1])
    }

    @Test("a file that a process died over while it created it becomes a journal")
    func halfMade() async throws {
        let folder = try Folder()
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        try DatabaseQueue(path: folder.journal, configuration: configuration).close()
        #expect(try folder.bytes().count > 0)
        try await Journal(path: folder.journal).add(1)
        let owned = folder("owned.sqlite")
        let queue = try DatabaseQueue(path: owned)
        try await queue.write { try $0.execute(sql: "PRAGMA application_id = \(SQLiteSchema.applicationID)") }
        try queue.close()
        try await Journal(path: owned).add(1)
        #expect(try await Journal(path: owned).numbers(app: "blog", limit: 1) == [1])
    }

    @Test("reading a journal changes nothing in it")
    func unchangedByReading() async throws {
        let folder = try Folder()
        let before = try await journal(in: folder)
        for _ in 1...3 {
            let journal = try Journal(path: folder.journal)
            #expect(try await journal.numbers(app: "blog", limit: 10).count == 4)
            try journal.pool.close()
        }
        let after = try Journal(path: folder.journal)
        #expect(try await after.events(app: "blog", number: 1).count == 61)
        try after.pool.close()
        // Only the counters of the header may differ.
        #expect(try folder.bytes().dropFirst(4096) == before.dropFirst(4096))
    }

    // MARK: Damaged

    @Test("something else than a database", arguments: ["hello", String(repeating: "not a database\n", count: 1000)])
    func garbage(_ text: String) async throws {
        let folder = try Folder()
        try folder.write(Data(text.utf8))
        #expect(folder.refusal() == damaged(folder, "file is not a database"))
        #expect(try folder.bytes() == Data(text.utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["viridian.sqlite"])
    }

    @Test("a file that was cut off", arguments: [0.3, 0.6, 0.95])
    func truncated(_ part: Double) async throws {
        let folder = try Folder()
        let whole = try await journal(in: folder)
        let cut = whole.prefix(Int(Double(whole.count) * part))
        try folder.write(cut)
        let refusal = try #require(folder.refusal())
        #expect(refusal.hasPrefix("journal \(folder.journal) is damaged ("), "\(refusal)")
        #expect(try folder.bytes() == cut)
    }

    @Test("a page that something else was written over")
    func overwritten() async throws {
        let folder = try Folder()
        let whole = try await journal(in: folder)
        for page in 1..<(whole.count / 4096) {
            var bytes = whole
            let place = page * 4096..<(page + 1) * 4096
            bytes.replaceSubrange(place, with: Data(repeating: 0x5A, count: 4096))
            try folder.write(bytes)
            let refusal = folder.refusal()
            #expect(
                refusal?.hasPrefix("journal \(folder.journal) is damaged (") == true,
                "page \(page): \(refusal ?? "accepted")")
            #expect(try folder.bytes() == bytes)
        }
        try folder.write(whole)
        #expect(folder.refusal() == nil)
    }

    @Test("an event that cannot be read is named, not passed over")
    func unreadableEvent() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1)
        try await journal.pool.write {
            try $0.execute(sql: "INSERT INTO events VALUES ('blog', 1, 2, 0, '{\"unheardOf\":{}}')")
        }
        let error = await #expect(throws: JournalError.self) { try await journal.events(app: "blog", number: 1) }
        #expect(
            error?.description.hasPrefix("journal \(folder.journal) is damaged (an event that cannot be read: ") == true
        )
        await #expect(throws: JournalError.self) { try await journal.releases(app: "blog", limit: 1) }
    }

    // MARK: Other programs

    @Test("a newer version's journal")
    func newer() async throws {
        let folder = try Folder()
        _ = try await journal(in: folder)
        let queue = try DatabaseQueue(path: folder.journal)
        try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: the future')") }
        try queue.close()
        let before = try folder.bytes()
        #expect(
            folder.refusal()
                == "journal \(folder.journal) was written by a newer version of viridian: "
                + "run that version, or name another journal in viridian.yaml")
        #expect(try folder.bytes() == before)
    }

    @Test("another program's database, in either journal mode", arguments: ["DELETE", "WAL"])
    func foreign(_ mode: String) async throws {
        let folder = try Folder()
        let queue = try DatabaseQueue(path: folder.journal)
        try await queue.writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA journal_mode = \(mode)")
            try $0.execute(sql: "CREATE TABLE events (id INTEGER PRIMARY KEY)")
        }
        try queue.close()
        let before = try folder.bytes()
        #expect(
            folder.refusal()
                == "journal \(folder.journal) is a database of another program: name another journal in viridian.yaml")
        #expect(try folder.bytes() == before)
    }

    @Test("another program's database that has no tables yet")
    func foreignAndEmpty() async throws {
        let folder = try Folder()
        let queue = try DatabaseQueue(path: folder.journal)
        try await queue.write { try $0.execute(sql: "PRAGMA application_id = 12345") }
        try queue.close()
        let before = try folder.bytes()
        #expect(folder.refusal()?.contains("is a database of another program") == true)
        #expect(try folder.bytes() == before)
    }

    // MARK: No usable folder

    private func unusable(_ path: String, _ words: String) -> String {
        "journal \(path) cannot be used: \(words): fix that, or name another journal in viridian.yaml"
    }

    @Test("a directory")
    func directory() async throws {
        let folder = try Folder()
        #expect(folder.refusal(folder.path) == unusable(folder.path, "it is a directory"))
    }

    @Test("a folder that is not there")
    func missingFolder() async throws {
        let folder = try Folder()
        let path = folder("no/such/viridian.sqlite")
        #expect(folder.refusal(path) == unusable(path, "there is no folder \(folder("no/such"))"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("a folder that cannot be written, even by root")
    func unwritableFolder() async throws {
        let path = "/proc/viridian.sqlite"
        #expect(
            try Folder().refusal(path)
                == unusable(path, "no permission to write it or its folder (unable to open database file)"))
    }

    @Test("a journal that cannot be written", .enabled(if: geteuid() != 0, "root may write every file"))
    func unwritableFile() async throws {
        let folder = try Folder()
        _ = try await journal(in: folder)
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: folder.journal)
        #expect(folder.refusal()?.contains("no permission to write it or its folder") == true)
    }

    // MARK: No space

    @Test("a database that may not grow: the event is refused, those before it stay")
    func full() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1)
        try await journal.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 8") }
        try await fillUp(journal)
    }

    @Test("a disk that is full", .enabled("needs the right to mount a file system") { await Small.isPossible() })
    func fullDisk() async throws {
        let folder = try Folder()
        try await Small.withFileSystem(at: folder("disk")) {
            let journal = try Journal(path: folder("disk/viridian.sqlite"))
            try await journal.add(1)
            try await fillUp(journal)
            try journal.pool.close()
        }
    }

    @Test(
        "a full disk: a backup and a copy say so, and leave nothing there",
        .enabled("needs the right to mount a file system") { await Small.isPossible() })
    func fullDiskOfBackup() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1, lines: 8000)
        try await Small.withFileSystem(at: folder("disk")) {
            let file = folder("disk/backup.sqlite")
            let words =
                "\(file) was not written: its disk is full. Nothing is left of it: make space, or name a file on another disk"
            let backup = await #expect(throws: JournalFileError.self) {
                try await JournalFile.backUp(folder.journal, to: file)
            }
            #expect(backup?.description == words)
            let copy = await #expect(throws: JournalFileError.self) {
                try await JournalFile.create(file) { try await journal.copy(to: $0) }
            }
            #expect(copy?.description == words)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder("disk"))
            #expect(left.isEmpty)
        }
    }

    /// Appends until there is no space, and checks that everything that was accepted is there.
    private func fillUp(_ journal: Journal) async throws {
        var sequence = 1
        let error = await #expect(throws: JournalError.self) {
            while sequence < 10_000 {
                try await journal.append(
                    [Sample.recorded(sequence + 1, .said(LogMessage(String(repeating: "x", count: 1000))))],
                    app: "blog", number: 1)
                sequence += 1
            }
        }
        #expect(error?.description == unusable(journal.name, "its disk is full"))
        #expect(try await journal.events(app: "blog", number: 1).map(\.sequence) == Array(1...sequence))
    }
}

/// A file system of a few hundred KiB.
enum Small {
    static func isPossible() async -> Bool {
        guard let folder = try? Folder() else { return false }
        return (try? await withFileSystem(at: folder("disk")) {}) != nil
    }

    static func withFileSystem(at path: String, _ body: () async throws -> Void) async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=512k") == 0 else {
            throw CocoaError(.fileWriteNoPermission)
        }
        defer { umount2(path, Int32(MNT_DETACH)) }
        try await body()
    }
}
