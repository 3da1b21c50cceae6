import Foundation
import GRDB
import Glibc
import Journal

/// Files of journals as a whole: a new one has its name only when it is complete and on disk.
package enum JournalFile {
    /// Makes the file `path` with what `body` makes of a file beside it that does not exist yet. Whatever fails or is cancelled, `path` is as
    /// it was. Without `replacing` nothing is overwritten, also not what came there meanwhile.
    private static func make(
        _ path: String, replacing: Bool, _ body: (String) async throws -> Void
    ) async throws {
        if let type = FileName.type(of: path) {
            // Renaming would put a file in the place of a device or a pipe, which others write to.
            guard type == .typeRegular else { throw JournalFileError(file: path, kind: .notAFile) }
            if !replacing { throw exists(path) }
        }
        let partial = "\(path).partial-\(UUID().uuidString.prefix(8))"
        defer { for end in ["", "-wal", "-shm", "-journal"] { unlink(partial + end) } }
        do {
            let descriptor = Glibc.open(partial, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw problem(path) }
            close(descriptor)
            try await body(partial)
            try synchronize(partial, of: path)
            // link(2) fails where there is a file.
            guard replacing ? rename(partial, path) == 0 : link(partial, path) == 0 else {
                throw errno == EEXIST ? exists(path) : problem(path)
            }
            let folder = (path as NSString).deletingLastPathComponent
            try synchronize(folder.isEmpty ? "." : folder, of: path)
        } catch {
            if let error = JournalFileError(file: path, partial: partial, writing: error) { throw error }
            throw error is DatabaseError ? JournalError(path: path, error) : error
        }
    }

    /// Copies the journal `source`, also while it is used, as it was at one moment (https://www.sqlite.org/backup.html), and checks the copy.
    package static func backUp(_ source: String, to path: String, replacing: Bool = false) async throws {
        do {
            guard FileManager.default.fileExists(atPath: source) else {
                throw SQLiteSchema.Rejection.unusable("there is no such file")
            }
            try SQLiteSchema.check(source)
        } catch {
            throw JournalError(path: source, error)
        }
        try checkTarget(path, of: source)
        try await make(path, replacing: replacing) { partial in
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let from = try DatabaseQueue(path: source, configuration: configuration)
            let copy = try DatabaseQueue(path: partial)
            defer {
                try? from.close()
                try? copy.close()
            }
            // The reading transaction lasts for all of it: what others write meanwhile is not in it, and does not begin it again.
            try from.backup(to: copy, pagesPerStep: 1024) { _ in try Task.checkCancellation() }
            try await copy.writeWithoutTransaction { database in
                let found = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
                guard found == "ok" else { throw JournalError(journal: source, kind: .corrupt(found)) }
            }
            try copy.close()
        }
    }

    /// Throws where the file `path` is the journal `source`, or one that is beside it and belongs to it: without its write-ahead log a journal
    /// is damaged, and without its lock nobody sees that a server uses it.
    package static func checkTarget(_ path: String, of source: String) throws(JournalFileError) {
        let names = FileName.names(of: path)
        if !names.isDisjoint(with: FileName.names(of: source)) { throw JournalFileError(file: path, kind: .isJournal) }
        if !names.isDisjoint(with: FileName.names(ofJournal: source)) {
            throw JournalFileError(file: path, kind: .belongsToJournal)
        }
    }

    /// Copies a backup into the new file `path`, and checks it. Throws `BackupFileError` where that is to blame.
    package static func copyBackup(_ backup: String, to path: String) async throws {
        try await make(path, replacing: false) { try BackupFile(path: backup).copy(to: $0) }
    }

    /// Makes a journal in a new file, and lets `body` fill it.
    package static func create<Value>(
        _ path: String, replacing: Bool = false, _ body: (Journal) async throws -> Value
    ) async throws -> Value {
        var value: Value?
        try await make(path, replacing: replacing) { partial in
            let database = try SQLiteDatabase(opening: partial)
            value = try await body(Journal(SQLiteDatabase(path: path, pool: database.pool)))
            // Moves what is in the write-ahead log into the file: only that gets the name.
            try await database.pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try database.pool.close()
            let log = try? FileManager.default.attributesOfItem(atPath: partial + "-wal")[.size] as? Int
            guard log ?? 0 == 0 else {
                throw JournalFileError(file: path, kind: .other("its write-ahead log could not be emptied"))
            }
        }
        guard let value else { throw CancellationError() }
        return value
    }

    /// Puts a copy of the journal `backup` in the place of the journal `path`, while no server uses that.
    /// - Returns: where what was there is kept; `nil` when there was nothing in it.
    package static func restore(_ backup: String, to path: String, keeping suffix: String?) async throws -> String? {
        if !FileName.names(of: backup).isDisjoint(with: FileName.names(of: path)) {
            throw JournalFileError(file: path, kind: .isJournal)
        }
        try BackupFile(path: backup).check()
        let lock = Glibc.open(path + "-sender", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw problem(path) }
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw JournalFileError(file: path, kind: .inUse) }
        var old: String?
        // Beside it first: until that is complete, the old one stays.
        let next = "\(path).restored-\(UUID().uuidString.prefix(8))"
        defer { unlink(next) }
        do {
            try await copyBackup(backup, to: next)
        } catch let error as JournalFileError {
            throw JournalFileError(
                file: path, kind: .notRestored(error.kind == .diskFull ? "its disk is full: make space" : error.problem)
            )
        }
        if FileManager.default.fileExists(atPath: path) {
            if let suffix {
                try await closeLog(of: path)
                let kept = try keep(path, as: path + suffix)
                old = kept
                // What could not be moved out of the log of a damaged file. It must not be taken for the restored file's.
                if FileManager.default.fileExists(atPath: path + "-wal") {
                    guard rename(path + "-wal", kept + "-wal") == 0 else { throw problem(kept) }
                }
            } else {
                let journal = try SQLiteDatabase(opening: path)
                guard try await Journal(journal).isEmpty() else {
                    throw JournalFileError(file: path, kind: .notEmpty)
                }
                try journal.pool.close()
            }
        }
        guard rename(next, path) == 0 else { throw problem(path) }
        for end in ["-wal", "-shm"] { unlink(path + end) }
        let folder = (path as NSString).deletingLastPathComponent
        try synchronize(folder.isEmpty ? "." : folder, of: path)
        return old
    }

    /// Gives a file another name too, with a number where there are others of that name: of restores in the same second.
    private static func keep(_ path: String, as name: String) throws -> String {
        var number = 1
        while true {
            let kept = number == 1 ? name : "\(name)-\(number)"
            if link(path, kept) == 0 { return kept }
            guard errno == EEXIST else { throw problem(kept) }
            number += 1
        }
    }

    /// Moves what is in the write-ahead log into the file. A file that cannot be opened any more keeps what it has.
    private static func closeLog(of path: String) async throws {
        guard let queue = try? DatabaseQueue(path: path) else { return }
        try? await queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        try? queue.close()
    }

    private static func synchronize(_ file: String, of path: String) throws {
        let descriptor = Glibc.open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw problem(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw problem(path) }
    }

    private static func exists(_ path: String) -> JournalFileError { JournalFileError(file: path, kind: .exists) }

    static func problem(_ path: String) -> JournalFileError {
        JournalFileError(file: path, kind: errno == ENOSPC ? .diskFull : .other(String(cString: strerror(errno))))
    }
}
