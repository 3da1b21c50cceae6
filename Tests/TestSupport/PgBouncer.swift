import Foundation
import Glibc
import Processes
import Testing

/// Debian's pgbouncer before a PostgreSQL server, at a Unix socket in a folder of its own: each transaction may get another of its few
/// sessions. `stop()` ends it and removes the folder.
package actor PgBouncer {
    private nonisolated let directory: String
    private var running: Task<Completed, any Error>?

    private init(directory: String) { self.directory = directory }

    deinit { running?.cancel() }

    /// Starts one, and returns when it can be used.
    package static func start(before server: PostgreSQLServer) async throws -> PgBouncer {
        let bouncer = PgBouncer(directory: try PostgreSQLServer.makeFolder())
        try await bouncer.start(server)
        return bouncer
    }

    private func start(_ server: PostgreSQLServer) async throws {
        try "\"viridian\" \"\"\n".write(toFile: directory + "/users.txt", atomically: true, encoding: .utf8)
        let configuration = """
            [databases]
            * = host=\(server.directory) port=5432
            [pgbouncer]
            listen_port = 6432
            listen_addr =
            unix_socket_dir = \(directory)
            auth_type = trust
            auth_file = \(directory)/users.txt
            pool_mode = transaction
            default_pool_size = 2
            """
        try configuration.write(toFile: directory + "/pgbouncer.ini", atomically: true, encoding: .utf8)
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let command = PostgreSQLServer.unprivileged(
            "/usr/sbin/pgbouncer", [directory + "/pgbouncer.ini"], in: directory)
        running = Task {
            defer { line.finish() }
            return try await command.run(grace: .milliseconds(100), onLine: { line.yield($0.text) })
        }
        var said: [String] = []
        for await text in lines {
            if text.contains("process up") { return }
            said.append(text)
        }
        throw PostgreSQLServer.Failed(description: "pgbouncer did not start: \(said.joined(separator: "\n"))")
    }

    /// A URI through it, of one of the server's.
    package nonisolated func uri(_ uri: String, of server: PostgreSQLServer) -> String {
        uri.replacingOccurrences(of: "host=\(server.directory)", with: "host=\(directory)&port=6432")
    }

    package func stop() async {
        running?.cancel()
        _ = await running?.result
        try? FileManager.default.removeItem(atPath: directory)
    }
}
