import Foundation
import GRDB
import ReleaseMachine
import Testing

@testable import Journal
@testable import JournalSQLite

/// A directory for a test's journals, gone when the test is over.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    var journal: String { self("viridian.sqlite") }

    /// Why a file is refused; `nil` when it is not.
    func refusal(_ path: String? = nil) -> String? {
        do {
            _ = try Journal(path: path ?? journal)
            return nil
        } catch {
            return error.description
        }
    }

    func bytes(_ path: String? = nil) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path ?? journal))
    }

    func write(_ bytes: Data, to path: String? = nil) throws {
        try bytes.write(to: URL(fileURLWithPath: path ?? journal))
    }
}

/// Events of the article's app.
enum Sample {
    static let start = Timestamp(milliseconds: 1_445_783_643_000)

    static func order(_ number: Int, app: String = "blog") -> Order {
        Order(
            app: app,
            number: number,
            version: "20151025.143403",
            image: "registry.local:5000/\(app):20151025.143403",
            requestedBy: "anna"
        )
    }

    static func recorded(_ sequence: Int, _ event: Event) -> RecordedEvent {
        RecordedEvent(sequence: sequence, at: start + .seconds(sequence), event: event)
    }

    static func request(_ number: Int, app: String = "blog") -> RecordedEvent {
        recorded(1, .requested(order(number, app: app)))
    }
}

extension Journal {
    /// A release with as many lines of log as wanted.
    func add(_ number: Int, app: String = "blog", lines: Int = 0) async throws {
        let log = (0..<lines).map { line in
            Sample.recorded(line + 2, .said(LogMessage(source: "10.122.43.70", "line \(line) of a release's log")))
        }
        try await append([Sample.request(number, app: app)] + log, app: app, number: number)
    }

    /// The connections of a journal that is a SQLite file.
    var pool: DatabasePool {
        get throws { try #require(database as? SQLiteDatabase).pool }
    }
}
