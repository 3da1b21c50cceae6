import Journal

extension PostgreSQLSchema {
    /// Why a database cannot be the journal's.
    enum Rejection: Error, Equatable {
        case foreign
        case newer
        case older
        case unusable(String)
    }

    /// Applies the migrations that are missing, also while other programs do the same.
    static func prepare(_ connecting: PostgreSQLConnecting) throws {
        var connection: PostgreSQLConnection?
        let applied = try connecting.retrying(&connection) { connection in
            try connection.read(connecting.limits) { database in
                let encoding = try database.value(String.self, sql: "SHOW server_encoding") ?? ""
                guard encoding == "UTF8" else {
                    throw Rejection.unusable("its encoding is \(encoding): create a database with ENCODING 'UTF8'")
                }
                do {
                    return try appliedMigrations(database)
                } catch Rejection.foreign {
                    // Another program may be creating the tables at this moment: that is decided under the lock.
                    return []
                }
            }
        }
        guard applied.count < migrations.count else { return }
        try migrate(PostgreSQLConnecting(connecting.address, .migrations))
    }

    private static func migrate(_ connecting: PostgreSQLConnecting) throws {
        var connection: PostgreSQLConnection?
        // A second round finds what the first one has committed, if its answer was lost.
        try connecting.retrying(&connection) { connection in
            let outcome = try connection.write(commit: nil, connecting.limits) { database in
                // Another program may have been faster.
                let applied = try appliedMigrations(database)
                if applied.isEmpty {
                    try database.execute(
                        sql: """
                            CREATE TABLE schema_migrations (name TEXT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)
                            """)
                }
                for migration in migrations where !applied.contains(migration.name) {
                    try database.run(script: String(decoding: migration.sql, as: UTF8.self))
                    try database.execute(
                        sql: """
                            INSERT INTO schema_migrations (name, applied_at)
                            VALUES (?, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                            """,
                        arguments: [migration.name])
                }
            }
            if case .answerLost(_, let failure) = outcome { throw failure }
        }
    }

    /// Throws when a migration of this version is not there any more. One of a newer version does no harm: it only adds.
    static func checkIsComplete(_ database: any DatabaseConnection) throws {
        let applied = try database.values(String.self, sql: "SELECT name FROM schema_migrations")
        guard Set(migrations.map(\.name)).isSubset(of: applied) else { throw Rejection.older }
    }

    /// The names of the migrations that were applied; none where the tables are not there yet.
    static func appliedMigrations(_ database: any DatabaseConnection) throws -> [String] {
        let columns = try database.values(
            String.self,
            sql: """
                SELECT attname::text FROM pg_attribute
                WHERE attrelid = to_regclass('schema_migrations') AND attnum > 0 AND NOT attisdropped ORDER BY attnum
                """)
        if columns.isEmpty {
            // Tables of these names would be taken for the journal's.
            let taken = try database.value(
                Bool.self, sql: "SELECT to_regclass('events') IS NOT NULL OR to_regclass('heads') IS NOT NULL")
            if taken == true { throw Rejection.foreign }
            return []
        }
        // Others have a table of this name too.
        guard columns == ["name", "applied_at"] else { throw Rejection.foreign }
        let applied = try database.values(String.self, sql: "SELECT name FROM schema_migrations")
        if applied.contains(Journal.unfinishedCopy) {
            throw Rejection.unusable(
                "a copy into it was not finished, or is not yet: if none runs, drop its tables and copy again")
        }
        guard Set(applied).isSubset(of: migrations.map(\.name)) else { throw Rejection.newer }
        return applied
    }
}

extension JournalError.Kind {
    init(_ rejection: PostgreSQLSchema.Rejection) {
        self =
            switch rejection {
            case .foreign: .foreign
            case .newer: .newer
            case .older: .older
            case .unusable(let problem): .unusable(problem)
            }
    }
}
