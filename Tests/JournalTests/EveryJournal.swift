import Foundation
import GRDB
import JournalPostgreSQL
import ReleaseMachine
import TestSupport
import Testing

@testable import Journal
@testable import JournalSQLite

/// What holds for a journal, whatever database it is in.
@Suite("A journal in any database", .postgreSQL)
enum EveryJournal {
    @Suite("In PostgreSQL too")
    struct Servers {
        @Test("there is a server for the statements of these suites", .needsPostgreSQL)
        func isThere() async throws {
            #expect(try await #require(PostgreSQLServer.current).value("SELECT 1") == "1")
        }
    }
}

/// The databases that a journal can be in.
enum Backend: String, Sendable {
    case sqlite
    case postgreSQL

    /// Those that are here; where PostgreSQL is not, a test of its own is skipped and says so.
    static let here: [Backend] = PostgreSQLServer.isThere ? [.sqlite, .postgreSQL] : [.sqlite]

    /// A place for a test's journal.
    func place() async throws -> JournalPlace {
        switch self {
        case .sqlite:
            let folder = try Folder()
            return JournalPlace(backend: self, name: folder.journal, folder: folder)
        case .postgreSQL:
            let server = try #require(PostgreSQLServer.current)
            return JournalPlace(backend: self, name: try await server.createDatabase(), folder: nil)
        }
    }
}

/// Where a test's journal is, for as long as the test or its server lasts.
struct JournalPlace: Sendable {
    let backend: Backend
    /// The path of a file, or a URI.
    let name: String
    fileprivate let folder: Folder?

    fileprivate init(backend: Backend, name: String, folder: Folder?) {
        self.backend = backend
        self.name = name
        self.folder = folder
    }

    /// Opens it, as each process does.
    func open() throws(JournalError) -> Journal {
        var journal =
            switch backend {
            case .sqlite: try Journal(path: name)
            case .postgreSQL: try Journal(postgreSQL: name)
            }
        // A test's servers are there until it says otherwise, however long it takes.
        journal.serverLife = .seconds(3600)
        return journal
    }

    /// What the database says to a statement of somebody who uses it directly; `nil` when it does it.
    func refusal(of statement: String) async -> String? {
        do {
            switch backend {
            case .sqlite: try await DatabaseQueue(path: name).write { try $0.execute(sql: statement) }
            case .postgreSQL: _ = try await PostgreSQLServer.psql(name, statement)
            }
            return nil
        } catch {
            return "\(error)"
        }
    }
}
