import Foundation
import GRDB
import Glibc
import Journal

/// Why a file was not written: the copy of a journal, or one that is restored. What was there is as it was, and nothing new is left.
package struct JournalFileError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// There is a file of that name.
        case exists
        /// It is the journal that is to be copied.
        case isJournal
        /// It is a file beside the journal that belongs to it.
        case belongsToJournal
        /// A folder, a device, a pipe.
        case notAFile
        case diskFull
        /// A server uses the journal that is to be replaced.
        case inUse
        /// There is something in the journal that is to be replaced.
        case notEmpty
        /// The journal that was to be replaced is as it was.
        case notRestored(String)
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
        case .belongsToJournal: "\(file) is a part of the journal itself: name another file"
        case .notAFile: "\(file) is no regular file: name another file"
        case .diskFull:
            "\(file) was not written: its disk is full. Nothing is left of it: make space, or name a file on another disk"
        case .inUse: "a server uses journal \(file): stop it, then restore"
        case .notEmpty: "journal \(file) is not empty: with --force it is kept beside the restored one"
        case .notRestored(let problem): "journal \(file) was not restored and is as it was: \(problem)"
        case .other: "\(file) was not written: \(problem)"
        }
    }

    /// What is wrong, in words, where there are no better ones.
    var problem: String { if case .other(let problem) = kind { problem } else { description } }
}

extension JournalFileError {
    /// What SQLite, or a journal in the file, says while it is written. Until it is complete the file has the name `partial`.
    init?(file: String, partial: String, writing error: any Error) {
        let kind: JournalError.Kind
        switch error {
        case let error as JournalFileError where error.file == partial:
            self.init(file: file, kind: error.kind)
            return
        case let error as DatabaseError: kind = .init(error)
        case let error as JournalError where error.journal == file || error.journal == partial: kind = error.kind
        default: return nil
        }
        guard case .unusable(let problem) = kind else { return nil }
        let cause = problem == JournalError.inputOutput ? Self.causeOfFailedWrite(partial) : nil
        self.init(file: file, kind: cause ?? (problem == JournalError.diskFull ? .diskFull : .other(problem)))
    }

    /// SQLite tells a full disk as a failed write where the file is not the database itself, and a limit of the process always.
    private static func causeOfFailedWrite(_ partial: String) -> Kind? {
        let folder = (partial as NSString).deletingLastPathComponent
        let disk = try? FileManager.default.attributesOfFileSystem(forPath: folder.isEmpty ? "." : folder)
        if let free = (disk?[.systemFreeSize] as? NSNumber)?.int64Value, free < 128 << 10 { return .diskFull }
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0, limit.rlim_cur < UInt.max >> 1 else {
            return nil
        }
        return .other("it would be larger than the \(limit.rlim_cur >> 10) KiB that a file may have here (ulimit -f)")
    }
}
