import Foundation
import Kubernetes
import Processes
import Testing

extension RealNodesTests {
    @Suite struct KilledTests {
        @Test("a killed release over SSH is completed by the same command, and no process or file remains")
        func killed() async throws {
            try await withRealNodes(4, watched: 4) { world, nodes in
                try await world.release("v1")
                let (finished, watched) = try await world.watched {
                    let killed = try await world.viridian.run(
                        ["deploy", "blog", "--version", "v2"], signal: SIGKILL, atLineWith: "--- Switching 4 nodes")
                    #expect(killed.termination == .signalled(SIGKILL), "\(killed)")
                    #expect(try world.configurationsOfSSH().count == 1)
                    return try await world.deploy("v2")
                }
                #expect(finished.status == 0, "\(finished)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(try await world.routes().values.allSatisfy { $0["state"] == "ok" && $0["color"] == "green" })
                #expect(try world.configurationsOfSSH() == [])
                // Its connections have ended, and with them the node scripts.
                let isQuiet = try await eventually { try processes(naming: world.directory + "/tmp/").isEmpty }
                #expect(isQuiet)
            }
        }
    }
}

extension World {
    /// Each is in a separate directory in the program's temporary directory.
    fileprivate func configurationsOfSSH() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/tmp").filter { $0.hasPrefix("viridian-ssh-") }
    }
}
