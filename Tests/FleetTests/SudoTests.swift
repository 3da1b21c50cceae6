import Fleet
import Foundation
import Processes
import Testing

/// sudo on this machine, in front of the node script.
@Suite struct SudoTests {
    /// Why a node cannot be read whose sudo is this program.
    private func refusal(_ sudo: String) async throws -> String {
        try await withDirectory { directory in
            let program = directory + "/sudo"
            try Data("#!/bin/sh\n\(sudo)\n".utf8).write(to: URL(fileURLWithPath: program))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
            let transport = LocalTransport(environment: ["PATH": directory + ":/usr/sbin:/usr/bin:/sbin:/bin"])
            let settings = NodeSettings(backends: directory, test: "true", reload: "true", sudo: true)
            let fleet = Fleet(
                inventory: try StaticInventory(["127.0.0.1"]), transport: transport, settings: settings)
            let reading = try #require(try await fleet.read(blog).first)
            return reading.failure.map { "\($0.reason)" } ?? "read"
        }
    }

    @Test("a required terminal is reported, a warning is not")
    func words() async throws {
        let warning = "echo 'sudo: unable to resolve host web-1: Name or service not known' >&2"
        let said = try await refusal("\(warning); echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1")
        #expect(said.contains("requires a terminal") && said.contains("!requiretty"), "\(said)")
        let password = try await refusal("\(warning); echo 'sudo: a password is required' >&2; exit 1")
        #expect(password.hasSuffix("cannot be reached: sudo: a password is required"), "\(password)")
        #expect(try await refusal("\(warning); shift; exec \"$@\"") == "read")
    }
}
