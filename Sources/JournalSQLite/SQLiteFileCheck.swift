import Foundation
import Glibc
import Journal
import Synchronization

/// What a transaction that writes nothing does not tell of a journal's file: whether there is space for the next one, and whether the file
/// is still the one at its path.
final class SQLiteFileCheck: Sendable {
    private let path: String
    /// Device and number of the file that was opened; `nil`: unknown.
    private let opened: [String]?
    private let space = Mutex<(at: ContinuousClock.Instant, problem: JournalError.Kind?)?>(nil)

    /// As much as a large transaction needs in the write-ahead log.
    private static let needed = 64 << 10
    /// What was found of the space is good for this long, however often it is asked.
    private static let life = Duration.seconds(2)

    /// Of a file that was opened just now.
    init(path: String) {
        self.path = path
        opened = Self.identity(path)
    }

    func problem() -> JournalError.Kind? {
        if let opened, Self.identity(path) != opened { return .moved }
        return space.withLock { last in
            if let last, last.at.duration(to: .now) < Self.life { return last.problem }
            let problem = spaceProblem()
            last = (.now, problem)
            return problem
        }
    }

    /// Asks the file system for space beside the journal, in a file that has no name any more and is gone when it is closed.
    ///
    /// Not by a transaction: what is rolled back may never reach the log, what is committed costs a sync, and either touches the log, which
    /// wakes whoever watches the journal. A log that may be written again from its beginning could take some more events on a full disk; it
    /// is not called fine all the same, because nobody knows how many.
    private func spaceProblem() -> JournalError.Kind? {
        let file = path + "-space"
        let descriptor = Glibc.open(file, O_CREAT | O_RDWR | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return Self.problem(errno) }
        defer { close(descriptor) }
        unlink(file)
        return Self.problem(posix_fallocate(descriptor, 0, off_t(Self.needed)))
    }

    /// Only what keeps SQLite from writing too: in a folder that only root may write, the files that are there can still be written.
    private static func problem(_ code: Int32) -> JournalError.Kind? {
        switch code {
        case ENOSPC: .unusable(JournalError.diskFull)
        case EDQUOT, EROFS, EIO: .unusable(String(cString: strerror(code)))
        default: nil
        }
    }

    private static func identity(_ path: String) -> [String]? {
        // The file, where the path is a link.
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file) else { return nil }
        return [FileAttributeKey.systemNumber, .systemFileNumber].map { "\(attributes[$0] ?? "")" }
    }
}
