import Foundation
import Journal

extension Journal {
    /// Opens the journal in a SQLite file, and creates it when there is none. A file that cannot be a journal is left byte for byte as it is.
    package init(path: String) throws(JournalError) { self.init(try SQLiteDatabase(opening: path)) }

    /// Opens a copy of a journal, for reading when its own folder cannot be written: the disk is full or became read-only. SQLite cannot
    /// read a write-ahead log without writing beside it.
    ///
    /// `nil` where there is no such file.
    package init?(copying path: String, into directory: String) throws(JournalError) {
        let files = FileManager.default
        var isDirectory: ObjCBool = false
        guard files.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else { return nil }
        let copy = directory + "/copy.sqlite"
        do {
            // The log first: what SQLite moves from it into the file meanwhile is then in both copies.
            if files.fileExists(atPath: path + "-wal") {
                try files.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
            }
            try files.copyItem(atPath: path, toPath: copy)
        } catch {
            throw JournalError(path: path, error)
        }
        self.init(SQLiteDatabase(path: path, pool: try SQLiteDatabase(opening: copy).pool))
    }
}

extension SQLiteDatabase {
    init(opening path: String) throws(JournalError) {
        do {
            if try SQLiteSchema.isMissing(path) { SQLiteSchema.create(path) } else { try SQLiteSchema.check(path) }
            self.init(path: path, pool: try SQLiteSchema.open(path))
        } catch {
            throw JournalError(path: path, error)
        }
    }
}
