import Foundation
import Processes

/// Why there is no session with a node, from the messages of ssh, the login and sudo.
struct SSHFailure: Sendable {
    var node: Node
    var settings: SSHSettings
    var configuration: SSHConfiguration
    /// The lines before the script's first output, or since the conversation began.
    var messages: [String] = []
    /// How ssh ended, if it has.
    var termination: Termination?
    /// A shell has started.
    var hasShell = false
    /// The script has started.
    var isReady = false

    init(node: Node, settings: SSHSettings, configuration: SSHConfiguration) {
        self.node = node
        self.settings = settings
        self.configuration = configuration
    }

    private enum Kind {
        case changedHostKey
        case unknownHostKey(UnknownHostKey)
        case refusedHostKey
        case noSuchHost
        case configuration
        case ownConfiguration
        case keyNotAccepted
        case tooManyKeys
        case noConnection
        case silent
        case closedEarly
        case negotiation
        case sudo
        case noTerminal
        case noProgram
        case lost
        case other
    }

    /// sshd closed the connection before its banner, as it does when too many connections are starting (MaxStartups).
    var isTransient: Bool { if case .closedEarly = kind { true } else { false } }

    /// The messages without sudo's warnings.
    private var relevant: [String] { messages.filter { !SudoMessages.isWarning($0) } }

    private func line(with text: String) -> String? { relevant.first { $0.contains(text) } }

    /// The cause. Checked in order of occurrence, as an earlier cause may produce messages of a later one.
    private var kind: Kind {
        if line(with: "REMOTE HOST IDENTIFICATION HAS CHANGED") != nil { return .changedHostKey }
        if let unknown = relevant.lazy.compactMap(UnknownHostKey.init).first { return .unknownHostKey(unknown) }
        if line(with: "Host key verification failed") != nil { return .refusedHostKey }
        if line(with: "Could not resolve hostname") != nil { return .noSuchHost }
        for mistake in [
            "Bad configuration option", "Bad owner or permissions on", "terminating, ", "unknown option --",
        ]
        where line(with: mistake) != nil {
            return [configuration.path, "command-line"].contains { line(with: $0) != nil }
                ? .ownConfiguration : .configuration
        }
        if line(with: "Too many authentication failures") != nil { return .tooManyKeys }
        if line(with: "Permission denied (") != nil { return .keyNotAccepted }
        if line(with: "ssh: connect to host ") != nil { return .noConnection }
        if line(with: "timed out during banner exchange") != nil { return .silent }
        if line(with: "Unable to negotiate with ") != nil { return .negotiation }
        if !hasShell, line(with: "kex_exchange_identification: ") != nil { return .closedEarly }
        if relevant.contains(where: SudoMessages.demandsTerminal) { return .noTerminal }
        if line(with: "sudo: ") != nil || line(with: "is not in the sudoers file") != nil
            || line(with: "is not allowed to execute") != nil
        {
            return line(with: "sudo: not found") == nil && line(with: "sudo: command not found") == nil
                ? .sudo : .noProgram
        }
        if termination == .exited(127) { return .noProgram }
        // ssh exits with 255 for its own errors.
        return termination == .exited(255) ? .lost : .other
    }

    /// A sentence with the fix. May run ssh to find it.
    var explanation: String {
        get async {
            guard case .unknownHostKey(let key) = kind else { return sentence }
            return await key.sentence(for: node, settings, configuration)
        }
    }

    /// The same, without running ssh.
    var sentence: String {
        switch kind {
        case .changedHostKey: changedHostKey
        case .unknownHostKey(let key): "the \(key.type) host key of \(key.host) is not known here"
        case .refusedHostKey: "its host key is refused: \(lastMessages)"
        case .noSuchHost:
            "no such host: \(quoted("Could not resolve hostname")). Check the address and this machine's name resolution"
        case .configuration: "ssh does not accept its configuration: \(lastMessages)"
        case .ownConfiguration:
            "\(configuration.client.name ?? "the ssh") on this machine does not support an option that Viridian uses: \(lastMessages). "
                + "Your ssh configuration is not the cause. To fix: install a current OpenSSH on this machine, and report this"
        case .keyNotAccepted: keyNotAccepted
        case .tooManyKeys:
            "ssh offered too many keys before the right one: set nodes.ssh.identityFile, or IdentitiesOnly in ssh_config"
        case .noConnection: noConnection
        case .silent:
            "it accepted the connection and sent nothing for \(settings.wholeConnectSeconds) s: check that the machine and its sshd "
                + "are not frozen, and that this is an SSH server"
        case .negotiation: "ssh and its sshd have no algorithm in common: \(quoted("Unable to negotiate"))"
        case .closedEarly:
            "its sshd closes connections immediately: \(quoted("kex_exchange_identification")). The cause is too many connections at "
                + "a time (MaxStartups in sshd_config, nodes.ssh.parallel here) or a firewall"
        case .sudo: sudo
        case .noTerminal: SudoMessages.needsTerminal(user: settings.user)
        case .noProgram: "a program that the login needs is not installed: \(lastMessages)"
        case .lost: messages.isEmpty ? "the connection was lost" : "the connection was lost: \(lastMessages)"
        case .other: other
        }
    }

    /// The message when the session was not ready within `limit`.
    func sentence(after limit: Duration) -> String {
        let what = hasShell ? "its shell did not start the node script" : "no shell started"
        return what + " within \(limit.formatted)" + (messages.isEmpty ? "" : "; its messages: \(lastMessages)")
    }

    private var changedHostKey: String {
        var location = ""
        if let line = messages.first(where: { $0.hasPrefix("Offending ") }), let range = line.range(of: " in ") {
            location = " (the known key is line \(line[range.upperBound...]))"
        }
        let offered = messages.first { $0.contains("ssh-keygen -") && $0.contains(" -R ") }
        let fix = offered?.trimmed ?? "ssh-keygen -R \(host)"
        return """
            its host key has changed\(location). If the machine was reinstalled: \(fix), then add its new key. If it was not, \
            another machine answers at this address
            """
    }

    private var keyNotAccepted: String {
        let signs = ["Load key", "identity_sign", "UNPROTECTED PRIVATE KEY", "Identity file", "agent"]
        let details = messages.filter { message in signs.contains { message.contains($0) } }.map {
            configuration.withOriginalPath($0).trimmed
        }
        let reason = details.isEmpty ? "" : " (\(details.joined(separator: " | ")))"
        return """
            it refuses the login: \(quoted("Permission denied ("))\(reason). Add the public key to the user's \
            authorized_keys on the node, or set nodes.ssh.user and nodes.ssh.identityFile; a key with a passphrase must be in an agent
            """
    }

    private var noConnection: String {
        let line = quoted("ssh: connect to host ")
        var why = line
        if let range = line.range(of: ": ", options: .backwards) { why = String(line[range.upperBound...]) }
        // `ssh: connect to host 10.0.0.1 port 22: Connection refused`
        let rest = line.dropFirst("ssh: connect to host ".count)
        let address = rest.range(of: ": ", options: .backwards).map { String(rest[..<$0.lowerBound]) } ?? node.address
        switch why {
        case "Connection refused": return "nothing is listening at \(address) (connection refused)"
        case "Connection timed out": return "\(address) did not answer within \(settings.wholeConnectSeconds) s"
        default: return "\(address): \(why)"
        }
    }

    private var sudo: String {
        "\(user) may not run the node script as root: \(lastMessages). `viridian render sudoers` prints the line that is missing "
            + "in /etc/sudoers.d (or set nodes.sudo: false if the user needs no sudo)"
    }

    private var user: String {
        settings.user.map { "user \($0)" } ?? "the user"
    }

    private var other: String {
        let what = hasShell ? "the node script did not start" : "the login did not start a shell"
        let how = termination.map { " (ssh \($0))" } ?? ""
        return what + how + (messages.isEmpty ? "" : ": \(lastMessages)")
    }

    private var host: String {
        guard let port = settings.port, port != 22 else { return node.address }
        return "\"[\(node.address)]:\(port)\""
    }

    private func quoted(_ text: String) -> String {
        configuration.withOriginalPath(line(with: text) ?? "").trimmed
    }

    /// The last messages, on one line.
    private var lastMessages: String {
        relevant.filter { !$0.trimmed.isEmpty && !$0.hasPrefix("@@@") }.suffix(4)
            .map { configuration.withOriginalPath($0).trimmed }.joined(separator: " | ")
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.prefix(500))
    }
}
