import Controller
import Foundation
import Glibc

/// Keeps two `app add` from choosing the same ports: the second waits until the first has written its file.
enum ConfigurationLock {
    /// Runs `body` while nobody else does with this `viridian.yaml`, which is not changed.
    static func held<Value>(_ file: String, _ body: () throws -> Value) throws -> Value {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Refusal("\(file) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        // Where a file system has no locks (flock(2): EOPNOTSUPP, ENOLCK), the configuration that is read again after writing tells.
        while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
        return try body()
    }
}
