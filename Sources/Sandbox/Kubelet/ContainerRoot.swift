import Foundation
import Kubernetes
import Processes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How a container's program gets the files and the user of its image: with the programs of util-linux, which need no rights that the
/// sandbox's user does not have. An ordinary user's containers run in a user namespace, with the rights of the sandbox's user.
struct ContainerRoot: Sendable {
    let files: ImageFiles
    let user: ContainerUser

    /// A root directory of its own, in a mount namespace.
    var hasMounts: Bool {
        switch files {
        case .ownRoot, .overThisMachine(folder: _?): true
        case .thisMachine, .overThisMachine(folder: nil): false
        }
    }

    /// Whether a working directory that is missing is made, as container runtimes do. Never among this machine's own files.
    var makesDirectories: Bool { if case .ownRoot = files { true } else { false } }

    /// As container runtimes do, so that a program that is not root can open `/dev/stderr` and `/proc/self/fd/2`.
    private static let givesOutput = #"/bin/chown "$1" /proc/self/fd/1 /proc/self/fd/2; shift; exec "$@""#

    /// The command line that runs `commandLine` in the container's files as its user. `mountPoint` is an empty directory; `address` and
    /// `name` are the pod's.
    func entering(
        _ commandLine: [String], workingDirectory: String, mountPoint: String, address: String, name: String
    ) -> [String] {
        if files == .thisMachine { return commandLine }
        let unshare = Executable.find("unshare") ?? "unshare"
        let isRoot = geteuid() == 0
        let receiving =
            isRoot && user.user != 0 ? ["/bin/sh", "-c", Self.givesOutput, "container", "\(user.user)"] : []
        let mounting: [String]
        switch files {
        case .ownRoot(let root): mounting = ["rootfs", root]
        case .overThisMachine(let folder?): mounting = ["files", folder]
        default:
            // An ordinary user cannot become another one without a namespace.
            return isRoot ? receiving + [unshare] + ids(user) + ["--"] + commandLine : commandLine
        }
        let script = String(decoding: PackageResources.enter_root_sh, as: UTF8.self)
        let entering =
            [unshare, "--mount"] + (isRoot ? [] : ownNamespace) + ["--", "/bin/sh", "-c", script, "container"]
        let becoming = [unshare, "--root=\(mountPoint)/root", "--wd=\(workingDirectory)"] + (isRoot ? ids(user) : [])
        return receiving + entering + mounting + [mountPoint, workingDirectory, address, name] + becoming + ["--"]
            + commandLine
    }

    /// The command that runs a probe or a hook inside the container whose main process is `process`.
    func inside(
        _ process: Int32?, _ arguments: [String], environment: [String: String], workingDirectory: String
    ) -> Command {
        guard hasMounts, let process else {
            return Command(
                arguments[0], Array(arguments.dropFirst()), environment: environment, workingDirectory: workingDirectory
            )
        }
        let user = geteuid() == 0 ? ids(user) : ["--user", "--preserve-credentials"]
        let root = "/proc/\(process)/root"
        return Command(
            Executable.find("nsenter") ?? "nsenter",
            ["--target", "\(process)", "--mount", "--root", "--wd=\(root)\(workingDirectory)"] + user + ["--"]
                + arguments,
            environment: environment)
    }

    /// Returns when the main process of a container has its root directory, or has ended: what runs inside before that would see this
    /// machine's files.
    func waitUntilEntered(by process: Int32) async {
        guard hasMounts, let machine = FileIdentity("/") else { return }
        // The kernel has no event for it.
        while !Task.isCancelled, FileIdentity("/proc/\(process)/root") == machine {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    private func ids(_ user: ContainerUser) -> [String] { ["--setgid=\(user.group)", "--setuid=\(user.user)"] }

    /// The options for a user namespace in which this user can mount. Only one user and one group exist in it. Where the image has root,
    /// it is this user's own number: a program that believes to be root would fail when it becomes somebody else.
    private var ownNamespace: [String] {
        let ids =
            user.user == 0 ? ["--map-current-user"] : ["--map-user=\(user.user)", "--map-group=\(user.group)"]
        return ["--user", "--keep-caps"] + ids
    }
}
