import Fleet
import Foundation
import Processes
import Testing

/// A real sshd on the loopback interface with its own keys, for the user who runs the tests.
struct SSHServer: Sendable {
    let directory: String
    let port: Int
    let process: Int32
    let log: Log

    /// What sshd has logged.
    actor Log {
        private(set) var lines: [String] = []
        func append(_ line: String) { lines.append(line) }
        func count(of text: String) -> Int { lines.count { $0.contains(text) } }
    }

    var settings: SSHSettings {
        SSHSettings(config: directory + "/ssh_config", connectTimeout: .seconds(60))
    }

    var knownHosts: String { directory + "/known_hosts" }

    /// The number of logins.
    var logins: Int { get async { await log.count(of: "Accepted publickey") } }

    /// Fleet settings that need no nginx: conversations that read.
    var nodeSettings: NodeSettings {
        var settings = NodeSettings(backends: directory, test: "true", reload: "true")
        settings.timeout = .seconds(600)
        return settings
    }

    /// Processes that were started by a login, or for one: they carry the server's directory in their environment or arguments.
    func processes() throws -> [Int32: String] {
        let files = FileManager.default
        var found: [Int32: String] = [:]
        for name in try files.contentsOfDirectory(atPath: "/proc") {
            guard let id = Int32(name), id != getpid(), id != process else { continue }
            let arguments = String(decoding: files.contents(atPath: "/proc/\(name)/cmdline") ?? Data(), as: UTF8.self)
            let environment = String(decoding: files.contents(atPath: "/proc/\(name)/environ") ?? Data(), as: UTF8.self)
            if environment.contains("VIRIDIAN_TEST=\(directory)") || arguments.contains(directory) {
                found[id] = arguments.replacing("\0", with: " ")
            }
        }
        return found
    }

    /// The connections' own processes at the server's end.
    func connections() throws -> [Int32] {
        try processIDs(withParent: process)
    }
}

func processIDs(withParent parent: Int32) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { id in
        guard let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return false }
        return text[name...].split(separator: " ").dropFirst(2).first == "\(parent)"
    }
}

/// Runs an sshd on `addresses`, and `body` beside it. At its end nothing that a login started may be left.
///
/// `server` are lines for sshd_config, `client` lines for ssh_config before the usual ones, and `programs` shell programs, by name, that
/// come first on the `PATH` of whoever logs in.
func withSSHServer<Value: Sendable>(
    addresses: [String] = ["127.0.0.1"],
    server lines: [String] = [],
    client: [String] = [],
    programs: [String: String] = [:],
    _ body: @escaping @Sendable (SSHServer) async throws -> Value
) async throws -> Value {
    try await withDirectory { directory in
        let port = try await freePorts(1)[0]
        func write(_ text: String, to name: String, mode: Int = 0o644) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory + "/" + name)
        }
        for name in ["host_key", "key"] {
            let made = try await Command(
                "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", directory + "/" + name]
            ).run(deadline: .seconds(600))
            try #require(made.succeeded, "\(made.error)")
        }
        try FileManager.default.createDirectory(atPath: directory + "/bin", withIntermediateDirectories: true)
        for (name, text) in programs { try write("#!/bin/sh\n\(text)\n", to: "bin/\(name)", mode: 0o755) }
        try FileManager.default.copyItem(atPath: directory + "/key.pub", toPath: directory + "/authorized_keys")
        // SHLVL keeps bash from reading the user's .bashrc.
        let environment = "PATH=\(directory)/bin:/usr/bin:/bin:/usr/sbin:/sbin VIRIDIAN_TEST=\(directory) SHLVL=5"
        try write(
            ([
                "Port \(port)", "HostKey \(directory)/host_key", "PidFile none",
                "AuthorizedKeysFile \(directory)/authorized_keys", "PasswordAuthentication no",
                "KbdInteractiveAuthentication no", "UsePAM no", "StrictModes no", "UseDNS no", "PermitRootLogin yes",
                "PrintMotd no", "SetEnv \(environment)",
            ] + addresses.map { "ListenAddress \($0)" } + lines
                + (lines.contains { $0.hasPrefix("MaxStartups") } ? [] : ["MaxStartups 500"])).joined(separator: "\n")
                + "\n",
            to: "sshd_config"
        )
        try write(
            (["Host *"] + client + [
                "Port \(port)", "IdentityFile \(directory)/key", "IdentitiesOnly yes",
                "UserKnownHostsFile \(directory)/known_hosts", "GlobalKnownHostsFile /dev/null",
            ]).joined(separator: "\n") + "\n",
            to: "ssh_config"
        )
        let key = try String(contentsOfFile: directory + "/host_key.pub", encoding: .utf8)
            .split(separator: " ").prefix(2).joined(separator: " ")
        try write(addresses.map { "[\($0)]:\(port) \(key)\n" }.joined(), to: "known_hosts")
        // sshd wants this directory when it is root's.
        if getuid() == 0 {
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        }
        let daemon = try #require(Executable.find("sshd"), "openssh-server is missing; script/bootstrap installs it")
        return try await withRunningServer(
            Command(daemon, ["-D", "-e", "-f", directory + "/sshd_config"]),
            directory: directory,
            port: port,
            body
        )
    }
}

private func withRunningServer<Value: Sendable>(
    _ daemon: Command,
    directory: String,
    port: Int,
    _ body: @escaping @Sendable (SSHServer) async throws -> Value
) async throws -> Value {
    let log = SSHServer.Log()
    let (listening, isListening) = AsyncStream<Int32>.makeStream()
    let started = Flag()
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask {
            let (identities, identity) = AsyncStream<Int32>.makeStream()
            let ended = try await daemon.run(grace: .milliseconds(200), onStart: { identity.yield($0) }) { line in
                await log.append(line.text)
                if line.text.hasPrefix("Server listening on"), await !started.isSet {
                    await started.set()
                    for await process in identities.prefix(1) { isListening.yield(process) }
                }
            }
            Issue.record("sshd ended: \(ended)")
            isListening.finish()
            return nil
        }
        group.addTask {
            var process: Int32?
            for await started in listening.prefix(1) { process = started }
            let server = SSHServer(directory: directory, port: port, process: try #require(process), log: log)
            let value = try await body(server)
            try await eventually { try server.processes().isEmpty }
            let left = try server.processes()
            #expect(left.isEmpty)
            return value
        }
        while let next = try await group.next() {
            if let value = next { return value }
        }
        throw CancellationError()
    }
}

extension SSHServer {
    /// Runs `body` with a fleet of these nodes, over connections that end with it.
    func withFleet<Value: Sendable>(
        _ addresses: [String] = ["127.0.0.1"],
        ssh change: (inout SSHSettings) -> Void = { _ in },
        node changeNode: (inout NodeSettings) -> Void = { _ in },
        _ body: (Fleet) async throws -> Value
    ) async throws -> Value {
        var (ssh, nodes) = (settings, nodeSettings)
        change(&ssh)
        changeNode(&nodes)
        return try await SSHTransport.withTransport(ssh) { transport in
            try await body(
                Fleet(inventory: try StaticInventory(addresses), transport: transport, settings: nodes)
            )
        }
    }

    /// The message of a node that cannot be reached.
    func whyUnreachable(
        _ address: String = "127.0.0.1",
        ssh change: (inout SSHSettings) -> Void = { _ in },
        sudo: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await withFleet([address], ssh: change, node: { $0.sudo = sudo }) { fleet in
            let reading = try #require(try await fleet.read(blog).first)
            guard case .unreachable(let why) = reading.failure?.reason else {
                Issue.record("\(reading)", sourceLocation: sourceLocation)
                return ""
            }
            return why
        }
    }
}

let blog = Upstream(app: "blog", name: "blogLB", bluePort: 30000, greenPort: 30001)
