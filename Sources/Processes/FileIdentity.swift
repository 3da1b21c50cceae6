import Foundation
import Glibc

/// Which file a path leads to: two paths of one identity are one file, whatever their names.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    /// Follows links. `nil` when nothing is there, or this user may not look at it.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
