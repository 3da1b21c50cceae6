import Controller
import Foundation
import Glibc

/// Writes files that do not exist yet.
enum NewFile {
    /// - Returns: whether the file was written; an existing one, or a link of that name, is not changed. `mode` sets its permissions.
    /// - Throws: `Refusal` when it cannot be written. No part of it is left then.
    static func write(_ text: String, to path: String, mode: Int? = nil) throws -> Bool {
        try createFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            if errno == EEXIST { return false }
            throw refusal(path, errno)
        }
        let problem = fill(descriptor, Array(text.utf8), mode)
        // Some file systems say only now that there was no room.
        let closing = close(descriptor) == 0 ? nil : errno
        if let problem = problem ?? closing {
            unlink(path)
            throw refusal(path, problem)
        }
        return true
    }

    private static func createFolder(_ path: String) throws {
        var missing: [String] = []
        var folder = path
        while !FileManager.default.fileExists(atPath: folder) {
            missing.append(folder)
            folder = (folder as NSString).deletingLastPathComponent
        }
        for folder in missing.reversed() where mkdir(folder, 0o777) != 0 && errno != EEXIST {
            throw refusal(folder, errno)
        }
    }

    /// - Returns: the error's number; `nil` if there was none.
    private static func fill(_ descriptor: Int32, _ bytes: [UInt8], _ mode: Int?) -> Int32? {
        if let mode, fchmod(descriptor, mode_t(mode)) != 0 { return errno }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }

    private static func refusal(_ path: String, _ number: Int32) -> Refusal {
        let why =
            number == ENOTDIR ? "a folder of its path is a file" : String(cString: strerror(number)).lowercasedFirst
        return Refusal("\(path) cannot be written: \(why)")
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
