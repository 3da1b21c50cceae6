import Foundation
import Glibc
import Journal
import Testing

@testable import JournalSQLite

@Suite("Whether a journal's file can be written")
struct WritableTests {
    @Test(
        "on a full disk it cannot be, and again when there is space",
        .enabled("needs the right to mount a file system") { await Small.isPossible() })
    func fullDisk() async throws {
        let folder = try Folder()
        try await Small.withFileSystem(at: folder("disk")) {
            let path = folder("disk/viridian.sqlite")
            let journal = try Journal(path: path)
            let other = try Journal(path: path)
            try await journal.add(1)
            try await journal.checkWritable()
            try fill(folder("disk/rest"))
            let error = await #expect(throws: JournalError.self) { try await other.checkWritable() }
            #expect(error?.kind == .unusable("its disk is full"), "\(String(describing: error))")
            unlink(folder("disk/rest"))
            try await Journal(path: path).checkWritable()
            let left = try FileManager.default.contentsOfDirectory(atPath: folder("disk")).sorted()
            #expect(left == ["viridian.sqlite", "viridian.sqlite-shm", "viridian.sqlite-wal"])
        }
    }

    @Test("asking leaves nothing there, and wakes nobody who watches the journal")
    func untouched() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1)
        let events = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        defer { close(events) }
        try #require(inotify_add_watch(events, folder.journal + "-wal", UInt32(IN_MODIFY)) >= 0)
        let before = try folder.bytes(folder.journal + "-wal")
        for _ in 1...3 { try await journal.checkWritable() }
        #expect(try folder.bytes(folder.journal + "-wal") == before)
        var buffer = [UInt8](repeating: 0, count: 4096)
        #expect(read(events, &buffer, buffer.count) < 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(left == ["viridian.sqlite", "viridian.sqlite-shm", "viridian.sqlite-wal"])
    }

    @Test("one that was moved away, or replaced, is not the file in use any more")
    func moved() async throws {
        let folder = try Folder()
        let journal = try Journal(path: folder.journal)
        try await journal.add(1)
        #expect(rename(folder.journal, folder("away")) == 0)
        let moved = await #expect(throws: JournalError.self) { try await journal.checkWritable() }
        #expect(moved?.kind == .moved)
        #expect(moved?.description.contains("is no longer the file that this process has open") == true)
        try folder.write(try folder.bytes(folder("away")))
        let replaced = await #expect(throws: JournalError.self) { try await journal.checkWritable() }
        #expect(replaced?.kind == .moved)
        #expect(rename(folder("away"), folder.journal) == 0)
        try await journal.checkWritable()
    }

    /// Writes until there is no space left.
    private func fill(_ path: String) throws {
        let descriptor = Glibc.open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        #expect(errno == ENOSPC)
    }
}
