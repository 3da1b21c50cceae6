import Foundation
import GRDB

/// Why the journal cannot be used. Its file is left as it is in every case.
package struct JournalError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The sequence number is taken: read what was appended meanwhile, and decide again.
        case conflict
        /// Written by a newer version of this program.
        case newer
        /// A SQLite database of another program.
        case foreign
        /// Not a database, or a damaged one.
        case corrupt(String)
        /// No right to write it, no such folder, no space.
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
        case is Schema.Foreign: kind = .foreign
        case let error as DecodingError: kind = .corrupt("an event that cannot be read: \(error)")
        case let error as DatabaseError:
            let words = error.message ?? "\(error.resultCode)"
            switch error.resultCode {
            case .SQLITE_CONSTRAINT: kind = .conflict
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: kind = .corrupt(words)
            default: kind = .unusable(words)
            }
        default: kind = .unusable(String(describing: error))
        }
    }

    package var description: String {
        switch kind {
        case .conflict: "journal \(path): another process appended at the same moment"
        case .newer:
            "journal \(path) was written by a newer version of viridian: run that version, or name another journal in viridian.yaml"
        case .foreign: "journal \(path) is a database of another program: name another journal in viridian.yaml"
        case .corrupt(let words):
            "journal \(path) is damaged (\(words)): move it away and run again; what is live is read from the cluster and the nodes"
        case .unusable(let words): "journal \(path) cannot be written: \(words)"
        }
    }
}
