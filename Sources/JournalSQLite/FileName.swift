import Foundation
import Glibc

/// What a path leads to.
enum FileName {
    /// The type of what a path leads to; `nil` where there is nothing, and a link where that leads to nothing.
    static func type(of path: String) -> FileAttributeType? {
        let files = FileManager.default
        let own = try? files.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        guard own == .typeSymbolicLink, let target = real(path) else { return own }
        return try? files.attributesOfItem(atPath: target)[.type] as? FileAttributeType
    }

    /// The names that SQLite and this program give to the journal `path` and the files beside it, without links. SQLite puts its files beside
    /// the file that a link leads to, the lock of servers is beside the link.
    static func names(ofJournal path: String) -> Set<String> {
        let ends = ["", "-wal", "-shm", "-journal", "-sender"]
        return Set(names(of: path).flatMap { name in ends.map { name + $0 } })
    }

    /// Without links before the last part of the path, and without any.
    static func names(of path: String) -> Set<String> {
        let path = path as NSString
        let folder = path.deletingLastPathComponent
        let own = ((real(folder.isEmpty ? "." : folder) ?? folder) as NSString)
            .appendingPathComponent(path.lastPathComponent)
        return [own, real(path as String) ?? own]
    }

    private static func real(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }
}
