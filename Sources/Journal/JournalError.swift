import Foundation
import GRDB

/// Why the journal cannot be used. Its file is left as it is in every case.
package struct JournalError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The sequence number is taken: read what was appended since, and decide again.
        case conflict
        /// Written by a newer version of this program.
        case newer
        /// A SQLite database of another program.
        case foreign
        /// Not a database, or a damaged one.
        case corrupt(String)
        /// No permission to write it, no such folder, no space.
        case unusable(String)
    }

    package var path: String
    package var kind: Kind

    init(path: String, kind: Kind) {
        self.path = path
        self.kind = kind
    }

    init(path: String, _ error: any Error) {
        self.path = path
        switch error {
        case Schema.Rejection.foreign: kind = .foreign
        case Schema.Rejection.newer: kind = .newer
        case Schema.Rejection.damaged(let problem): kind = .corrupt(problem)
        case Schema.Rejection.unusable(let problem): kind = .unusable(problem)
        case is QueueEntryGone: kind = .conflict
        case let error as DecodingError: kind = .corrupt("an event that cannot be read: \(error)")
        case let error as DatabaseError: kind = Kind(error)
        default: kind = .unusable(String(describing: error))
        }
    }

    package var description: String {
        switch kind {
        case .conflict: "journal \(path): another process appended at the same moment"
        case .newer:
            "journal \(path) was written by a newer version of viridian: run that version, or name another journal in viridian.yaml"
        case .foreign: "journal \(path) is a database of another program: name another journal in viridian.yaml"
        case .corrupt(let problem):
            "journal \(path) is damaged (\(problem)): move it away and run again; what is live is read from the cluster and the nodes"
        case .unusable(let problem):
            "journal \(path) cannot be used: \(problem): fix that, or name another journal in viridian.yaml"
        }
    }
}

extension JournalError.Kind {
    init(_ error: DatabaseError) {
        let problem = error.message ?? "\(error.resultCode)"
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_PRIMARYKEY:
            self = .conflict
            return
        default: break
        }
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(problem)
        case .SQLITE_FULL: self = .unusable("its disk is full")
        case .SQLITE_BUSY: self = .unusable("another process keeps it locked")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self = .unusable("no permission to write it or its folder (\(problem))")
        default: self = .unusable(problem)
        }
    }
}
