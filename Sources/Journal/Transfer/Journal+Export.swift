import Foundation
import ReleaseMachine

extension Journal {
    /// The events of all releases, or of one app's, then the audit log's entries, as lines of JSON; some hundred lines at a time. With
    /// `since`, only what happened from then on.
    ///
    /// An event: `type` (`event`), `app`, `release`, `sequence`, `at`, `event` as the journal has it. An entry of the audit log: `type`
    /// (`audit`), `id`, `at`, `who`, `action`, `origin`, `outcome`, and `token` (its id), `app`, `release`, `reason`, `detail` where it has them.
    package func export(
        app: String? = nil, since: Timestamp? = nil, _ body: ([String]) async throws -> Void
    ) async throws {
        let condition = Self.condition(app: app, since: since)
        try await each(.events, limit: 500, where: condition) { rows in
            try await body(try rows.map(Self.eventLine))
        }
        try await each(.audit, limit: 500, where: condition) { rows in
            try await body(try rows.map(Self.auditLine))
        }
    }

    private static func condition(
        app: String?, since: Timestamp?
    ) -> (sql: String, arguments: StatementArguments)? {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        if let app {
            conditions.append("app = ?")
            arguments = arguments + [app]
        }
        if let since {
            conditions.append("at >= ?")
            arguments = arguments + [since.milliseconds]
        }
        return conditions.isEmpty ? nil : (conditions.joined(separator: " AND "), arguments)
    }

    private static func eventLine(_ row: [DatabaseValue]) throws -> String {
        guard let app = String(row[0]), let number = Int(row[1]), let sequence = Int(row[2]),
            let at = Int64(row[3]), let event = String(row[4])
        else { throw JournalError(journal: "events", kind: .corrupt("a column has another type")) }
        return """
            {"type":"event","app":\(try quoted(app)),"release":\(number),"sequence":\(sequence),\
            "at":"\(Timestamp(milliseconds: at).iso8601)","event":\(event)}
            """
    }

    private static func auditLine(_ row: [DatabaseValue]) throws -> String {
        var parts = ["\"type\":\"audit\""]
        for (column, value) in zip(JournalTable.audit.columns, row) {
            switch value {
            case .null: continue
            case .integer(let number) where column == "at":
                parts.append("\"at\":\"\(Timestamp(milliseconds: number).iso8601)\"")
            case .integer(let number): parts.append("\"\(column)\":\(number)")
            case .text(let text): parts.append("\"\(column)\":\(try quoted(text))")
            // No column of it holds any.
            case .bytes: continue
            }
        }
        return "{\(parts.joined(separator: ","))}"
    }

    private static func quoted(_ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(text), as: UTF8.self)
    }
}
