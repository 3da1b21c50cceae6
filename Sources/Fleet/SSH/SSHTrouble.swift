import Foundation
import Processes

/// Why there is no session with a node, from what ssh, the login and sudo said.
struct SSHTrouble: Sendable {
    var node: Node
    var settings: SSHSettings
    var configuration: SSHConfiguration
    /// The lines that came before the script's first word, or since the conversation began.
    var words: [String] = []
    /// How ssh ended, if it did.
    var termination: Termination?
    /// A shell has answered.
    var hasShell = false
    /// The script has answered.
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

    /// sshd closed the connection before it said who it is, which it does to some of many that come at once (MaxStartups).
    var isTransient: Bool { if case .closedEarly = kind { true } else { false } }

    /// What is about the cause: not what sudo only warns of.
    private var telling: [String] { words.filter { !SudoWords.isWarning($0) } }

    private func line(with text: String) -> String? { telling.first { $0.contains(text) } }

    /// The causes in the order in which they can happen; a later one's words may follow from an earlier one.
    private var kind: Kind {
        if line(with: "REMOTE HOST IDENTIFICATION HAS CHANGED") != nil { return .changedHostKey }
        if let unknown = telling.lazy.compactMap(UnknownHostKey.init).first { return .unknownHostKey(unknown) }
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
        if telling.contains(where: SudoWords.demandsTerminal) { return .noTerminal }
        if line(with: "sudo: ") != nil || line(with: "is not in the sudoers file") != nil
            || line(with: "is not allowed to execute") != nil
        {
            return line(with: "sudo: not found") == nil && line(with: "sudo: command not found") == nil
                ? .sudo : .noProgram
        }
        if termination == .exited(127) { return .noProgram }
        // ssh's own status for everything that is not the remote command's.
        return termination == .exited(255) ? .lost : .other
    }

    /// One sentence for a person, with what to do; where ssh has to be asked for it, it is.
    var explanation: String {
        get async {
            guard case .unknownHostKey(let key) = kind else { return sentence }
            return await key.sentence(for: node, settings, configuration)
        }
    }

    /// The same without asking anybody.
    var sentence: String {
        switch kind {
        case .changedHostKey: changedHostKey
        case .unknownHostKey(let key): "the \(key.type) host key of \(key.host) is not known here"
        case .refusedHostKey: "its host key is refused: \(said)"
        case .noSuchHost:
            "no such host: \(quoted("Could not resolve hostname")). Is the address right, and can this machine resolve it?"
        case .configuration: "ssh does not accept its configuration: \(said)"
        case .ownConfiguration:
            "\(configuration.client.name ?? "the ssh") on this machine does not know an option that Viridian gives it: \(said). "
                + "Nothing in your own ssh configuration is wrong. To fix: install a current OpenSSH here, and report this"
        case .keyNotAccepted: keyNotAccepted
        case .tooManyKeys:
            "it was offered too many keys before the right one: set nodes.ssh.identityFile, or IdentitiesOnly in ssh_config"
        case .noConnection: noConnection
        case .silent:
            "it accepted the connection and then said nothing for \(settings.wholeConnectSeconds) s: is the machine or its sshd frozen, or is this no SSH server?"
        case .negotiation: "ssh and its sshd have no algorithm in common: \(quoted("Unable to negotiate"))"
        case .closedEarly:
            "its sshd closes connections at once: \(quoted("kex_exchange_identification")). Too many at one time (MaxStartups in sshd_config, nodes.ssh.parallel here), or a firewall"
        case .sudo: sudo
        case .noTerminal: SudoWords.needsTerminal(user: settings.user)
        case .noProgram: "a program that the login needs is not there: \(said)"
        case .lost: words.isEmpty ? "the connection was lost" : "the connection was lost: \(said)"
        case .other: other
        }
    }

    /// When nobody had answered in all this time.
    func sentence(after limit: Duration) -> String {
        let what = hasShell ? "its shell did not take the node script" : "no shell answered there"
        return what + " within \(limit.formatted)" + (words.isEmpty ? "" : "; it said: \(said)")
    }

    private var changedHostKey: String {
        var place = ""
        if let line = words.first(where: { $0.hasPrefix("Offending ") }), let range = line.range(of: " in ") {
            place = " (the known one is line \(line[range.upperBound...]))"
        }
        let offered = words.first { $0.contains("ssh-keygen -") && $0.contains(" -R ") }
        let mend = offered?.trimmed ?? "ssh-keygen -R \(host)"
        return """
            its host key has changed\(place). If the machine was set up anew: \(mend), then add its new key. If it was not, \
            something else answers there
            """
    }

    private var keyNotAccepted: String {
        let signs = ["Load key", "identity_sign", "UNPROTECTED PRIVATE KEY", "Identity file", "agent"]
        let about = words.filter { word in signs.contains { word.contains($0) } }.map {
            configuration.named($0).trimmed
        }
        let because = about.isEmpty ? "" : " (\(about.joined(separator: " | ")))"
        return """
            it does not let us in: \(quoted("Permission denied ("))\(because). Put the public key into the user's \
            authorized_keys there, or set nodes.ssh.user and nodes.ssh.identityFile; a key with a passphrase has to be in an agent
            """
    }

    private var noConnection: String {
        let line = quoted("ssh: connect to host ")
        var why = line
        if let range = line.range(of: ": ", options: .backwards) { why = String(line[range.upperBound...]) }
        // `ssh: connect to host 10.0.0.1 port 22: Connection refused`
        let rest = line.dropFirst("ssh: connect to host ".count)
        let whom = rest.range(of: ": ", options: .backwards).map { String(rest[..<$0.lowerBound]) } ?? node.address
        switch why {
        case "Connection refused": return "nothing listens at \(whom) (connection refused)"
        case "Connection timed out": return "\(whom) did not answer within \(settings.wholeConnectSeconds) s"
        default: return "\(whom): \(why)"
        }
    }

    private var sudo: String {
        "\(user) may not run the node script as root there: \(said). `viridian render sudoers` prints the line that is missing "
            + "in /etc/sudoers.d (or set nodes.sudo: false where the user may do everything by itself)"
    }

    private var user: String {
        settings.user.map { "user \($0)" } ?? "the user"
    }

    private var other: String {
        let what = hasShell ? "the node script did not start" : "the login did not start a shell"
        let how = termination.map { " (ssh \($0))" } ?? ""
        return what + how + (words.isEmpty ? "" : ": \(said)")
    }

    private var host: String {
        guard let port = settings.port, port != 22 else { return node.address }
        return "\"[\(node.address)]:\(port)\""
    }

    private func quoted(_ text: String) -> String {
        configuration.named(line(with: text) ?? "").trimmed
    }

    /// The last words, on one line.
    private var said: String {
        telling.filter { !$0.trimmed.isEmpty && !$0.hasPrefix("@@@") }.suffix(4)
            .map { configuration.named($0).trimmed }.joined(separator: " | ")
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.prefix(500))
    }
}
