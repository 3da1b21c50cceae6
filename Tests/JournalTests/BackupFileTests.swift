import Foundation
import GRDB
import Glibc
import ReleaseMachine
import Testing

@testable import Journal
@testable import JournalSQLite

@Suite("Files that a journal is backed up to and restored from")
struct BackupFileTests {
    /// A journal with one release, and the folder of its backups with `b.sqlite`.
    private func journal() async throws -> (folder: Folder, journal: Journal) {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1, lines: 50)
        try FileManager.default.createDirectory(atPath: folder("backups"), withIntermediateDirectories: true)
        try await JournalFile.backUp(folder.journal, to: folder("backups/b.sqlite"))
        return (folder, journal)
    }

    private func restore(_ file: String, _ folder: Folder) async -> String? {
        do {
            _ = try await JournalFile.restore(file, to: folder.journal, keeping: ".before")
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "a backup does not replace what lies beside the journal and belongs to it, whatever path leads there",
        arguments: ["-wal", "-shm", "-sender", "-journal"])
    func parts(_ end: String) async throws {
        let (folder, journal) = try await journal()
        let sender = JournalSender(journal)
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder("there"), withDestinationPath: folder.path)
        try files.createSymbolicLink(atPath: folder("link"), withDestinationPath: folder.journal + end)
        let names = [
            folder.journal + end, folder("backups/../viridian.sqlite\(end)"), folder("there/viridian.sqlite\(end)"),
        ]
        for file in names + (end == "-journal" ? [] : [folder("link")]) {
            let error = await #expect(throws: JournalFileError.self) {
                try await JournalFile.backUp(folder.journal, to: file, replacing: true)
            }
            #expect(error?.description == "\(file) is a part of the journal itself: name another file")
        }
        #expect(throws: JournalFileError.self) { try JournalFile.checkTarget(names[0], of: folder.journal) }
        try JournalFile.checkTarget(folder("backups/c.sqlite"), of: folder.journal)
        // A journal that a link leads to has its log where the file is.
        try files.createSymbolicLink(atPath: folder("backups/j.sqlite"), withDestinationPath: folder.journal)
        await #expect(throws: JournalFileError(file: folder.journal + end, kind: .belongsToJournal)) {
            try await JournalFile.backUp(folder("backups/j.sqlite"), to: folder.journal + end, replacing: true)
        }
        try await journal.add(2)
        #expect(try SQLiteReport.read(folder.journal).problems.isEmpty)
        #expect(await restore(folder("backups/b.sqlite"), folder)?.hasPrefix("a server uses journal") == true)
        withExtendedLifetime(sender) {}
    }

    @Test("a backup replaces no pipe, no device and no folder")
    func noFile() async throws {
        let (folder, _) = try await journal()
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: folder("null"), withDestinationPath: "/dev/null")
        for file in [folder("pipe"), folder("null"), folder("backups"), "/dev/null"] {
            for isReplacing in [true, false] {
                await #expect(throws: JournalFileError(file: file, kind: .notAFile)) {
                    try await JournalFile.backUp(folder.journal, to: file, replacing: isReplacing)
                }
            }
        }
        #expect(FileName.type(of: "/dev/null") == .typeCharacterSpecial)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("partial") }
        #expect(left.isEmpty)
    }

    @Test("what is no backup is told as that, and the journal is not touched")
    func noBackup() async throws {
        let (folder, journal) = try await journal()
        let whole = try folder.bytes(folder("backups/b.sqlite"))
        var damaged = whole
        damaged.replaceSubrange(4096..<(whole.count - 4096), with: Data(repeating: 0xA5, count: whole.count - 8192))
        try folder.write(Data(), to: folder("empty"))
        try folder.write(Data("no database at all, but long enough to be read as one".utf8), to: folder("text"))
        try folder.write(damaged, to: folder("damaged"))
        try folder.write(whole.prefix(whole.count / 2), to: folder("half"))
        try await DatabaseQueue(path: folder("foreign")).write { try $0.execute(sql: "CREATE TABLE t (a)") }
        let rest = "; the journal was not touched; name another backup"
        for name in ["empty", "text", "foreign"] {
            #expect(await restore(folder(name), folder) == "\(folder(name)) is not a backup of a journal\(rest)")
        }
        let nothing = await restore(folder("nothing"), folder)
        #expect(nothing == "the backup \(folder("nothing")) cannot be read: there is no such file\(rest)")
        let backups = await restore(folder("backups"), folder)
        #expect(backups == "the backup \(folder("backups")) cannot be read: it is a folder\(rest)")
        for name in ["damaged", "half"] {
            let words = try #require(await restore(folder(name), folder))
            #expect(words.hasPrefix("the backup \(folder(name)) is damaged (") && words.hasSuffix(rest), "\(words)")
        }
        #expect(try await journal.numbers(app: "blog", limit: 5) == [1])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(
            !names.contains { $0.contains("before") || $0.contains("restored") || $0.contains("partial") }, "\(names)")
        // Into PostgreSQL it is read in the same way.
        await #expect(throws: BackupFileError(file: folder("empty"), kind: .notABackup)) {
            try await JournalFile.copyBackup(folder("empty"), to: folder("copy.sqlite"))
        }
    }

    @Test("a backup is only read: nothing is written to it, or beside it")
    func onlyRead() async throws {
        let (folder, journal) = try await journal()
        let backup = folder("backups/b.sqlite")
        let bytes = try folder.bytes(backup)
        try await journal.add(2)
        try journal.pool.close()
        #expect(await restore(backup, folder) == nil)
        #expect(try folder.bytes(backup) == bytes)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder("backups")) == ["b.sqlite"])
        let restored = try Journal(path: folder.journal)
        #expect(try await restored.numbers(app: "blog", limit: 5) == [1])
        #expect(try await restored.events(app: "blog", number: 1).count == 51)
    }

    @Test("a journal with its write-ahead log beside it is restored with what is in the log")
    func withLog() async throws {
        let (folder, journal) = try await journal()
        let place = try Folder()
        try await journal.add(2)
        let old = try await JournalFile.restore(folder.journal, to: place.journal, keeping: nil)
        #expect(old == nil)
        #expect(try await Journal(path: place.journal).numbers(app: "blog", limit: 5) == [2, 1])
    }

    @Test("of several restores in one second each keeps what was there")
    func oneSecond() async throws {
        let (folder, journal) = try await journal()
        try journal.pool.close()
        for end in ["", "-2", "-3"] {
            let old = try await JournalFile.restore(folder("backups/b.sqlite"), to: folder.journal, keeping: ".before")
            #expect(old == folder.journal + ".before" + end)
        }
        #expect(try await Journal(path: folder.journal + ".before").numbers(app: "blog", limit: 5) == [1])
    }

    @Test(
        "a copy to a disk that is full says so, wherever in it the space ends, and leaves nothing there",
        .enabled("needs the right to mount a file system") { await Small.isPossible() })
    func fullDisk() async throws {
        let (folder, journal) = try await journal()
        try await journal.add(2, lines: 4000)
        try await Small.withFileSystem(at: folder("disk")) {
            let file = folder("disk/c.sqlite")
            // SQLite's shared memory, its log and the file itself meet the end of the space.
            for rest in [0, 4, 16, 64, 160, 320] {
                try fill(folder("disk/filler"), leaving: rest)
                let error = await #expect(throws: JournalFileError.self) {
                    try await JournalFile.create(file) { try await journal.copy(to: $0) }
                }
                #expect(error?.kind == .diskFull, "\(rest): \(String(describing: error))")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder("disk")) == ["filler"])
                try FileManager.default.removeItem(atPath: folder("disk/filler"))
            }
        }
    }

    /// Fills the disk of the file `path` except for so many KiB.
    private func fill(_ path: String, leaving kibibytes: Int) throws {
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 1, count: 4096)
        var size = 0
        while true {
            let count = write(descriptor, block, block.count)
            guard count > 0 else { break }
            size += count
        }
        #expect(ftruncate(descriptor, off_t(max(0, size - kibibytes << 10))) == 0)
    }
}
