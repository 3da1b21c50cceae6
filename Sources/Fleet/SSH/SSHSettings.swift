import Foundation
import Processes

/// How nodes are reached over SSH. What is `nil` is left to ssh and the user's configuration of it.
package struct SSHSettings: Sendable, Hashable {
    package var user: String?
    package var port: Int?
    package var identityFile: String?
    /// A file in the format of ssh_config(5), in place of the user's and the system's, as with `ssh -F`.
    package var config: String?
    /// For TCP's connection and for the server's first line, each.
    package var connectTimeout: Duration
    /// The most connections that are held at one time. Each costs a process of about 2 MiB of its own and five descriptors; the one
    /// that was idle for longest makes room.
    package var mostConnections: Int
    /// How long an idle connection is kept.
    package var idleLimit: Duration
    /// The program: `ssh` on `PATH`, or a path.
    package var program: String

    package init(
        user: String? = nil,
        port: Int? = nil,
        identityFile: String? = nil,
        config: String? = nil,
        connectTimeout: Duration = .seconds(10),
        mostConnections: Int = 256,
        idleLimit: Duration = .seconds(15 * 60),
        program: String = "ssh"
    ) {
        self.user = user
        self.port = port
        self.identityFile = identityFile
        self.config = config
        self.connectTimeout = connectTimeout
        self.mostConnections = mostConnections
        self.idleLimit = idleLimit
        self.program = program
    }

    /// ssh's arguments for a session with the node's script.
    ///
    /// `ControlPath=none`: the connection is this process's own, so that it ends with it. No forwarding, no command and no terminal that
    /// someone's configuration asks for on every host; `exec` is understood by every login shell.
    func arguments(for node: Node, sudo: Bool, configuration: SSHConfiguration) -> [String] {
        var words = ["-F", configuration.path, "-T", "-x", "-S", "none"]
        var options = [
            "ControlMaster=no", "ClearAllForwardings=yes", "PermitLocalCommand=no",
            "ConnectTimeout=\(wholeConnectSeconds)",
        ]
        if configuration.client.knowsRemoteCommand { options.append("RemoteCommand=none") }
        if let user { options.append("User=\(user)") }
        if let port { options.append("Port=\(port)") }
        if let identityFile {
            words += ["-i", identityFile]
            // Otherwise every key of the agent is tried first, and sshd ends that after MaxAuthTries.
            options.append("IdentitiesOnly=yes")
        }
        for option in options { words += ["-o", option] }
        return words + ["--", node.address, sudo ? "exec sudo -n sh" : "exec sh"]
    }

    /// ssh takes whole seconds, and 0 for the system's own limit.
    var wholeConnectSeconds: Int64 {
        let (seconds, attoseconds) = connectTimeout.components
        return max(1, attoseconds > 0 ? seconds + 1 : seconds)
    }
}

/// The ssh_config(5) that ssh gets, in a directory of its own.
///
/// ssh takes the first value that it finds. So what must not be otherwise stands first, then what the user chose, then what is better
/// than ssh's own default where the user chose nothing. It counts for a ProxyJump too.
struct SSHConfiguration: Sendable {
    private let directory: PrivateDirectory
    /// The copy of the file that the settings name: `Include` refuses one that its group may write, which `-F` takes.
    private let copy: String?
    private let original: String?
    let client: SSHClient

    var path: String { directory.path + "/ssh_config" }

    /// Host keys are always checked and never learned silently; nothing is asked, since nobody is there to answer.
    private static let first = """
        Host *
            StrictHostKeyChecking yes
            UpdateHostKeys no
            BatchMode yes
            LogLevel INFO

        """

    /// A peer that is silent for 15 s is gone. `KexAlgorithms` in the user's configuration counts instead of ours.
    private static func last(_ client: SSHClient) -> String {
        let fast = client.fastKeyExchanges
        return """
            Host *
                ServerAliveInterval 5
                ServerAliveCountMax 3

            """ + (fast.isEmpty ? "" : "    KexAlgorithms ^\(fast.joined(separator: ","))\n")
    }

    /// - Throws: `SSHConfigurationError`.
    init(_ settings: SSHSettings, client: SSHClient) throws {
        self.client = client
        guard !client.isTooOld else {
            let oldest = SSHClient.oldest
            throw SSHConfigurationError(
                path: settings.program,
                problem:
                    "it is \(client.name ?? "too old"), and Viridian needs OpenSSH \(oldest.major).\(oldest.minor) or later"
            )
        }
        var theirs: Data?
        if let config = settings.config {
            guard let data = FileManager.default.contents(atPath: config) else {
                throw SSHConfigurationError(path: config, problem: "cannot be read; nodes.ssh.config names it")
            }
            theirs = data
        }
        if let key = settings.identityFile, !FileManager.default.isReadableFile(atPath: key) {
            throw SSHConfigurationError(path: key, problem: "cannot be read; nodes.ssh.identityFile names it")
        }
        do {
            directory = try PrivateDirectory(prefix: "viridian-ssh-")
        } catch {
            throw SSHConfigurationError(path: error.path, problem: error.problem)
        }
        original = settings.config
        copy = settings.config == nil ? nil : directory.path + "/config"
        let includes = copy.map { ["\"\($0)\""] } ?? ["~/.ssh/config", "/etc/ssh/ssh_config"]
        let text = Self.first + includes.map { "Include \($0)\n" }.joined() + Self.last(client)
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            if let copy, let theirs {
                try theirs.write(to: URL(fileURLWithPath: copy))
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: copy)
            }
        } catch {
            directory.remove()
            throw SSHConfigurationError(
                path: directory.path, problem: "cannot be written: \(error.localizedDescription)")
        }
    }

    func remove() {
        directory.remove()
    }

    /// ssh's words, with the file's own name in them.
    func named(_ text: String) -> String {
        guard let copy, let original else { return text }
        return text.replacing(copy, with: original)
    }
}

/// A file that ssh needs cannot be used.
package struct SSHConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    package var path: String
    package var problem: String

    package var description: String { "\(path): \(problem)" }
}
