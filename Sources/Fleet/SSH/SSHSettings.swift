import Foundation
import Processes

/// The SSH settings. Settings that are `nil` are left to ssh and its configuration.
package struct SSHSettings: Sendable, Hashable {
    package var user: String?
    package var port: Int?
    package var identityFile: String?
    /// A file in the format of ssh_config(5) that replaces the user's and the system's, as with `ssh -F`.
    package var config: String?
    /// The time limit for the TCP connection, and again for the server's banner.
    package var connectTimeout: Duration
    /// The highest number of open connections. Each needs a process of about 2 MiB and five descriptors. When the limit is reached, the
    /// connection that has been idle for longest is closed.
    package var connectionLimit: Int
    /// The time after which an idle connection is closed.
    package var idleLimit: Duration
    /// The program: `ssh` on `PATH`, or a path.
    package var program: String

    package init(
        user: String? = nil,
        port: Int? = nil,
        identityFile: String? = nil,
        config: String? = nil,
        connectTimeout: Duration = .seconds(10),
        connectionLimit: Int = 256,
        idleLimit: Duration = .seconds(15 * 60),
        program: String = "ssh"
    ) {
        self.user = user
        self.port = port
        self.identityFile = identityFile
        self.config = config
        self.connectTimeout = connectTimeout
        self.connectionLimit = connectionLimit
        self.idleLimit = idleLimit
        self.program = program
    }

    /// ssh's arguments for a session with the node's script.
    ///
    /// `ControlPath=none`: the connection belongs to this process and ends with it. Forwardings, commands and terminals of the user's
    /// configuration are disabled. Every login shell supports `exec`.
    func arguments(for node: Node, sudo: Bool, configuration: SSHConfiguration) -> [String] {
        var arguments = ["-F", configuration.path, "-T", "-x", "-S", "none"]
        var options = [
            "ControlMaster=no", "ClearAllForwardings=yes", "PermitLocalCommand=no",
            "ConnectTimeout=\(wholeConnectSeconds)",
        ]
        if configuration.client.knowsRemoteCommand { options.append("RemoteCommand=none") }
        if let user { options.append("User=\(user)") }
        if let port { options.append("Port=\(port)") }
        if let identityFile {
            arguments += ["-i", identityFile]
            // Otherwise the agent's keys are tried first, until sshd's MaxAuthTries.
            options.append("IdentitiesOnly=yes")
        }
        for option in options { arguments += ["-o", option] }
        return arguments + ["--", node.address, sudo ? "exec sudo -n sh" : "exec sh"]
    }

    /// ssh accepts whole seconds; 0 is the system's limit.
    var wholeConnectSeconds: Int64 {
        let (seconds, attoseconds) = connectTimeout.components
        return max(1, attoseconds > 0 ? seconds + 1 : seconds)
    }
}

/// The ssh_config(5) for ssh, in a private directory.
///
/// ssh uses the first value that it finds: first the required settings, then the user's configuration, then defaults that are better
/// than ssh's. The file also applies to a ProxyJump.
struct SSHConfiguration: Sendable {
    private let directory: PrivateDirectory
    /// The copy of the configured file: `Include` refuses a group-writable file, which `-F` accepts.
    private let copy: String?
    private let original: String?
    let client: SSHClient

    var path: String { directory.path + "/ssh_config" }

    /// Host keys are always checked and never added automatically; ssh does not prompt.
    private static let first = """
        Host *
            StrictHostKeyChecking yes
            UpdateHostKeys no
            BatchMode yes
            LogLevel INFO

        """

    /// A peer that is silent for 15 s counts as lost. `KexAlgorithms` in the user's configuration takes precedence.
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
                    "it is \(client.name ?? "too old"); Viridian requires OpenSSH \(oldest.major).\(oldest.minor) or later"
            )
        }
        var userConfiguration: Data?
        if let config = settings.config {
            guard let data = FileManager.default.contents(atPath: config) else {
                throw SSHConfigurationError(path: config, problem: "the file in nodes.ssh.config cannot be read")
            }
            userConfiguration = data
        }
        if let key = settings.identityFile, !FileManager.default.isReadableFile(atPath: key) {
            throw SSHConfigurationError(path: key, problem: "the file in nodes.ssh.identityFile cannot be read")
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
            if let copy, let userConfiguration {
                try userConfiguration.write(to: URL(fileURLWithPath: copy))
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

    /// A message of ssh, with the original file's name in place of the copy's.
    func withOriginalPath(_ text: String) -> String {
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
