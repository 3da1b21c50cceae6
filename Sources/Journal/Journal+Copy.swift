import Foundation

extension Journal {
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
        let journal = try Journal(path: copy)
        self.init(path: path, pool: journal.pool)
    }
}
