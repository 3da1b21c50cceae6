import Foundation
import Processes

/// What ssh makes of everybody's configuration for one host (`ssh -G`, ssh(1)).
struct SSHLookup: Sendable {
    var hostName: String
    /// Where keys of hosts are looked for that a person has accepted.
    var knownHosts: [String]
    /// It is reached through another machine.
    var isProxied: Bool
    /// The name under which its key is kept, where that is another than its own.
    var hostKeyAlias: String?
    /// The files that ssh has read.
    var files: [String]

    private static let patience = Duration.seconds(5)

    /// `nil` where it does not say.
    static func asked(_ host: String, _ settings: SSHSettings, _ configuration: SSHConfiguration) async -> SSHLookup? {
        let arguments = settings.arguments(for: Node(host), sudo: false, configuration: configuration)
        guard
            let said = try? await Command(settings.program, ["-G", "-v"] + arguments).run(deadline: patience),
            said.succeeded
        else { return nil }
        return SSHLookup(output: said.output, debug: said.error)
    }

    init?(output: String, debug: String) {
        var values: [String: String] = [:]
        for line in output.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            if parts.count == 2 { values[parts[0].lowercased()] = parts[1] }
        }
        guard let name = values["hostname"] else { return nil }
        hostName = name
        hostKeyAlias = values["hostkeyalias"]
        knownHosts = (values["userknownhostsfile"] ?? "").split(separator: " ").map(String.init)
        isProxied = ["proxyjump", "proxycommand"].contains { values[$0].map { $0 != "none" } ?? false }
        let mark = "Reading configuration data "
        files = debug.split(whereSeparator: \.isNewline).compactMap { line in
            line.range(of: mark).map { String(line[$0.upperBound...]) }
        }
    }

    /// Where the first of the files says that no key is ever kept: `/root/.ssh/config, line 3`.
    func lineThatForgets(named: (String) -> String) -> String? {
        for file in files {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
            for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            {
                let words = line.lowercased().split { $0.isWhitespace || $0 == "=" || $0 == "\"" }
                if words.first == "userknownhostsfile", words.contains("/dev/null") {
                    return "\(named(file)), line \(index + 1)"
                }
            }
        }
        return nil
    }

    /// No key that a person accepts is ever known again.
    var forgets: Bool { !knownHosts.isEmpty && knownHosts.allSatisfy { $0 == "/dev/null" || $0 == "none" } }
}

/// A host key that is not known: why, and what makes it known.
struct UnknownHostKey: Sendable {
    /// `ED25519`.
    var type: String
    /// Whose it is, as ssh writes it: `10.0.0.5`, `[10.0.0.5]:2222`.
    var host: String

    /// From ssh's `No ED25519 host key is known for [10.0.0.5]:2222 and you have requested strict checking.`
    init?(_ line: String) {
        let mark = " host key is known for "
        guard let range = line.range(of: mark) else { return nil }
        type = line[..<range.lowerBound].split(separator: " ").last.map(String.init) ?? ""
        host = line[range.upperBound...].split(separator: " ").first.map(String.init) ?? ""
    }

    private var address: (name: String, port: Int?) {
        guard host.hasPrefix("["), let end = host.firstIndex(of: "]") else { return (host, nil) }
        let name = String(host[host.index(after: host.startIndex)..<end])
        return (name, Int(host[end...].dropFirst(2)))
    }

    /// One sentence for a person. `node` is what was to be reached; the key may be that of a machine on the way.
    func sentence(for node: Node, _ settings: SSHSettings, _ configuration: SSHConfiguration) async -> String {
        let (name, port) = address
        var lookup = await SSHLookup.asked(node.address, settings, configuration)
        let isOnTheWay = ![node.address, lookup?.hostName, lookup?.hostKeyAlias].contains(name)
        if isOnTheWay { lookup = await SSHLookup.asked(name, settings, configuration) }
        let subject =
            isOnTheWay
            ? "\(name)'s \(type) host key is not known here, and it is on the way to this node"
            : "its \(type) host key is not known here"
        var (file, because, first) = (lookup?.knownHosts.first ?? Self.usual, "", "")
        if let lookup, lookup.forgets {
            let place = lookup.lineThatForgets { configuration.named($0) }
            file = Self.usual
            because =
                "none can be, since your ssh configuration\(place.map { " (\($0))" } ?? "") says `UserKnownHostsFile /dev/null`"
            first = "say `UserKnownHostsFile \(file)` there instead; then "
        } else {
            because = "unknown keys are never accepted silently"
        }
        let options = port.map { "-p \($0) " } ?? ""
        let add =
            if !isOnTheWay, let lookup, lookup.isProxied || lookup.hostKeyAlias != nil {
                "connect once by hand with `ssh \(settings.config.map { "-F \($0) " } ?? "")\(options)\(node.address)`, and accept the key"
            } else {
                "add it with `ssh-keyscan \(options)\(name) >> \(file)`"
            }
        return """
            \(subject). Host keys are always checked, and \(because). To fix: \(first)\(add), when you have compared it with the \
            machine's own (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there)
            """
    }

    private static let usual = "~/.ssh/known_hosts"
}
