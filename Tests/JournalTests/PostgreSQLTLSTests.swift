import Foundation
import TestSupport
import Testing

@testable import Journal
@testable import JournalPostgreSQL

@Suite("TLS with PostgreSQL", .needsPostgreSQL, .needs("openssl"))
struct PostgreSQLTLSTests {
    private static let host = "db.example.com"

    /// A server at a port of loopback with a certificate for `host` (`nil`: without TLS), and an empty database.
    private struct Place {
        var server: PostgreSQLServer
        var authority: PostgreSQLAuthority
        var database: String
        var port: Int

        func uri(host: String = PostgreSQLTLSTests.host, _ options: String) -> String {
            "postgresql://viridian@\(host):\(port)/\(database)?hostaddr=127.0.0.1&\(options)"
        }

        func verified(host: String = PostgreSQLTLSTests.host, by authority: PostgreSQLAuthority? = nil) -> String {
            uri(host: host, "sslmode=verify-full&sslrootcert=\((authority ?? self.authority).file)")
        }

        /// As the superuser sees it, at the socket.
        func value(_ sql: String) async throws -> String {
            try await PostgreSQLServer.psql("\(server.uri(database))&port=\(port)", sql)
        }

        /// Why a journal is refused.
        func refusal(_ uri: String) async throws -> JournalError {
            let error = #expect(throws: JournalError.self) { try Journal(postgreSQL: uri) }
            let tables = try await value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            #expect(tables == "0", "nothing was written")
            return try #require(error)
        }
    }

    private func withPlace(as host: String? = PostgreSQLTLSTests.host, _ test: (Place) async throws -> Void)
        async throws
    {
        try await PostgreSQLServer.withServer { server in
            let uri = try await server.createDatabase()
            let database = try #require(uri.firstMatch(of: #/test_[a-z0-9_]+/#).map { String($0.0) })
            let authority = try await PostgreSQLAuthority(in: server.directory + "/authority")
            let port = try await server.listen(as: host, of: authority)
            try await test(Place(server: server, authority: authority, database: database, port: port))
        }
    }

    @Test("with verify-full, all connections are encrypted, with the server that the URI names")
    func verified() async throws {
        try await withPlace { place in
            let journal = try Journal(postgreSQL: place.verified())
            try await journal.add(1)
            let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            let ours = "WHERE application_name = 'viridian' AND ssl = "
            let (yes, no) = (
                try await place.value(encrypted + ours + "true"), try await place.value(encrypted + ours + "false")
            )
            #expect(yes != "0" && no == "0")
            let report = try PostgreSQLReport.read(place.verified())
            #expect(report.isEncrypted && report.isVerified)
        }
    }

    @Test("a server whose certificate another authority has signed is refused, and the sentence says what to do")
    func otherAuthority() async throws {
        try await withPlace { place in
            let other = try await PostgreSQLAuthority(in: place.server.directory + "/other")
            let error = try await place.refusal(place.verified(by: other))
            #expect(error.description.contains("certificate verify failed: name in sslrootcert the file"), "\(error)")
            #expect(error.description.contains("cannot be used"), "\(error)")
        }
    }

    @Test("a server of another name is refused, and the sentence has both names")
    func otherHost() async throws {
        try await withPlace { place in
            let error = try await place.refusal(place.verified(host: "db2.example.com"))
            let text = error.description
            #expect(text.contains("\"db.example.com\"") && text.contains("\"db2.example.com\""), "\(text)")
            #expect(text.contains("use the name in the certificate as the host in the URI"), "\(text)")
        }
    }

    @Test("without the authority's file nothing is trusted, and nobody is told not to check")
    func noFile() async throws {
        try await withPlace { place in
            let error = try await place.refusal(place.uri("sslmode=verify-full&sslrootcert=/nowhere/ca.crt"))
            let text = error.description
            #expect(text.contains("\"/nowhere/ca.crt\" does not exist: name in sslrootcert the file"), "\(text)")
            #expect(!text.contains("disable"), "\(text)")
        }
    }

    @Test("a server without TLS gets nothing in the clear", arguments: ["verify-full", "verify-ca", "require"])
    func inTheClear(_ mode: String) async throws {
        try await withPlace(as: nil) { place in
            let error = try await place.refusal(place.uri("sslmode=\(mode)&sslrootcert=\(place.authority.file)"))
            #expect(error.description.contains("switch it on there (ssl = on)"), "\(error)")
        }
    }

    @Test("of several servers one that is not the right one is passed over")
    func several() async throws {
        try await withPlace { place in
            let options = "hostaddr=127.0.0.1,127.0.0.1&sslmode=verify-full&sslrootcert=\(place.authority.file)"
            let hosts = "db2.example.com:\(place.port),\(Self.host):\(place.port)"
            let journal = try Journal(postgreSQL: "postgresql://viridian@\(hosts)/\(place.database)?\(options)")
            try await journal.add(1)
        }
    }
}
