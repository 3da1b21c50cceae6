import Foundation
import Kubernetes
import Synchronization
import TestSupport
import Testing

extension Releases {
    /// The built program with its journal in PostgreSQL.
    @Suite(.needsPostgreSQL) struct PostgreSQLTests {
        /// A world whose journal is a database of a server of its own.
        private func withWorld(_ body: @escaping @Sendable (World, PostgreSQLServer) async throws -> Void) async throws
        {
            try await PostgreSQLServer.withServer { server in
                let uri = try await server.createDatabase()
                try await SystemTests.withWorld { world in
                    try world.keepJournal(at: uri)
                    try await body(world, server)
                }
            }
        }

        @Test("releases, their history, the way back and the checks are as with a file")
        func release() async throws {
            try await withWorld { world, server in
                try await world.release("v1")
                try await world.release("v2")
                try await world.expectLive("v2", on: "green", release: 2)
                let list = try await world.viridian("releases", "blog", "-o", "json").jsonLines
                #expect(list.compactMap { $0["version"]?.string } == ["v2", "v1"], "\(list)")
                let back = try await world.viridian("rollback", "blog")
                #expect(back.status == 0, "\(back)")
                #expect(try await world.served() == ["v1", "v1"])
                let audit = try await world.viridian("audit", "-o", "json").jsonLines
                #expect(audit.compactMap { $0["action"]?.string } == ["rollback", "deploy", "deploy"], "\(audit)")
                let check = try await world.viridian("check")
                #expect(check.status == 0, "\(check)")
                #expect(check.lines.contains { $0.hasPrefix("ok") && $0.contains(", PostgreSQL ") }, "\(check)")
                #expect(
                    check.lines.contains { $0.hasPrefix("warning") && $0.contains("no standby is synchronous") },
                    "\(check)")
                #expect(!FileManager.default.fileExists(atPath: world.journal))
            }
        }

        @Test(
            "a server that is killed and started again in the middle of a release: it goes live, and no visitor notices",
            arguments: [
                "Waiting for the pods", "--- Staging 2 nodes ---", "--- Switching 2 nodes", "All nodes route to",
            ])
        func killed(_ moment: String) async throws {
            try await withWorld { world, server in
                try await world.release("v1")
                let isDone = Mutex(false)
                let (finished, watched) = try await world.watched {
                    try await world.viridian.run(
                        ["deploy", "blog", "--version", "v2"],
                        onLine: { line in
                            guard line.contains(moment),
                                isDone.withLock({ isDone in
                                    defer { isDone = true }
                                    return !isDone
                                })
                            else { return }
                            do {
                                try await server.kill()
                                try await server.start()
                            } catch {
                                Issue.record(error)
                            }
                        })
                }
                #expect(finished.status == 0 && isDone.withLock { $0 }, "\(finished)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v2", on: "green", release: 2)
            }
        }

        @Test("without PostgreSQL's library the error says what to install, and a journal in a file needs none")
        func noLibrary() async throws {
            try await SystemTests.withWorld(runningNginx: false) { world in
                // The first that the loader finds is no library.
                try FileManager.default.createDirectory(
                    atPath: world.directory + "/lib", withIntermediateDirectories: true)
                try world.write("", to: "lib/libpq.so.5")
                let environment = ["LD_LIBRARY_PATH": world.directory + "/lib"]
                let file = try await world.viridian("releases", "blog", environment: environment)
                #expect(file.status == 0, "\(file)")
                try world.keepJournal(at: "postgresql://anna:tr0ub4dor@db/viridian")
                let said = try await world.viridian("releases", "blog", environment: environment)
                #expect(said.status != 0 && said.error.contains("apt-get install libpq5"), "\(said)")
                #expect(!said.error.contains("tr0ub4dor"), "\(said)")
            }
        }
    }
}

extension World {
    /// From now on its journal is in PostgreSQL.
    func keepJournal(at uri: String) throws {
        let lines = try read("viridian.yaml").split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("journal:") }
        try write((["journal: '\(uri)'"] + lines).joined(separator: "\n"), to: "viridian.yaml")
    }
}
