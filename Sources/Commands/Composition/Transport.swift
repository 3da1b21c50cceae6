import Controller
import Fleet
import ViridianConfiguration

extension NodesConfiguration {
    /// Runs `body` with the way to reach the nodes; connections that it opens are held until the end.
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

    /// How many conversations may be starting at one time.
    var parallel: Int {
        if case .ssh(let ssh) = transport { ssh.parallel } else { SSH().parallel }
    }
}
