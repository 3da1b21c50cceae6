import Foundation

extension Journal {
    /// A copy of a journal as it is now, to look at where its own place cannot be written: a full disk, or one that became read-only.
    /// SQLite cannot read a write-ahead log without writing beside it.
    ///
    /// `nil` where there is no such file.
    package init?(copying path: String, into directory: String) throws(JournalError) {
        let files = FileManager.default
        var isDirectory: ObjCBool = false
        guard files.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else { return nil }
        let copy = directory + "/copy.sqlite"
        do {
            // The log first: what is moved from it into the file meanwhile is in both.
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
