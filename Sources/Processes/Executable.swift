import Foundation
import Glibc

/// Finds programs on `PATH`.
package enum Executable {
    /// Where daemons such as nginx and sshd live; often missing from an ordinary user's `PATH`.
    static let systemDirectories = ["/usr/sbin", "/usr/local/sbin", "/sbin"]

    /// The path of the program `name`: in `PATH`, then in `/usr/sbin`, `/usr/local/sbin` and `/sbin`.
    ///
    /// A name with a slash is taken as a path. `nil` when there is no program that this user may execute.
    package static func find(_ name: String) -> String? {
        find(name, in: pathDirectories(ProcessInfo.processInfo.environment) + systemDirectories)
    }

    static func find(_ name: String, in directories: [String]) -> String? {
        guard !name.isEmpty else { return nil }
        if name.contains("/") { return isExecutableFile(name) ? name : nil }
        return directories.lazy.map { $0 + "/" + name }.first(where: isExecutableFile)
    }

    /// The directories of `PATH`. Relative ones are left out: what runs must not depend on the working directory.
    static func pathDirectories(_ environment: [String: String]) -> [String] {
        (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map(String.init)
            .filter { $0.hasPrefix("/") }
    }

    static func isExecutableFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}

extension Command {
    /// The path to execute; throws when there is none.
    func resolvedExecutable() throws(ProcessError) -> String {
        if executable.contains("/") {
            guard access(executable, F_OK) == 0 else { throw .notFound(executable: executable) }
            guard Executable.isExecutableFile(executable) else { throw .notExecutable(path: executable) }
            return executable
        }
        let inherited = ProcessInfo.processInfo.environment
        let searched = environment?["PATH"] == nil ? inherited : environment ?? inherited
        guard let path = Executable.find(executable, in: Executable.pathDirectories(searched)) else {
            throw .notFound(executable: executable)
        }
        return path
    }

    /// C strings end at a NUL, so a value that holds one would arrive cut short.
    func refuseNUL() throws(ProcessError) {
        func check(_ what: String, _ text: String) throws(ProcessError) {
            if text.utf8.contains(0) { throw .containsNUL(executable: executable.filter { $0 != "\0" }, what: what) }
        }
        try check("name", executable)
        for argument in arguments { try check("arguments", argument) }
        for (key, value) in environment ?? [:] { try check("environment", key + value) }
        if let workingDirectory { try check("working directory", workingDirectory) }
    }
}
