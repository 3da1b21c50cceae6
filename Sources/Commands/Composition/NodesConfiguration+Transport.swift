import Controller
import Fleet
import ViridianConfiguration

extension NodesConfiguration {
    /// Runs `body` with the transport to the nodes; its connections stay open until `body` returns.
    func withTransport<Value>(_ body: (any NodeTransport) async throws -> Value) async throws -> Value {
        guard case .ssh(let ssh) = transport else { return try await body(LocalTransport()) }
        let settings = SSHSettings(
            user: ssh.user,
            port: ssh.port,
            identityFile: ssh.identityFile,
            config: ssh.config,
            connectTimeout: ssh.connectTimeout
        )
        return try await SSHTransport.withTransport(settings) { try await body($0) }
    }

    /// How many sessions with nodes may start at the same time.
    var parallel: Int {
        if case .ssh(let ssh) = transport { ssh.parallel } else { SSH().parallel }
    }
}
