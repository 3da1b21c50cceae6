import GRDB
import Journal

extension JournalError {
    static let diskFull = "its disk is full"
    /// SQLite's words for a read or a write that failed, whatever the cause.
    static let inputOutput = "disk I/O error"

    /// What SQLite, or the opening of its file, says about a journal.
    init(path: String, _ error: any Error) {
        let kind: Kind? =
            switch error {
            case SQLiteSchema.Rejection.foreign: .foreign
            case SQLiteSchema.Rejection.newer: .newer
            case SQLiteSchema.Rejection.damaged(let problem): .corrupt(problem)
            case SQLiteSchema.Rejection.unusable(let problem): .unusable(problem)
            case let error as DatabaseError: Kind(error)
            default: nil
            }
        if let kind { self.init(journal: path, kind: kind) } else { self.init(journal: path, error) }
    }
}

extension JournalError.Kind {
    init(_ error: DatabaseError) {
        let problem = error.reason
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_PRIMARYKEY:
            self = .conflict
            return
        default: break
        }
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(problem)
        case .SQLITE_FULL: self = .unusable(JournalError.diskFull)
        case .SQLITE_BUSY: self = .unusable("another process keeps it locked")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self = .unusable("no permission to write it or its folder (\(problem))")
        default: self = .unusable(problem)
        }
    }
}

extension DatabaseError {
    /// SQLite's words. While a database is copied, the connection may know nothing of the error, and says so.
    var reason: String {
        if let message, message != "not an error" { return message }
        return DatabaseError(resultCode: resultCode).message ?? "\(resultCode)"
    }
}
