import Fleet
import Foundation
import Glibc
import Processes
import Testing

/// The user's ssh_config works with nodes.
@Suite(.timeLimit(.minutes(10))) struct SSHConfigurationTests {
    private func read(_ server: SSHServer, _ address: String) async throws -> FleetOutcome {
        try await server.withFleet([address]) { fleet in
            let reading = try #require(try await fleet.read(blog).first)
            return switch reading.outcome {
            case .success: .read
            case .failure(let failure): .failed("\(failure.reason)")
            }
        }
    }

    private enum FleetOutcome: Sendable, Equatable {
        case read
        case failed(String)
    }

    @Test("a node behind a jump host is reached, and the jump host's key is checked too")
    func proxyJump() async throws {
        let client = ["StrictHostKeyChecking no", "Host 127.0.0.2", "  ProxyJump 127.0.0.1", "Host *"]
        try await withSSHServer(addresses: ["127.0.0.1", "127.0.0.2"], client: client) { server in
            #expect(try await read(server, "127.0.0.2") == .read)
            #expect(await server.logins == 2)
            let known = try String(contentsOfFile: server.knownHosts, encoding: .utf8)
            let withoutJump = known.split(separator: "\n").filter { !$0.hasPrefix("[127.0.0.1]") }.joined() + "\n"
            try Data(withoutJump.utf8).write(to: URL(fileURLWithPath: server.knownHosts))
            guard case .failed(let why) = try await read(server, "127.0.0.2") else {
                Issue.record("it went through a machine whose key nobody knows")
                return
            }
            #expect(why.contains("host key of 127.0.0.1, a jump host of this node, is not known here"), "\(why)")
            #expect(await server.logins == 2)
        }
    }

    @Test("a key that only an agent has is accepted")
    func agent() async throws {
        try await withSSHServer { server in
            let socket = server.directory + "/agent"
            let config = server.directory + "/ssh_config"
            let text = try String(contentsOfFile: config, encoding: .utf8)
                .replacing("IdentitiesOnly yes", with: "IdentityAgent \(socket)")
                .replacing("IdentityFile \(server.directory)/key", with: "IdentityFile none")
            try Data(text.utf8).write(to: URL(fileURLWithPath: config))
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    _ = try await Command("ssh-agent", ["-D", "-a", socket]).run(grace: .milliseconds(100))
                }
                try await eventually { FileManager.default.fileExists(atPath: socket) }
                guard case .failed(let why) = try await read(server, "127.0.0.1") else {
                    Issue.record("an agent without a key opened the door")
                    return
                }
                #expect(why.contains("refuses the login"), "\(why)")
                let added = try await Command(
                    "env", ["SSH_AUTH_SOCK=\(socket)", "ssh-add", "-q", server.directory + "/key"]
                ).run(deadline: .seconds(600))
                try #require(added.succeeded, "\(added.error)")
                #expect(try await read(server, "127.0.0.1") == .read)
            }
        }
    }

    @Test("a certificate is accepted, an expired one is not")
    func certificate() async throws {
        try await withDirectory { authority in
            try await keygen("-t", "ed25519", "-N", "", "-f", authority + "/ca")
            try await withSSHServer(server: ["TrustedUserCAKeys \(authority)/ca.pub"]) { server in
                try Data().write(to: URL(fileURLWithPath: server.directory + "/authorized_keys"))
                let user = NSUserName()
                try await keygen(
                    "-s", authority + "/ca", "-I", "ci", "-n", user, "-V", "20200101:20200102",
                    server.directory + "/key.pub")
                guard case .failed(let why) = try await read(server, "127.0.0.1") else {
                    Issue.record("an expired certificate opened the door")
                    return
                }
                #expect(why.contains("refuses the login"), "\(why)")
                try await keygen("-s", authority + "/ca", "-I", "ci", "-n", user, server.directory + "/key.pub")
                #expect(try await read(server, "127.0.0.1") == .read)
            }
        }
    }

    @Test("a peer that becomes silent is detected before the conversation's deadline")
    func silentPeer() async throws {
        try await withSSHServer(client: ["ServerAliveInterval 1", "ServerAliveCountMax 1"]) { server in
            try await SSHTransport.withTransport(server.settings) { transport in
                let inventory = try StaticInventory(["127.0.0.1"])
                let usual = Fleet(inventory: inventory, transport: transport, settings: server.nodeSettings)
                #expect(try await usual.read(blog).first?.report != nil)
                var settings = server.nodeSettings
                settings.test = "sleep 3080"
                settings.timeout = .seconds(3600)
                let slow = Fleet(inventory: inventory, transport: transport, settings: settings)
                async let reading = slow.read(blog)
                try await eventually { try server.processes().values.contains { $0.contains("sleep 3080") } }
                let silent = try server.connections()
                for connection in silent { kill(connection, SIGSTOP) }
                let failure = try #require(try await reading.first?.failure)
                for connection in silent { kill(connection, SIGCONT) }
                #expect(failure.isUnreachable && "\(failure.reason)".contains("not responding"), "\(failure)")
            }
        }
    }

    private func keygen(_ words: String...) async throws {
        let made = try await Command("ssh-keygen", ["-q"] + words).run(deadline: .seconds(600))
        try #require(made.succeeded, "\(words): \(made.error)")
    }
}
