import Foundation
import Logging
import Processes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Why pods cannot be run as processes.
struct ProcessGuardError: Error, CustomStringConvertible {
    var description: String
}

/// Sees to it that no process of a pod outlives the sandbox, even when the sandbox is killed outright.
///
/// The sandbox holds a lock on a file for as long as it lives; the kernel lets go of it when it dies, however that is. A
/// watcher beside it waits for that lock and then kills every process group that is listed in a directory. Containers
/// list themselves there before they become the program that they run, and cannot when the directory is gone: so there
/// is no moment in which one could slip through.
struct ProcessGuard: Sendable {
    /// Lists the process group of a container, then becomes its program.
    private static let entry = #": > "$1/$$" || exit 125; shift; exec "$@""#

    /// Ends what is listed. Renaming the directory first closes it to newcomers.
    private static let watcher = #"""
        exec >/dev/null 2>&1
        mv "$1/groups" "$1/ended" || exit 0
        for group in "$1/ended"/*; do kill -KILL "-${group##*/}"; done
        rm -rf "$1"
        """#

    private let directory: URL
    private let lock: Int32?

    private var groups: String { directory.appending(path: "groups").path }

    init(parent: URL = FileManager.default.temporaryDirectory) throws {
        directory = parent.appending(path: "viridian-sandbox-\(getpid())-\(String.unmistakable(8))")
        try FileManager.default.createDirectory(
            at: directory.appending(path: "groups"), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let path = directory.appending(path: "lock").path
        let file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        lock = file
        guard file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0 else {
            throw ProcessGuardError(description: "\(path) cannot be locked: \(String(cString: strerror(errno)))")
        }
    }

    /// A guard over a directory whose lock someone else holds.
    init(at directory: URL) {
        self.directory = directory
        lock = nil
    }

    /// Waits for the lock, and then ends everything.
    var watcherCommand: Command {
        Command(
            "flock",
            [
                "--exclusive", directory.appending(path: "lock").path, "sh", "-c", Self.watcher, "watcher",
                directory.path,
            ])
    }

    /// Runs the watcher until cancelled, which is when the sandbox ends in order.
    func watch(_ logger: Logger) async {
        do {
            _ = try await watcherCommand.run(grace: .milliseconds(100))
        } catch is CancellationError {
            // The end of the sandbox.
        } catch {
            logger.warning(
                "pods would outlive a sandbox that is killed: the program flock is needed to prevent it",
                metadata: ["error": "\(error)"])
        }
    }

    /// Lets go of everything, when no container runs any more.
    func end() {
        try? FileManager.default.removeItem(at: directory)
        if let lock { close(lock) }
    }

    /// The command that runs a container's program on the list.
    func command(_ words: [String], environment: [String: String], workingDirectory: String) -> Command {
        Command(
            "/bin/sh", ["-c", Self.entry, "container", groups] + words, environment: environment,
            workingDirectory: workingDirectory)
    }

    /// A container's program has ended: what it left behind ends too, and its group is listed no more.
    func ended(_ pid: Int32) {
        kill(-pid, SIGKILL)
        unlink("\(groups)/\(pid)")
    }
}
