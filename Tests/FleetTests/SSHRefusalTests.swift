import Fleet
import Foundation
import Processes
import Testing

/// Messages for nodes that cannot be reached.
@Suite(.timeLimit(.minutes(10))) struct SSHRefusalTests {
    @Test("an unknown host key is never accepted, and the fix is reported")
    func unknownHostKey() async throws {
        try await withSSHServer { server in
            try Data().write(to: URL(fileURLWithPath: server.knownHosts))
            let why = try await server.whyUnreachable()
            #expect(why.hasPrefix("its ED25519 host key is not known here. "), "\(why)")
            // Into the file that this ssh reads.
            #expect(
                why.contains("ssh-keyscan -p \(server.port) 127.0.0.1 >> \(server.knownHosts)`"), "\(why)")
            #expect(try String(contentsOfFile: server.knownHosts, encoding: .utf8) == "")
            #expect(await server.logins == 0)
        }
    }

    @Test("an ssh_config that accepts any host key is overridden")
    func careless() async throws {
        try await withSSHServer(client: ["StrictHostKeyChecking no"]) { server in
            try Data().write(to: URL(fileURLWithPath: server.knownHosts))
            let why = try await server.whyUnreachable()
            #expect(why.contains("host key is not known here"), "\(why)")
            #expect(await server.logins == 0)
        }
    }

    @Test("known hosts in /dev/null are reported with the line, and the advised fix works")
    func forgetful() async throws {
        try await withSSHServer(client: ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"]) { server in
            let why = try await server.whyUnreachable()
            #expect(
                why.contains("(\(server.directory)/ssh_config, line 3) has `UserKnownHostsFile /dev/null`"), "\(why)")
            #expect(why.contains("set `UserKnownHostsFile ~/.ssh/known_hosts` there; then add it"), "\(why)")
            #expect(await server.logins == 0)
            let config = server.directory + "/ssh_config"
            let fixed = try String(contentsOfFile: config, encoding: .utf8)
                .replacing("UserKnownHostsFile /dev/null", with: "UserKnownHostsFile \(server.knownHosts)")
            try Data(fixed.utf8).write(to: URL(fileURLWithPath: config))
            try await server.withFleet { fleet in
                let reading = try #require(try await fleet.read(blog).first)
                #expect(reading.report != nil, "\(reading)")
            }
        }
    }

    @Test("a host key that has changed is named with its line and how to remove it")
    func changedHostKey() async throws {
        try await withSSHServer { server in
            let other = try String(contentsOfFile: server.directory + "/key.pub", encoding: .utf8)
                .split(separator: " ").prefix(2).joined(separator: " ")
            try Data("# the first line\n[127.0.0.1]:\(server.port) \(other)\n".utf8)
                .write(to: URL(fileURLWithPath: server.knownHosts))
            let why = try await server.whyUnreachable()
            #expect(why.contains("its host key has changed (the known key is line \(server.knownHosts):2)"), "\(why)")
            #expect(why.contains("ssh-keygen -f \"\(server.knownHosts)\" -R \"[127.0.0.1]:\(server.port)\""), "\(why)")
            #expect(await server.logins == 0)
        }
    }

    @Test("a refused key is reported")
    func wrongKey() async throws {
        try await withSSHServer { server in
            try Data().write(to: URL(fileURLWithPath: server.directory + "/authorized_keys"))
            let why = try await server.whyUnreachable()
            #expect(why.contains("refuses the login") && why.contains("Permission denied (publickey)"), "\(why)")
            #expect(why.contains("authorized_keys"), "\(why)")
        }
    }

    @Test("a key that others may read is reported as the cause")
    func openKey() async throws {
        try await withSSHServer { server in
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: server.directory + "/key")
            let why = try await server.whyUnreachable()
            #expect(why.contains("refuses the login") && why.contains("bad permissions"), "\(why)")
        }
    }

    @Test("no listener, no such name")
    func nobody() async throws {
        try await withSSHServer { server in
            let free = try await freePorts(1)[0]
            let why = try await server.whyUnreachable { $0.port = free }
            #expect(why == "nothing is listening at 127.0.0.1 port \(free) (connection refused)")
            let name = try await server.whyUnreachable("no..such")
            #expect(name.hasPrefix("no such host: "), "\(name)")
        }
    }

    @Test("a server that accepts connections and sends nothing fails after the connect timeout")
    func silent() async throws {
        try await withSSHServer { server in
            let listener = try Listener()
            let why = try await server.whyUnreachable {
                $0.port = listener.port
                $0.connectTimeout = .seconds(1)
            }
            #expect(why.contains("sent nothing for 1 s"), "\(why)")
        }
    }

    @Test(
        "missing sudo rights are reported with the missing line",
        arguments: [
            "sudo: a password is required", "deploy is not in the sudoers file.",
            "Sorry, user deploy is not allowed to execute '/bin/sh' as root on web-1.",
        ]
    )
    func noSudo(words: String) async throws {
        try await withSSHServer(programs: ["sudo": "echo '\(words.replacing("'", with: "'\\''"))' >&2; exit 1"]) {
            server in
            let why = try await server.whyUnreachable(sudo: true)
            #expect(why.contains(words) && why.contains("viridian render sudoers"), "\(why)")
        }
    }

    @Test("a sudo that requires a terminal is reported with the line that fixes it")
    func terminal() async throws {
        let sudo = "echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1"
        try await withSSHServer(programs: ["sudo": sudo]) { server in
            let why = try await server.whyUnreachable(ssh: { $0.user = NSUserName() }, sudo: true)
            #expect(
                why.contains("requires a terminal") && why.contains("`Defaults:\(NSUserName()) !requiretty`"), "\(why)")
        }
    }

    @Test("sudo's warnings are never reported as the cause")
    func warnings() async throws {
        let warning = "sudo: unable to resolve host web-1: Name or service not known"
        let runs = #"[ "$1 $2" = "-n sh" ] && shift && exec "$@""#
        try await withSSHServer(programs: ["sudo": "echo '\(warning)' >&2; \(runs)"]) { server in
            try await server.withFleet(node: { $0.sudo = true }) { fleet in
                let reading = try #require(try await fleet.read(blog).first)
                #expect(reading.report != nil, "\(reading)")
            }
        }
        for (words, cause) in [
            ("sudo: a password is required", "viridian render sudoers"), ("killed", "killed"),
            ("sudo: sh: command not found", "may not run the node script"),
        ] {
            let sudo = "echo '\(warning)' >&2; echo '\(words)' >&2; exit 1"
            try await withSSHServer(programs: ["sudo": sudo]) { server in
                let why = try await server.whyUnreachable(sudo: true)
                #expect(why.contains(words) && why.contains(cause) && !why.contains("unable to resolve"), "\(why)")
            }
        }
    }

    @Test("sudo runs the script as root would")
    func sudo() async throws {
        let sudo = #"[ "$1 $2" = "-n sh" ] && shift && AS_ROOT=yes exec "$@""#
        try await withSSHServer(programs: ["sudo": sudo]) { server in
            try await server.withFleet(node: { $0.sudo = true }) { fleet in
                let reading = try #require(try await fleet.read(blog).first)
                #expect(try reading.outcome.get().file == .missing)
            }
        }
    }

    @Test("a login without a shell is reported with its message")
    func noShell() async throws {
        try await withSSHServer(server: ["ForceCommand echo 'This account is currently not available.'; exit 1"]) {
            server in
            let why = try await server.whyUnreachable()
            #expect(why.contains("the login did not start a shell"), "\(why)")
            #expect(why.contains("This account is currently not available."), "\(why)")
        }
        try await withSSHServer(server: ["ForceCommand /no/such/shell"]) { server in
            let why = try await server.whyUnreachable()
            #expect(why.contains("is not installed") && why.contains("/no/such/shell"), "\(why)")
        }
    }

    @Test("a login that waits for input fails at the deadline, with its output")
    func menu() async throws {
        try await withSSHServer(server: ["ForceCommand echo 'Choose 1 or 2:'; cat >/dev/null"]) { server in
            var (said, expected) = ("", "")
            // A busy machine may need longer for the login.
            for seconds in [5, 50, 500] where !said.contains("Choose") {
                said = try await server.withFleet(node: { $0.timeout = .seconds(seconds) }) { fleet in
                    "\(try #require(try await fleet.read(blog).first?.failure).reason)"
                }
                let why = "no shell started within \(seconds) s; its messages: Choose 1 or 2:"
                expected = "\(NodeFailure.Reason.unreachable(why: why))"
            }
            #expect(said == expected)
        }
    }

    @Test("an error in ssh_config is reported with the file's original name")
    func configuration() async throws {
        try await withSSHServer(client: ["NoSuchOption yes"]) { server in
            let why = try await server.whyUnreachable()
            #expect(why.contains("\(server.directory)/ssh_config: line 2: Bad configuration option"), "\(why)")
        }
    }

    @Test("missing files in the configuration are reported before anything starts")
    func missingFiles() async throws {
        for settings in [SSHSettings(identityFile: "/no/such/key"), SSHSettings(config: "/no/such/config")] {
            let error = await #expect(throws: SSHConfigurationError.self) {
                try await SSHTransport.withTransport(settings) { _ in }
            }
            #expect(error?.description.hasPrefix("/no/such/") == true)
        }
        try await withSSHServer { server in
            let why = try await server.whyUnreachable { $0.program = "/no/such/ssh" }
            #expect(why.contains("/no/such/ssh: no such program"), "\(why)")
        }
    }

    @Test(
        "fast key exchanges are preferred unless configured otherwise, and host keys are checked and never added"
    )
    func options() async throws {
        try await withSSHServer { server in
            let options = try await effectiveOptions(server.settings)
            #expect(options["kexalgorithms"]?.hasPrefix("ecdh-sha2-nistp256,curve25519-sha256,") == true)
            #expect(options["kexalgorithms"]?.contains("sntrup761x25519-sha512") == true)
            #expect(["true", "yes"].contains(options["stricthostkeychecking"]))
            #expect(options["updatehostkeys"] == "false")
            #expect(options["serveraliveinterval"] == "5")
            #expect(options["batchmode"] == "yes")
        }
        try await withSSHServer(
            client: [
                "KexAlgorithms ecdh-sha2-nistp256", "ServerAliveInterval 60", "BatchMode no", "UpdateHostKeys yes",
            ]
        ) { server in
            let options = try await effectiveOptions(server.settings)
            #expect(options["kexalgorithms"] == "ecdh-sha2-nistp256")
            #expect(options["serveraliveinterval"] == "60")
            #expect(options["batchmode"] == "yes")
            #expect(options["updatehostkeys"] == "false")
        }
    }

    /// What ssh makes of the configuration that it is given: the program is one that asks ssh, and tells.
    private func effectiveOptions(_ settings: SSHSettings) async throws -> [String: String] {
        try await withDirectory { directory in
            let program = directory + "/ssh"
            let text = """
                #!/bin/sh
                case $1 in -V | -Q) exec ssh "$@" ;; esac
                exec ssh -G "$@" >\(directory)/options 2>&1

                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: program))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
            var settings = settings
            settings.program = program
            try await SSHTransport.withTransport(settings) { transport in
                _ = try? await transport.run(
                    arguments: [], payload: .none, on: Node("127.0.0.1"), sudo: false, deadline: .seconds(600),
                    onLine: { _ in }
                )
            }
            let said = try String(contentsOfFile: directory + "/options", encoding: .utf8)
            var options: [String: String] = [:]
            for line in said.split(separator: "\n") {
                let words = line.split(separator: " ", maxSplits: 1).map(String.init)
                if words.count == 2 { options[words[0]] = words[1] }
            }
            return options
        }
    }
}
