import Foundation
import Glibc

/// A directory that only this process uses. When the process ends without removing it, a later process does.
///
/// This process holds a lock (flock(2)) on a file in it. The kernel releases the lock however the process ends, and a lock, unlike a
/// process id, is never mistaken for another process's.
package struct PrivateDirectory: Sendable {
    private static let lockName = "/lock"
    private static let attempts = 5

    package let path: String
    private let lock: Int32

    /// Creates one in `parent`. Removes those with the same prefix whose processes have ended first.
    package init(
        prefix: String,
        in parent: String = FileManager.default.temporaryDirectory.path
    ) throws(PrivateDirectoryError) {
        Self.removeAbandoned(prefix, in: parent)
        for _ in 0..<Self.attempts {
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
            // Another process found it before it was locked, and is removing it.
            close(lock)
        }
        throw PrivateDirectoryError(
            path: parent, problem: "another process removes every directory that is created there")
    }

    /// Creates a file in it that only this user can read. No other user can write to the directory, so no link can redirect the file.
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

    /// Only this user's, and only those with a lock file: one without may belong to a process that is about to create it.
    private static func removeAbandoned(_ prefix: String, in parent: String) {
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
        PrivateDirectoryError(path: path, problem: "cannot be created: \(String(cString: strerror(errno)))")
    }
}

/// A directory, or a file in it, could not be created.
package struct PrivateDirectoryError: Error, Sendable, Hashable, CustomStringConvertible {
    package var path: String
    package var problem: String

    package var description: String { "\(path): \(problem)" }
}
