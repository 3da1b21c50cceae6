import Foundation
import Processes
import Testing

@testable import Fleet

/// Installed ssh versions, which may be older or have fewer features.
@Suite(.timeLimit(.minutes(10))) struct SSHClientTests {
    /// Runs `body` with a program in place of ssh, which calls ssh itself unless `refuses` ends it.
    private func withSSH<Value>(
        version: String, keyExchanges: [String], refuses: String, in directory: String,
        _ body: (String) async throws -> Value
    ) async throws -> Value {
        let program = directory + "/old-ssh"
        let text = """
            #!/bin/sh
            case $1 in
            -V) echo '\(version), OpenSSL 1.0.2k-fips  26 Jan 2017' >&2; exit ;;
            -Q) printf '%s\\n' \(keyExchanges.joined(separator: " ")); exit ;;
            esac
            for word; do
                [ "$before" != -F ] || config=$word
                before=$word
            done
            fail() {
                echo "$1" >&2
                echo "$config: terminating, 1 bad configuration options" >&2
                exit 255
            }
            \(refuses)
            exec ssh "$@"

            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        return try await body(program)
    }

    private static let refusesNews = #"""
        list=$(sed -n 's/^ *KexAlgorithms //p' "$config")
        case $list in ^*) fail "$config line 9: Bad SSH2 KexAlgorithms '$list'." ;; esac
        case "$*" in
        *RemoteCommand*) echo "command-line: line 0: Bad configuration option: remotecommand" >&2; exit 255 ;;
        esac
        """#

    @Test(
        "an ssh of 2016 opens the connection, without options that it does not support",
        arguments: ["OpenSSH_7.4p1", "OpenSSH_8.0p1"])
    func old(version: String) async throws {
        try await withSSHServer { server in
            let refuses =
                version.hasSuffix("8.0p1")
                ? Self.refusesNews.replacing("*RemoteCommand*", with: "never") : Self.refusesNews
            try await withSSH(
                version: version, keyExchanges: ["curve25519-sha256", "ecdh-sha2-nistp256"], refuses: refuses,
                in: server.directory
            ) { program in
                try await server.withFleet(ssh: { $0.program = program }) { fleet in
                    let reading = try #require(try await fleet.read(blog).first)
                    #expect(reading.report != nil, "\(String(describing: reading.failure))")
                }
            }
        }
    }

    @Test("an ssh without one of the fast key exchanges uses those that it has")
    func policy() async throws {
        try await withSSHServer { server in
            let refuses = #"""
                case $(sed -n 's/^ *KexAlgorithms //p' "$config") in
                *curve25519*) fail "$config line 9: Bad SSH2 KexAlgorithms." ;;
                *ecdh-sha2-nistp256*) ;;
                *) fail "nothing was asked for" ;;
                esac
                """#
            try await withSSH(
                version: "OpenSSH_9.3p1-FIPS", keyExchanges: ["diffie-hellman-group14-sha256", "ecdh-sha2-nistp256"],
                refuses: refuses, in: server.directory
            ) { program in
                try await server.withFleet(ssh: { $0.program = program }) { fleet in
                    let reading = try #require(try await fleet.read(blog).first)
                    #expect(reading.report != nil, "\(String(describing: reading.failure))")
                }
            }
        }
    }

    @Test("an option of Viridian that ssh does not support is not attributed to the user's configuration")
    func notTheirs() async throws {
        try await withSSHServer { server in
            try await withSSH(
                version: "OpenSSH_7.4p1", keyExchanges: [],
                refuses: #"fail "$config: line 4: Bad configuration option: updatehostkeys""#, in: server.directory
            ) { program in
                let why = try await server.whyUnreachable { $0.program = program }
                #expect(
                    why.hasPrefix("OpenSSH_7.4p1 on this machine does not support an option that Viridian uses"),
                    "\(why)")
                #expect(
                    why.contains("updatehostkeys") && why.contains("Your ssh configuration is not the cause"),
                    "\(why)")
            }
        }
    }

    @Test("an ssh that is too old is reported before anything starts")
    func tooOld() async throws {
        try await withDirectory { directory in
            try await withSSH(version: "OpenSSH_6.6.1p1", keyExchanges: [], refuses: "", in: directory) { program in
                let error = await #expect(throws: SSHConfigurationError.self) {
                    try await SSHTransport.withTransport(SSHSettings(program: program)) { _ in }
                }
                #expect(error?.description.contains("OpenSSH_6.6.1p1; Viridian requires OpenSSH 7.3") == true)
            }
        }
    }

    @Test(
        "the output of `ssh -V` is parsed",
        arguments: [
            ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n", SSHClient.Version(major: 9, minor: 2)),
            ("OpenSSH_7.4p1, OpenSSL 1.0.2k-fips  26 Jan 2017\n", SSHClient.Version(major: 7, minor: 4)),
            ("OpenSSH_10.0p2, LibreSSL 3.3.6\n", SSHClient.Version(major: 10, minor: 0)),
            ("OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2\n", SSHClient.Version(major: 8, minor: 1)),
            ("Dropbear v2022.83\n", nil), ("OpenSSH_99999999999999999999.1\n", nil), ("OpenSSH_\n", nil), ("", nil),
        ] as [(String, SSHClient.Version?)])
    func versions(banner: String, version: SSHClient.Version?) {
        #expect(SSHClient(banner: banner, keyExchanges: []).version == version)
    }
}
