import Journal

extension Journal {
    /// Whether a journal's name is the URI of a database in PostgreSQL, not a file.
    package static func isPostgreSQL(_ name: String) -> Bool { PostgreSQLAddress.isAddress(name) }

    /// Opens the journal in a database of a PostgreSQL server, and creates its tables when there are none. Blocks its thread, for some seconds
    /// while the server cannot be reached.
    ///
    /// `uri` is as all programs of PostgreSQL take it, also with several hosts:
    /// `postgresql://viridian@db1,db2/viridian?sslmode=verify-full`. What it does not say, such as the password, libpq takes from the environment,
    /// `~/.pgpass` and the like.
    package init(postgreSQL uri: String) throws(JournalError) { try self.init(postgreSQL: uri, PostgreSQLLimits()) }

    init(postgreSQL uri: String, _ limits: PostgreSQLLimits) throws(JournalError) {
        let address: PostgreSQLAddress
        do throws(PostgreSQLFailure) {
            address = try PostgreSQLAddress(uri)
        } catch {
            // Whatever the URI is, it may have a password.
            throw JournalError(journal: "postgresql://…", kind: .init(error))
        }
        let connecting = PostgreSQLConnecting(address, limits)
        try connecting.journalResult { try PostgreSQLSchema.prepare(connecting) }.get()
        self.init(PostgreSQLDatabase(connecting))
    }
}
