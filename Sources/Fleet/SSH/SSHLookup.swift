import Foundation
import Processes

/// ssh's effective configuration for a host (`ssh -G`, ssh(1)).
struct SSHLookup: Sendable {
    var hostName: String
    /// The files with accepted host keys.
    var knownHosts: [String]
    /// Whether the host is reached through another machine.
    var isProxied: Bool
    /// The name of the host's key, if it differs from the host's name.
    var hostKeyAlias: String?
    /// The configuration files that ssh has read.
    var files: [String]

    private static let queryTimeout = Duration.seconds(5)

    /// `nil` when the query fails.
    static func query(_ host: String, _ settings: SSHSettings, _ configuration: SSHConfiguration) async -> SSHLookup? {
        let arguments = settings.arguments(for: Node(host), sudo: false, configuration: configuration)
        guard
            let completed = try? await Command(settings.program, ["-G", "-v"] + arguments).run(deadline: queryTimeout),
            completed.succeeded
        else { return nil }
        return SSHLookup(output: completed.output, debug: completed.error)
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

    /// The place of the setting that discards host keys: `/root/.ssh/config, line 3`.
    func lineThatDiscardsHostKeys(named: (String) -> String) -> String? {
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

    /// Whether accepted host keys are discarded.
    var discardsHostKeys: Bool { !knownHosts.isEmpty && knownHosts.allSatisfy { $0 == "/dev/null" || $0 == "none" } }
}

/// An unknown host key: the reason and the fix.
struct UnknownHostKey: Sendable {
    /// `ED25519`.
    var type: String
    /// The host, in ssh's format: `10.0.0.5`, `[10.0.0.5]:2222`.
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

    /// A sentence with the fix. `node` is the target; the key may be a jump host's.
    func sentence(for node: Node, _ settings: SSHSettings, _ configuration: SSHConfiguration) async -> String {
        let (name, port) = address
        var lookup = await SSHLookup.query(node.address, settings, configuration)
        let isJumpHost = ![node.address, lookup?.hostName, lookup?.hostKeyAlias].contains(name)
        if isJumpHost { lookup = await SSHLookup.query(name, settings, configuration) }
        let subject =
            isJumpHost
            ? "the \(type) host key of \(name), a jump host of this node, is not known here"
            : "its \(type) host key is not known here"
        var (file, reason, first) = (lookup?.knownHosts.first ?? Self.defaultFile, "", "")
        if let lookup, lookup.discardsHostKeys {
            let location = lookup.lineThatDiscardsHostKeys { configuration.withOriginalPath($0) }
            file = Self.defaultFile
            reason =
                "none can be stored, as your ssh configuration\(location.map { " (\($0))" } ?? "") has `UserKnownHostsFile /dev/null`"
            first = "set `UserKnownHostsFile \(file)` there; then "
        } else {
            reason = "unknown keys are never accepted automatically"
        }
        let options = port.map { "-p \($0) " } ?? ""
        let add =
            if !isJumpHost, let lookup, lookup.isProxied || lookup.hostKeyAlias != nil {
                "connect once manually with `ssh \(settings.config.map { "-F \($0) " } ?? "")\(options)\(node.address)` and accept the key"
            } else {
                "add it with `ssh-keyscan \(options)\(name) >> \(file)`"
            }
        return """
            \(subject). Host keys are always checked, and \(reason). To fix: \(first)\(add), after comparing it with the \
            machine's key (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the machine)
            """
    }

    private static let defaultFile = "~/.ssh/known_hosts"
}
