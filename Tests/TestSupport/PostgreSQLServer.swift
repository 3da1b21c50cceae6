import Foundation
import Glibc
import Processes
import Testing

/// Debian's PostgreSQL in a folder of its own, at a Unix socket there: no port is needed. `stop()` ends it and removes the folder.
///
/// Nothing about it is made faster than it is in earnest: what is committed is on disk.
package actor PostgreSQLServer {
    /// The server of a suite with the trait `.postgreSQL`.
    @TaskLocal package static var current: PostgreSQLServer?

    /// The folder with the server's programs, of the newest version that is here. Debian keeps them off `PATH`.
    private static let programs: String? = {
        let versions = "/usr/lib/postgresql"
        let newest = ((try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? [])
            .sorted { $0.compare($1, options: .numeric) == .orderedDescending }
        return
            (newest.map { "\(versions)/\($0)/bin" } + [
                Executable.find("postgres").map { ($0 as NSString).deletingLastPathComponent }
            ])
            .compactMap { $0 }.first {
                Executable.find($0 + "/postgres") != nil && Executable.find($0 + "/initdb") != nil
            }
    }()
    package static let isThere = programs != nil

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }

    /// Where its socket is.
    package nonisolated let directory: String
    private nonisolated var data: String { directory + "/data" }
    /// Its processes, from the one that started the others on.
    private var running: Task<Completed, any Error>?

    private init(directory: String) { self.directory = directory }

    deinit { running?.cancel() }

    // MARK: Starting and ending

    /// Starts one with these settings, `name=value`, and returns when it can be used.
    package static func start(_ settings: [String] = []) async throws -> PostgreSQLServer {
        let server = PostgreSQLServer(directory: try makeFolder())
        try await server.run(
            "initdb",
            [
                "-D", server.data, "-U", "viridian", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions",
                "--no-sync",
            ])
        try await server.start(settings)
        return server
    }

    /// Starts one for a test, and ends it however the test ends.
    package static func withServer(_ test: (PostgreSQLServer) async throws -> Void) async throws {
        let server = try await start()
        do {
            try await test(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// Starts a standby of this one, which follows it under the name `standby`.
    package nonisolated func startStandby() async throws -> PostgreSQLServer {
        let standby = PostgreSQLServer(directory: try Self.makeFolder())
        try await standby.run(
            "pg_basebackup",
            [
                "-D", standby.data, "-d", "\(uri("postgres"))&application_name=standby", "-R", "-X", "stream", "-c",
                "fast",
                "--no-sync",
            ])
        try await standby.start([])
        return standby
    }

    /// Starts it again, with these settings.
    package func start(_ settings: [String] = []) async throws {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let command = try command(
            "postgres",
            ["-D", data, "-k", directory]
                + (["listen_addresses=", "shared_buffers=16MB", "max_connections=1000"] + settings).flatMap {
                    ["-c", $0]
                })
        running = Task {
            defer { line.finish() }
            return try await command.run(grace: .seconds(1), onLine: { line.yield($0.text) })
        }
        var said: [String] = []
        for await text in lines {
            if text.contains("ready to accept") { return }
            said.append(text)
        }
        throw Failed(description: "postgres did not start: \(said.joined(separator: "\n"))")
    }

    /// Its first process.
    package nonisolated var processID: Int32 {
        get throws {
            let file = try String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8)
            guard let id = file.split(separator: "\n").first.flatMap({ Int32($0) }) else {
                throw Failed(description: "no process in postmaster.pid")
            }
            return id
        }
    }

    /// Ends it at once, as if its machine had lost power, and returns when it has ended.
    package func kill() async throws {
        // All of its processes: the others would end only when they notice.
        _ = Glibc.kill(-(try processID), SIGKILL)
        _ = await running?.result
        running = nil
    }

    /// Ends its connections, then it (a "fast shutdown").
    package func shutDown() async throws {
        _ = Glibc.kill(try processID, SIGINT)
        _ = await running?.result
        running = nil
    }

    /// Ends it, and removes its folder.
    package func stop() async {
        try? await shutDown()
        running?.cancel()
        _ = await running?.result
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Makes a standby the primary.
    package nonisolated func promote() async throws { try await run("pg_ctl", ["promote", "-w", "-D", data]) }

    // MARK: Using it

    /// `postgresql:///name?host=…&user=viridian`
    package nonisolated func uri(_ database: String) -> String {
        "postgresql:///\(database)?host=\(directory)&user=viridian"
    }

    /// The socket at which it listens.
    package nonisolated var socket: String { directory + "/.s.PGSQL.5432" }

    /// Creates a database, and returns its URI.
    package nonisolated func createDatabase() async throws -> String {
        let name = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "_")
        try await Self.psql(uri("postgres"), "CREATE DATABASE \(name)")
        return uri(name)
    }

    /// The first column of the first row, as the superuser sees it.
    package nonisolated func value(_ sql: String, in database: String = "postgres") async throws -> String {
        try await Self.psql(uri(database), sql)
    }

    /// Runs statements with psql, and returns the rows that they return, their values separated by `|`.
    @discardableResult
    package static func psql(_ uri: String, _ sql: String) async throws -> String {
        guard let programs else { throw Failed(description: "no psql") }
        let done = try await Command(programs + "/psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, uri])
            .run(deadline: .seconds(600))
        guard done.succeeded else { throw Failed(description: done.error) }
        return done.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: Its programs

    /// PostgreSQL refuses to run as root: as whom it runs then.
    private static let user: (id: UInt32, group: UInt32)? = {
        guard geteuid() == 0 else { return nil }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name) { return (entry.pointee.pw_uid, entry.pointee.pw_gid) }
        }
        return nil
    }()

    private nonisolated func command(_ program: String, _ arguments: [String]) throws -> Command {
        guard let programs = Self.programs else { throw Failed(description: "no PostgreSQL on this machine") }
        return Self.unprivileged("\(programs)/\(program)", arguments, in: directory)
    }

    /// A program that refuses to run as root, as another user then.
    static func unprivileged(_ program: String, _ arguments: [String], in directory: String) -> Command {
        guard let user else { return Command(program, arguments, workingDirectory: directory) }
        let words = ["--reuid=\(user.id)", "--regid=\(user.group)", "--clear-groups", "--", program]
        return Command("setpriv", words + arguments, workingDirectory: directory)
    }

    /// A new folder that such a program may write.
    static func makeFolder() throws -> String {
        // The path of a socket has at most 107 bytes.
        let directory = FileManager.default.temporaryDirectory.path + "/viridian-pg-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if let user { try FileManager.default.setAttributes([.ownerAccountID: user.id], ofItemAtPath: directory) }
        return directory
    }

    /// Makes a file the server's, which nobody else may read.
    nonisolated func own(_ file: String) throws {
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        if let user = Self.user { attributes[.ownerAccountID] = user.id }
        try FileManager.default.setAttributes(attributes, ofItemAtPath: file)
    }

    private nonisolated func run(_ program: String, _ arguments: [String]) async throws {
        let done = try await command(program, arguments).run(deadline: .seconds(600))
        guard done.succeeded else { throw Failed(description: "\(program): \(done.error)") }
    }
}

/// Starts a PostgreSQL server for all tests of a suite, where one is installed: `PostgreSQLServer.current`.
package struct PostgreSQLTrait: SuiteTrait, TestScoping {
    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard PostgreSQLServer.isThere else { return try await function() }
        try await PostgreSQLServer.withServer { server in
            try await PostgreSQLServer.$current.withValue(server) { try await function() }
        }
    }
}

extension Trait where Self == PostgreSQLTrait {
    package static var postgreSQL: Self { PostgreSQLTrait() }
}

extension Trait where Self == ConditionTrait {
    package static var needsPostgreSQL: Self { .enabled(if: PostgreSQLServer.isThere, "no postgres on PATH") }
}
