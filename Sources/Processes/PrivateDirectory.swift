import Foundation
import Glibc

/// A directory of this process's own. Where the process does not come to remove it, one that starts later does.
///
/// In it is a file on which this process holds a lock (flock(2)): the kernel lets go of that however the process ends, and tells it
/// from another that got its number.
package struct PrivateDirectory: Sendable {
    private static let lockName = "/lock"
    private static let tries = 5

    package let path: String
    private let lock: Int32

    /// One in `parent`, from which those of the same prefix and of processes that are gone are removed first.
    package init(
        prefix: String,
        in parent: String = FileManager.default.temporaryDirectory.path
    ) throws(PrivateDirectoryError) {
        Self.removeLeftBehind(prefix, in: parent)
        for _ in 0..<Self.tries {
            let path = parent + "/" + prefix + UUID().uuidString
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
        throw PrivateDirectoryError(path: parent, problem: "every directory that is made there is removed at once")
    }

    /// Makes a file in it that only this user can read. The directory is nobody else's, so that no link can stand in the way.
    package func write(_ text: String, to name: String) throws(PrivateDirectoryError) {
        let file = path + "/" + name
        let descriptor = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.error(file) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written >= 0 || errno == EINTR else { throw Self.error(file) }
            rest = rest.dropFirst(max(0, written))
        }
    }

    package func remove() {
        try? FileManager.default.removeItem(atPath: path)
        close(lock)
    }

    /// Only this user's, and only those that have the file: one without it may be somebody's who is about to make it.
    private static func removeLeftBehind(_ prefix: String, in parent: String) {
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

    private static func error(_ path: String) -> PrivateDirectoryError {
        PrivateDirectoryError(path: path, problem: "cannot be made: \(String(cString: strerror(errno)))")
    }
}

/// A directory could not be made.
package struct PrivateDirectoryError: Error, Sendable, Hashable, CustomStringConvertible {
    package var path: String
    package var problem: String

    package var description: String { "\(path): \(problem)" }
}
