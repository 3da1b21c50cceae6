import Foundation
import Processes
import Testing

/// A real sshd on the loopback interface, for tools that log in on nodes: each address is a node of its own.
struct LoginServer: Sendable {
    /// The path of an ssh_config for these nodes.
    let configuration: String
    let addresses: [String]
}

/// Runs an sshd while `body` runs. `path` is a folder of programs that come first on the `PATH` of whoever logs in.
func withLoginServer<Value: Sendable>(
    in directory: String, addresses: [String], path: String,
    _ body: @escaping @Sendable (LoginServer) async throws -> Value
) async throws -> Value {
    let port = try await Ports.shared.some(1)[0]
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }
    for name in ["host_key", "key"] {
        let words = ["-q", "-t", "ed25519", "-N", "", "-f", directory + "/" + name]
        let made = try await Command("ssh-keygen", words).run(deadline: .seconds(600))
        try #require(made.succeeded, "\(made.error)")
    }
    try write(
        """
        Port \(port)
        HostKey \(directory)/host_key
        PidFile none
        AuthorizedKeysFile \(directory)/key.pub
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        UsePAM no
        StrictModes no
        UseDNS no
        PermitRootLogin yes
        PrintMotd no
        SetEnv PATH=\(path):/usr/bin:/bin:/usr/sbin:/sbin
        \(addresses.map { "ListenAddress \($0)" }.joined(separator: "\n"))

        """, to: "sshd_config")
    try write(
        """
        Host *
            Port \(port)
            User \(NSUserName())
            IdentityFile \(directory)/key
            IdentitiesOnly yes
            StrictHostKeyChecking no
            UserKnownHostsFile \(directory)/known_hosts

        """, to: "ssh_config")
    // sshd wants this directory when it is root's.
    if getuid() == 0 { try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true) }
    let daemon = Command(
        try #require(Executable.find("sshd")), ["-D", "-e", "-f", directory + "/sshd_config"])
    let (listening, isListening) = AsyncStream<Void>.makeStream()
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask {
            let ended = try await daemon.run(grace: .milliseconds(200), onStart: { _ in }) { line in
                if line.text.hasPrefix("Server listening on") { isListening.yield() }
            }
            isListening.finish()
            Issue.record("sshd ended: \(ended)")
            return nil
        }
        group.addTask {
            for await _ in listening.prefix(1) {}
            return try await body(LoginServer(configuration: directory + "/ssh_config", addresses: addresses))
        }
        while let next = try await group.next() {
            if let value = next { return value }
        }
        throw CancellationError()
    }
}
