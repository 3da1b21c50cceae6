import Foundation
import Glibc

/// A directory of this process's own. Where the process does not come to remove it, one that starts later does.
///
/// In it is a file on which this process holds a lock (flock(2)): the kernel lets go of that however the process ends, and tells it
/// from another that got its number.
struct PrivateDirectory: Sendable {
    private static let prefix = "viridian-ssh-"
    private static let lockName = "/lock"
    private static let tries = 5

    let path: String
    private let lock: Int32

    /// One in `parent`, from which those of processes that are gone are removed first.
    /// - Throws: `SSHConfigurationError`.
    init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
        Self.removeLeftBehind(in: parent)
        for _ in 0..<Self.tries {
            let path = parent + "/" + Self.prefix + UUID().uuidString
            guard mkdir(path, 0o700) == 0 else { throw Self.error(path) }
            let lock = open(path + Self.lockName, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard lock >= 0 else {
                let error = Self.error(path)
                rmdir(path)
                throw error
            }
            if flock(lock, LOCK_EX | LOCK_NB) == 0, Self.isLinked(lock) {
                self.path = path
                self.lock = lock
                return
            }
            // Another process found it before it was locked, and removes it.
            close(lock)
        }
        throw SSHConfigurationError(path: parent, problem: "every directory that is made there is removed at once")
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
        close(lock)
    }

    /// Only this user's, and only those that have the file: one without it may be somebody's who is about to make it.
    private static func removeLeftBehind(in parent: String) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: parent) else { return }
        for name in names where name.hasPrefix(prefix) {
            let path = parent + "/" + name
            var about = stat()
            guard lstat(path, &about) == 0, about.st_mode & S_IFMT == S_IFDIR, about.st_uid == geteuid() else {
                continue
            }
            let lock = open(path + lockName, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: path) }
            close(lock)
        }
    }

    private static func isLinked(_ descriptor: Int32) -> Bool {
        var about = stat()
        return fstat(descriptor, &about) == 0 && about.st_nlink > 0
    }

    private static func error(_ path: String) -> SSHConfigurationError {
        SSHConfigurationError(path: path, problem: "cannot be made: \(String(cString: strerror(errno)))")
    }
}
