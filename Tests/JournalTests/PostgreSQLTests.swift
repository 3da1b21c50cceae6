import Foundation
import GRDB
import ReleaseMachine
import TestSupport
import Testing

@testable import Journal
@testable import JournalPostgreSQL
@testable import JournalSQLite

/// What holds for a journal in PostgreSQL alone.
@Suite("A journal in PostgreSQL", .needsPostgreSQL, .postgreSQL)
struct PostgreSQLTests {
    private func server() throws -> PostgreSQLServer { try #require(PostgreSQLServer.current) }

    /// Why a journal is refused; `nil` when it is not.
    private func refusal(_ uri: String) -> JournalError? {
        do {
            _ = try Journal(postgreSQL: uri)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Tables

    @Test("its tables have the columns of those in SQLite")
    func columns() async throws {
        let uri = try await server().createDatabase()
        _ = try Journal(postgreSQL: uri)
        let folder = try Folder()
        let sqlite = try await Journal(path: folder.journal).pool.read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                    WHERE t.type = 'table' AND t.name NOT IN ('grdb_migrations', 'sqlite_sequence')
                    """)
        }
        let found = try await PostgreSQLServer.psql(
            uri,
            """
            SELECT table_name || '.' || column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name NOT IN ('schema_migrations', 'commits')
            """)
        #expect(found.split(separator: "\n").map(String.init).sorted() == sqlite.sorted())
        // All text compares byte for byte.
        let collations = try await PostgreSQLServer.psql(
            uri,
            """
            SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'
                AND table_name <> 'schema_migrations' AND collation_name IS DISTINCT FROM 'C'
            """)
        #expect(collations == "0")
    }

    @Test("every file of a migration is applied, in the order of the files' names, and recorded")
    func migrations() async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/JournalPostgreSQL/Migrations")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }
        let texts = try files.sorted().map { try String(contentsOf: folder.appending(path: $0), encoding: .utf8) }
        #expect(PostgreSQLSchema.migrations.map { String(decoding: $0.sql, as: UTF8.self) } == texts)
        #expect(PostgreSQLSchema.migrations.first?.name == "1: journal")
        let uri = try await server().createDatabase()
        _ = try Journal(postgreSQL: uri)
        let applied = try await PostgreSQLServer.psql(
            uri, "SELECT name FROM schema_migrations ORDER BY applied_at, name")
        #expect(applied.split(separator: "\n").map(String.init) == PostgreSQLSchema.migrations.map(\.name))
    }

    @Test("one that a newer version has written is refused, and left as it is")
    func newer() async throws {
        let uri = try await server().createDatabase()
        _ = try Journal(postgreSQL: uri)
        try await PostgreSQLServer.psql(uri, "INSERT INTO schema_migrations VALUES ('99: the future', 0)")
        let error = try #require(refusal(uri))
        #expect(error.kind == .newer)
        #expect(error.description.hasSuffix("run that version, or name another journal in viridian.yaml"))
        let count = try await PostgreSQLServer.psql(uri, "SELECT count(*) FROM schema_migrations")
        #expect(count == "\(PostgreSQLSchema.migrations.count + 1)")
    }

    @Test("while it is used: tables of a newer version do no harm, those of an older one are noticed")
    func changed() async throws {
        let uri = try await server().createDatabase()
        let journal = try Journal(postgreSQL: uri)
        try await PostgreSQLServer.psql(uri, "INSERT INTO schema_migrations VALUES ('99: the future', 0)")
        try await journal.checkWritable()
        try await journal.add(1)
        let last = try #require(PostgreSQLSchema.migrations.last?.name)
        try await PostgreSQLServer.psql(uri, "DELETE FROM schema_migrations WHERE name = '\(last)'")
        let error = await #expect(throws: JournalError.self) { try await journal.checkWritable() }
        #expect(error?.kind == .older)
        #expect(error?.description.hasSuffix("restart viridian, which adds what is missing") == true)
    }

    @Test(
        "a database in which another program has such tables is refused, and left as it is",
        arguments: [
            "CREATE TABLE events (id BIGINT)", "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY)",
        ])
    func foreign(_ statement: String) async throws {
        let uri = try await server().createDatabase()
        try await PostgreSQLServer.psql(uri, statement)
        #expect(refusal(uri)?.kind == .foreign)
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        #expect(try await PostgreSQLServer.psql(uri, tables) == "1")
    }

    @Test("a schema of its own keeps it apart from other programs' tables in one database")
    func schema() async throws {
        let uri = try await server().createDatabase()
        try await PostgreSQLServer.psql(uri, "CREATE TABLE events (id BIGINT); CREATE SCHEMA viridian")
        let journal = try Journal(postgreSQL: uri + "&options=-csearch_path%3Dviridian")
        try await journal.add(1)
        #expect(try await PostgreSQLServer.psql(uri, "SELECT count(*) FROM viridian.events") == "1")
    }

    // MARK: What cannot be used

    @Test("a database that is not there, and a user who is not")
    func missing() async throws {
        let server = try server()
        let nowhere = try #require(refusal(server.uri("nowhere")))
        #expect(
            nowhere.description == "journal postgresql:///nowhere?host=\(server.directory) cannot be used: "
                + "connection to server on socket \"\(server.socket)\" failed: FATAL: database \"nowhere\" does not exist: "
                + "create it (createdb), or name one that is there: fix that, or name another journal in viridian.yaml")
        let nobody = server.uri("postgres").replacing("user=viridian", with: "user=nobody")
        let unknown = try #require(refusal(nobody)?.description)
        #expect(unknown.contains("role \"nobody\" does not exist: check the user, the password"))
    }

    @Test("an address that cannot be read, of which nothing is told that may be a password")
    func address() {
        for uri in ["postgresql://anna:se%cret@db/viridian", "postgresql://anna:secret@db:port:port/x?secret"] {
            let text = refusal(uri)?.description ?? ""
            #expect(text.hasPrefix("journal postgresql://… cannot be used: its URI cannot be read ("))
            #expect(!text.contains("secret") && !text.contains("cret@"))
        }
    }

    @Test(
        "a value in the address that cannot be is told at once, and not as a server that does not answer",
        arguments: [
            ("127.0.0.1:port/x", "a port is not a number"), ("127.0.0.1:70000/x", "a port is not a number"),
            ("127.0.0.1:1/x?sslmode=secret", "invalid sslmode value"),
            ("127.0.0.1:1/x?keepalives_idle=secret", "invalid integer value for connection option \"keepalives_idle\""),
            ("h1,h2/x?hostaddr=127.0.0.1", "could not match 2 host names to 1 hostaddr values"),
        ])
    func value(_ rest: String, _ words: String) {
        let began = ContinuousClock.now
        let error = refusal("postgresql://anna:secret@\(rest)")
        let text = error?.description ?? ""
        #expect(text.contains("cannot be used: its URI cannot be read (\(words)"), "\(text)")
        #expect(!text.contains("secret") && !text.contains("Nothing was written"), "\(text)")
        #expect(began.duration(to: .now) < PostgreSQLLimits().retries)
    }

    @Test("a password is never in the name of a journal, nor in an error")
    func secrecy() async throws {
        let uri = "postgresql://anna:tr0ub4dor@127.0.0.1:\(try unusedPort())/viridian?connect_timeout=1"
        let error = #expect(throws: JournalError.self) {
            try Journal(postgreSQL: uri, PostgreSQLLimits(retries: .zero))
        }
        let text = try #require(error).description
        #expect(text.hasPrefix("journal postgresql://127.0.0.1:") && text.contains("cannot be reached"))
        #expect(!text.contains("tr0ub4dor") && !text.contains("anna"))
    }

    @Test(
        "a name has servers, ports and database",
        arguments: [
            ("postgresql://anna:pw@db/viridian", "postgresql://db/viridian"),
            ("postgres://db1,db2:5433/viridian?sslmode=verify-full", "postgresql://db1,db2:5433/viridian"),
            ("postgresql://anna@db1:6432/x?password=pw", "postgresql://db1:6432/x"),
            ("postgresql:///viridian?host=/run/postgresql", "postgresql:///viridian?host=/run/postgresql"),
            ("postgresql://[::1]:5433/x", "postgresql://[::1]:5433/x"),
        ])
    func names(_ uri: String, _ name: String) throws {
        let address = try PostgreSQLAddress(uri)
        #expect(address.name == name)
        #expect(Journal.isPostgreSQL(uri) && !Journal.isPostgreSQL("/var/lib/viridian/viridian.sqlite"))
    }

    // MARK: Transactions

    @Test("a commit is on the server's disk, also where the server is set to be faster")
    func synchronous() async throws {
        let uri = try await server().createDatabase()
        let journal = try Journal(postgreSQL: uri + "&options=-csynchronous_commit%3Doff")
        let seen = try await journal.write {
            try $0.value(String.self, sql: "SELECT current_setting('synchronous_commit')")
        }
        #expect(seen == "on")
        let remote = try Journal(postgreSQL: uri + "&options=-csynchronous_commit%3Dremote_apply")
        let stronger = try await remote.write {
            try $0.value(String.self, sql: "SELECT current_setting('synchronous_commit')")
        }
        #expect(stronger == "remote_apply")
    }

    @Test("nothing stays in the session: no setting, no lock, no prepared statement")
    func session() async throws {
        let uri = try await server().createDatabase()
        let journal = try Journal(postgreSQL: uri)
        try await journal.add(1, lines: 3)
        _ = try await journal.events(app: "blog", number: 1)
        let left = try await journal.read { database in
            try database.values(
                String.self,
                sql: """
                    SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory'
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    UNION ALL SELECT name FROM pg_prepared_statements
                    UNION ALL SELECT current_setting('lock_timeout') WHERE current_setting('lock_timeout') <> '0'
                    """)
        }
        #expect(left == [])
    }

    @Test("values come back as they were: numbers, bytes, any text; PostgreSQL has no NUL, which becomes U+FFFD")
    func values() async throws {
        let journal = try Journal(postgreSQL: try await server().createDatabase())
        let texts = [
            "", "déjà vu \u{1F600}", "'; DROP TABLE events --", "\\x41 \\ \n\t?",
            String(repeating: "x", count: 1 << 20),
        ]
        let bytes = Data((0...255).map { UInt8($0) })
        let row = try await journal.read { database in
            try database.row(
                sql:
                    "SELECT ?::text AS a, ?::text AS b, ?::text AS c, ?::text AS d, ?::text AS e, ?::bytea AS f, '?' AS mark",
                arguments: StatementArguments(texts + [bytes] as [any ColumnValue]))
        }
        let found = try #require(row)
        #expect(["a", "b", "c", "d", "e"].map { found[$0] as String } == texts)
        #expect((found["f"] as Data) == bytes && (found["mark"] as String) == "?")
        let numbers = try await journal.read { database in
            try database.row(
                sql: """
                    SELECT ? AS most, ? AS least, true AS yes, sum(x) AS total, NULL::bigint AS nothing, ?::text AS text
                    FROM (VALUES (1::bigint), (2)) AS list (x)
                    """,
                arguments: [Int.max, Int.min, "a\0b"])
        }
        let row2 = try #require(numbers)
        #expect((row2["most"] as Int) == .max && (row2["least"] as Int) == .min && (row2["yes"] as Bool))
        #expect(
            (row2["total"] as Int) == 3 && (row2["nothing"] as Int?) == nil && (row2["text"] as String) == "a\u{FFFD}b")
    }

    @Test("a transaction in which something failed is not committed, even if its body goes on")
    func swallowed() async throws {
        let journal = try Journal(postgreSQL: try await server().createDatabase())
        try await journal.add(1)
        await #expect(throws: JournalError.self) {
            try await journal.write { database in
                try database.execute(
                    sql: "INSERT INTO sessions (hash, token, csrf, created_at, seen_at) VALUES (?, 't', 'c', 0, 0)",
                    arguments: [Data([1])])
                _ = try? database.execute(sql: "INSERT INTO events VALUES ('blog', 1, 1, 0, '{}')")
            }
        }
        #expect(try await journal.session(hash: [1]) == nil)
        try await journal.add(2)
    }

    @Test("several programs may migrate at the same moment, and each uses what the first has made")
    func migratingAtOnce() async throws {
        let uri = try await server().createDatabase()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...5 { group.addTask { try await Journal(postgreSQL: uri).add(number) } }
            try await group.waitForAll()
        }
        #expect(try await Journal(postgreSQL: uri).numbers(app: "blog", limit: 9) == [5, 4, 3, 2, 1])
        let count = try await PostgreSQLServer.psql(uri, "SELECT count(*) FROM schema_migrations")
        #expect(count == "\(PostgreSQLSchema.migrations.count)")
    }

    @Test("what the check reads of the server")
    func report() async throws {
        let uri = try await server().createDatabase()
        _ = try Journal(postgreSQL: uri)
        let report = try PostgreSQLReport.read(uri)
        #expect(report.isPrimary && report.isDurable && report.isLocal && !report.isEncrypted && !report.isPooled)
        #expect(report.hearsCommits && !report.hasSynchronousStandby && report.bytes > 1 << 20)
        #expect(report.migrations == PostgreSQLSchema.migrations.map(\.name) && report.version.first?.isNumber == true)
        #expect(report.remarks.filter(\.isWarning).map(\.what).allSatisfy { $0.contains("no standby is synchronous") })
        #expect(report.remarks.filter(\.isWarning).count == 1)
    }

    @Test("the statements' question marks become numbers, except in quotes")
    func numbered() {
        #expect(
            PostgreSQLTransaction.numbered("SELECT '?', \"a?\" FROM t WHERE a = ? AND b = '''?' AND c IN (?, ?)")
                == "SELECT '?', \"a?\" FROM t WHERE a = $1 AND b = '''?' AND c IN ($2, $3)")
    }
}
