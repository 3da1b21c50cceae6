/// A table whose rows are a journal's content, whatever database it is in. What servers tell each other while they run (`servers`, `claims`)
/// and what one database needs for itself is not among them.
package struct JournalTable: Sendable, Hashable {
    package let name: String
    let columns: [String]
    /// The columns that tell a row from the others, and put the rows in order.
    let key: [String]
    /// The column whose numbers the database gives, and which never come again.
    let identity: String?

    private init(_ name: String, _ columns: String, key: String, identity: String? = nil) {
        self.name = name
        self.columns = columns.split(separator: " ").map(String.init)
        self.key = key.split(separator: " ").map(String.init)
        self.identity = identity
    }

    static let events = JournalTable("events", "app number sequence at event", key: "app number sequence")
    static let audit = JournalTable(
        "audit", "id at who action app release origin reason outcome detail token", key: "id", identity: "id")
    /// After the events, which move them: what they are in the journal that is copied replaces that.
    static let heads = JournalTable("heads", "app number sequence position", key: "app")

    /// All, in the order in which they are copied.
    package static let all: [JournalTable] = [
        events, heads,
        JournalTable("deleted_releases", "app number ended_at deleted_at", key: "app number"),
        JournalTable(
            "tokens", "id hash name role apps created_at created_by expires_at used_at revoked_at", key: "id"),
        JournalTable("sessions", "hash token csrf created_at seen_at", key: "hash"),
        audit,
        JournalTable("requests", "owner key hash app number at", key: "owner key"),
        JournalTable(
            "deliveries", "id at sender key kind origin events next_at attempts outcome is_given_up", key: "id",
            identity: "id"),
        JournalTable(
            "delivery_results", "delivery app version state sentence number", key: "delivery app version"),
        JournalTable(
            "versions", "app version digest commit_sha commit_at source ref url pushed_at seen_at sender",
            key: "app version digest"),
        JournalTable("tag_lists", "app listed_at", key: "app"),
        JournalTable(
            "queue", "app entry version delivery since requested_by requester reason waits_for", key: "app"),
        JournalTable(
            "locks", "id app reason locked_by since until is_automatic ended_at ended_by", key: "id"),
        JournalTable(
            "outbox",
            """
            id destination kind app number message payload at state attempts queued_at next_at tried_at answer external_id lane priority \
            not_before is_resent revision begun_until
            """, key: "id", identity: "id"),
        JournalTable("outbox_cursors", "destination position since", key: "destination"),
        JournalTable(
            "slack_requests", "number id at sent_at request begun_at done_at answer", key: "number",
            identity: "number"),
        JournalTable("slack_signatures", "signature at", key: "signature"),
        JournalTable("slack_workspaces", "token team", key: "token"),
        JournalTable("slack_users", "team user token since", key: "team user"),
        JournalTable("slack_links", "hash team user name at", key: "hash"),
    ]

    /// At most `limit` rows after the one with the key `after`, in the order of their keys.
    func rows(
        after: [DatabaseValue]?, limit: Int, where condition: (sql: String, arguments: StatementArguments)? = nil,
        _ database: any DatabaseConnection
    ) throws -> [[DatabaseValue]] {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        if let after {
            let places = after.map { _ in "?" }.joined(separator: ", ")
            conditions.append("(\(Self.list(key))) > (\(places))")
            arguments.values += after
        }
        if let condition {
            conditions.append(condition.sql)
            arguments = arguments + condition.arguments
        }
        let filter = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        return try database.rows(
            sql: "SELECT \(Self.list(columns)) FROM \(name) \(filter) ORDER BY \(Self.list(key)) LIMIT \(limit)",
            arguments: arguments
        ).map(\.values)
    }

    func insert(_ rows: [[DatabaseValue]], _ database: any DatabaseConnection) throws {
        guard !rows.isEmpty else { return }
        let places = "(\(columns.map { _ in "?" }.joined(separator: ", ")))"
        var arguments: StatementArguments = []
        arguments.values = rows.flatMap { $0 }
        try database.execute(
            sql: """
                INSERT INTO \(name) (\(Self.list(columns)))
                VALUES \(rows.map { _ in places }.joined(separator: ", "))
                """,
            arguments: arguments)
    }

    func key(of row: [DatabaseValue]) -> [DatabaseValue] {
        key.compactMap { column in columns.firstIndex(of: column).map { row[$0] } }
    }

    func isEmpty(_ database: any DatabaseConnection) throws -> Bool {
        try database.rows(sql: "SELECT 1 AS found FROM \(name) LIMIT 1").isEmpty
    }

    /// Quoted: `user` is a word of PostgreSQL's language.
    private static func list(_ columns: [String]) -> String {
        columns.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
