import Foundation
import Logging
import Processes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The directory of the process guard cannot be locked.
struct ProcessGuardError: Error, CustomStringConvertible {
    var description: String
}

/// Ensures that no process of a pod outlives the sandbox, even when the sandbox is killed.
///
/// The sandbox holds a lock on a file, which the kernel releases when the sandbox ends for any reason. A watcher process waits
/// for the lock and then kills every process group listed in a directory. A container adds itself to the list before it
/// executes its program, and fails when the directory does not exist, so that no process is missed.
struct ProcessGuard: Sendable {
    /// Adds the container's process group to the list, then executes its program.
    private static let entry = #": > "$1/$$" || exit 125; shift; exec "$@""#

    /// Kills the listed process groups. Renaming the directory first prevents new entries.
    private static let watcher = #"""
        exec >/dev/null 2>&1
        mv "$1/groups" "$1/ended" || exit 0
        for group in "$1/ended"/*; do kill -KILL "-${group##*/}"; done
        rm -rf "$1"
        """#

    private let directory: URL
    private let lock: Int32?

    private var groups: String { directory.appending(path: "groups").path }
    /// An empty directory on which containers mount their root directory, each in its own namespace.
    private var mountPoint: String { directory.appending(path: "root").path }

    init(parent: URL = FileManager.default.temporaryDirectory) throws {
        directory = parent.appending(path: "viridian-sandbox-\(getpid())-\(String.randomIdentifier(8))")
        try FileManager.default.createDirectory(
            at: directory.appending(path: "groups"), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try FileManager.default.createDirectory(
            at: directory.appending(path: "root"), withIntermediateDirectories: false)
        let path = directory.appending(path: "lock").path
        let file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        lock = file
        guard file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0 else {
            throw ProcessGuardError(description: "\(path) cannot be locked: \(String(cString: strerror(errno)))")
        }
    }

    /// A guard for a directory whose lock another process holds.
    init(at directory: URL) {
        self.directory = directory
        lock = nil
    }

    /// Waits for the lock, then kills the listed process groups.
    var watcherCommand: Command {
        Command(
            "flock",
            [
                "--exclusive", directory.appending(path: "lock").path, "sh", "-c", Self.watcher, "watcher",
                directory.path,
            ])
    }

    /// Runs the watcher until it is cancelled when the sandbox stops.
    func watch(_ logger: Logger) async {
        do {
            _ = try await watcherCommand.run(grace: .milliseconds(100))
        } catch is CancellationError {
            // The sandbox stops.
        } catch {
            logger.warning(
                "pods would outlive a killed sandbox: install the program flock to prevent this",
                metadata: ["error": "\(error)"])
        }
    }

    /// Removes the directory and the lock, after all containers have ended.
    func end() {
        try? FileManager.default.removeItem(at: directory)
        if let lock { close(lock) }
    }

    /// The command that lists and runs a container's program, with the files and the user of its image. `address` and `name` are the pod's.
    func command(_ program: ContainerProgram, address: String, name: String) -> Command {
        let commandLine = program.root.entering(
            program.commandLine, workingDirectory: program.workingDirectory, mountPoint: mountPoint, address: address,
            name: name)
        // Among its own files, the container finds its working directory itself.
        return command(
            commandLine, environment: program.environment,
            workingDirectory: program.root.hasMounts ? "/" : program.workingDirectory)
    }

    /// The command that lists and runs a program of this machine.
    func command(_ commandLine: [String], environment: [String: String], workingDirectory: String) -> Command {
        Command(
            "/bin/sh", ["-c", Self.entry, "container", groups] + commandLine, environment: environment,
            workingDirectory: workingDirectory)
    }

    /// Kills the remaining processes of a container that has ended, and removes its group from the list.
    func ended(_ pid: Int32) {
        kill(-pid, SIGKILL)
        unlink("\(groups)/\(pid)")
    }
}
