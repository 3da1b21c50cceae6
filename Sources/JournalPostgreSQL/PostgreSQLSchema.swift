/// The journal's tables in PostgreSQL. Each migration is an SQL file in `Migrations` (`P001__journal.sql`), applied once, in this order; they are
/// numbered on their own, not as those of SQLite.
///
/// A migration that has been released is never edited, and keeps its name, which journals record: add another. While servers are replaced one
/// by one, two versions of the program use the same tables: a migration only adds, in a way that the version before it can live with
/// (a column with a default, a table, an index). What that version needs and the new one does not goes a version later.
enum PostgreSQLSchema {
    static let migrations: [(name: String, sql: [UInt8])] = [
        ("1: journal", PackageResources.P001__journal_sql),
        ("2: servers", PackageResources.P002__servers_sql),
        ("3: retention", PackageResources.P003__retention_sql),
    ]

    /// The advisory lock of transactions that write: "Viridian" in ASCII. It is the database's, whatever the schema.
    static let lock: Int64 = 0x5669_7269_6469_616E
    /// Where commits are announced (NOTIFY).
    static let channel = "viridian_journal"
}
