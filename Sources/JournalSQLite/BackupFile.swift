import Foundation
import GRDB
import Glibc
import Journal

/// Why a file cannot be restored. The journal is as it was.
package struct BackupFileError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// It is empty, no database, or one of another program.
        case notABackup
        case newer
        case damaged(String)
        case unreadable(String)
    }

    package var file: String
    package var kind: Kind

    package init(file: String, kind: Kind) {
        self.file = file
        self.kind = kind
    }

    package var description: String {
        let rest = "the journal was not touched; name another backup"
        return switch kind {
        case .notABackup: "\(file) is not a backup of a journal; \(rest)"
        case .newer:
            "the backup \(file) was written by a newer version of viridian; the journal was not touched; restore with that version"
        case .damaged(let problem): "the backup \(file) is damaged (\(problem)); \(rest)"
        case .unreadable(let problem): "the backup \(file) cannot be read: \(problem); \(rest)"
        }
    }
}

/// A file from which a journal is to be restored. It is only read, and nothing is written beside it: it may be on a disk that is read-only.
struct BackupFile {
    let path: String

    /// Throws when there is nothing that could be read as a file.
    func check() throws(BackupFileError) {
        switch FileName.type(of: path) {
        case .typeRegular: return
        case nil, .typeSymbolicLink: throw error(.unreadable("there is no such file"))
        case .typeDirectory: throw error(.unreadable("it is a folder"))
        default: throw error(.unreadable("it is no regular file"))
        }
    }

    /// Fills the empty file `target`, and checks what is in it.
    func copy(to target: String) throws {
        try check()
        // With a write-ahead log beside it, it is a journal that may be in use: SQLite knows what of it belongs together.
        if FileManager.default.fileExists(atPath: path + "-wal") {
            try copyDatabase(to: target)
        } else {
            try copyBytes(to: target)
        }
        do {
            try SQLiteSchema.check(target, isWhole: true)
        } catch SQLiteSchema.Rejection.foreign {
            throw error(.notABackup)
        } catch SQLiteSchema.Rejection.newer {
            throw error(.newer)
        } catch SQLiteSchema.Rejection.damaged(let problem) {
            throw error(.damaged(problem))
        } catch let problem as DatabaseError {
            throw self.error(problem) ?? problem
        }
    }

    private func copyBytes(to target: String) throws {
        let from = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard from >= 0 else { throw unreadable() }
        defer { close(from) }
        let to = Glibc.open(target, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard to >= 0 else { throw JournalFile.problem(target) }
        defer { close(to) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            try Task.checkCancellation()
            let count = read(from, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable() }
            if count == 0 { return }
            var rest = buffer[..<count]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { write(to, $0.baseAddress, $0.count) }
                guard written >= 0 || errno == EINTR else { throw JournalFile.problem(target) }
                rest = rest.dropFirst(max(0, written))
            }
        }
    }

    private func copyDatabase(to target: String) throws {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let from = try DatabaseQueue(path: path, configuration: configuration)
            let copy = try DatabaseQueue(path: target)
            defer {
                try? from.close()
                try? copy.close()
            }
            try from.backup(to: copy, pagesPerStep: 1024) { _ in try Task.checkCancellation() }
        } catch let problem as DatabaseError {
            throw error(problem) ?? problem
        }
    }

    /// What the file is to blame for. `nil`: the disk or the limits of what is written.
    private func error(_ problem: DatabaseError) -> BackupFileError? {
        switch problem.resultCode {
        case .SQLITE_NOTADB: error(.notABackup)
        case .SQLITE_CORRUPT: error(.damaged(problem.reason))
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM:
            error(
                .unreadable(
                    "there is a write-ahead log beside it, and no permission to write there: copy both into a folder of your own"
                ))
        default: nil
        }
    }

    private func error(_ kind: BackupFileError.Kind) -> BackupFileError { BackupFileError(file: path, kind: kind) }

    private func unreadable() -> BackupFileError { error(.unreadable(String(cString: strerror(errno)))) }
}
