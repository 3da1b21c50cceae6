import GRDB

/// The journal's tables. Each migration is an SQL file in `Migrations` (`V001__events.sql`), applied once, in this order.
///
/// A migration that has been released is never edited, and keeps its name, which journals record: add another.
enum SQLiteSchema {
    /// "Viri": tells our files from other SQLite databases.
    static let applicationID: Int64 = 0x5669_7269

    static let migrations: [(name: String, sql: [UInt8])] = [
        ("1: events", PackageResources.V001__events_sql),
        ("2: heads", PackageResources.V002__heads_sql),
        ("3: access", PackageResources.V003__access_sql),
        ("4: tokens in the audit log", PackageResources.V004__tokens_in_the_audit_log_sql),
        ("5: deliveries", PackageResources.V005__deliveries_sql),
        ("6: queue and locks", PackageResources.V006__queue_and_locks_sql),
        ("7: outbox", PackageResources.V007__outbox_sql),
        ("8: Slack", PackageResources.V008__slack_sql),
        ("9: servers", PackageResources.V009__servers_sql),
        ("10: retention", PackageResources.V010__retention_sql),
    ]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for (name, sql) in migrations {
            migrator.registerMigration(name) { try $0.execute(sql: String(decoding: sql, as: UTF8.self)) }
        }
        return migrator
    }
}
