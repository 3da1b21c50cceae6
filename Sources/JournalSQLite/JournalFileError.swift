import GRDB
import Journal

/// Why a file was not written: the copy of a journal, or one that is restored. What was there is as it was, and nothing new is left.
package struct JournalFileError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// There is a file of that name.
        case exists
        /// It is the journal that is to be copied.
        case isJournal
        case diskFull
        /// A server uses the journal that is to be replaced.
        case inUse
        /// There is something in the journal that is to be replaced.
        case notEmpty
        case other(String)
    }

    package var file: String
    package var kind: Kind

    package init(file: String, kind: Kind) {
        self.file = file
        self.kind = kind
    }

    package var description: String {
        switch kind {
        case .exists: "\(file) is there already: name a file that is not there yet"
        case .isJournal: "\(file) is the journal itself: name another file"
        case .diskFull:
            "\(file) was not written: its disk is full. Nothing is left of it: make space, or name a file on another disk"
        case .inUse: "a server uses journal \(file): stop it, then restore"
        case .notEmpty: "journal \(file) is not empty: with --force it is kept beside the restored one"
        case .other(let problem): "\(file) was not written: \(problem)"
        }
    }
}

extension JournalFileError {
    /// What SQLite, or a journal in the file, says while it is written.
    init?(file: String, writing error: any Error) {
        let kind: JournalError.Kind
        switch error {
        case let error as DatabaseError: kind = .init(error)
        case let error as JournalError where error.journal == file: kind = error.kind
        default: return nil
        }
        guard case .unusable(let problem) = kind else { return nil }
        self.init(file: file, kind: problem == JournalError.diskFull ? .diskFull : .other(problem))
    }
}
