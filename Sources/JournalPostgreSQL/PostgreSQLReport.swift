import Journal

/// How it is with a journal's PostgreSQL server, for `viridian check`.
package struct PostgreSQLReport: Sendable, Hashable {
    /// Servers and database, without a password.
    package var name: String
    /// The server's: `15.18`.
    package var version: String
    package var isPrimary: Bool
    /// Whether a commit waits until a standby has it (`synchronous_standby_names`).
    package var hasSynchronousStandby: Bool
    /// Whether what is committed survives a power failure of the server (`fsync`, `full_page_writes`).
    package var isDurable: Bool
    package var isLocal: Bool
    package var isEncrypted: Bool
    /// Whether the server's certificate and name are checked (`sslmode=verify-full`).
    package var isVerified: Bool
    /// Whether a connection pooler is in between.
    package var isPooled: Bool
    /// Whether a commit is learned of at once; otherwise it is within two seconds.
    package var hearsCommits: Bool
    /// The size of the database on disk.
    package var bytes: Int
    /// The names of the migrations that were applied.
    package var migrations: [String]

    /// What a person should know.
    package struct Remark: Sendable, Hashable {
        package var isWarning: Bool
        package var what: String
        package var fix: String?
    }

    package var remarks: [Remark] {
        var remarks: [Remark] = []
        func note(_ what: String) { remarks.append(Remark(isWarning: false, what: what)) }
        func warn(_ what: String, _ fix: String) { remarks.append(Remark(isWarning: true, what: what, fix: fix)) }
        note("journal \(name), PostgreSQL \(version), \(bytes >> 20) MiB")
        if !isPrimary {
            warn(
                "journal \(name): the server is a standby",
                "name the primary, or all servers with target_session_attrs=read-write")
        }
        if !isDurable {
            warn(
                "journal \(name): the server does not write commits to disk (fsync or full_page_writes is off): a power failure loses releases",
                "set both to on in postgresql.conf")
        }
        if !hasSynchronousStandby {
            warn(
                "journal \(name): no standby is synchronous: after a failover, what was recorded last may be gone",
                "set synchronous_standby_names (Patroni: synchronous_mode, CloudNativePG: synchronous); RDS Multi-AZ replicates below the database, and needs nothing"
            )
        }
        if !isLocal && !isEncrypted {
            warn(
                "journal \(name): the connection is not encrypted, tokens' hashes and the audit log pass in the clear",
                "add sslmode=verify-full to the URI")
        } else if !isLocal && !isVerified {
            warn(
                "journal \(name): nobody checks that it is the right server",
                "add sslmode=verify-full to the URI, and sslrootcert=FILE")
        }
        if !hearsCommits {
            note(
                "journal \(name): \(isPooled ? "a connection pooler is in between" : "no notices come"): what another server records is seen within two seconds"
            )
        }
        return remarks
    }
}

extension PostgreSQLReport {
    /// Asks the server. Blocks its thread.
    package static func read(_ uri: String) throws(JournalError) -> PostgreSQLReport {
        let address: PostgreSQLAddress
        do throws(PostgreSQLFailure) {
            address = try PostgreSQLAddress(uri)
        } catch {
            throw JournalError(journal: "postgresql://…", kind: .init(error))
        }
        let connecting = PostgreSQLConnecting(address, PostgreSQLLimits())
        return try connecting.journalResult { try read(connecting) }.get()
    }

    private static func read(_ connecting: PostgreSQLConnecting) throws -> PostgreSQLReport {
        let connection = try connecting.connect()
        let facts = try connection.read(connecting.limits) { database in
            let row = try database.row(
                sql: """
                    SELECT split_part(current_setting('server_version'), ' ', 1) AS version, NOT pg_is_in_recovery() AS is_primary,
                        current_setting('synchronous_standby_names') <> '' AS has_standby,
                        current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS is_durable,
                        pg_database_size(current_database()) AS bytes, pg_backend_pid() AS process
                    """)
            return (row, try PostgreSQLSchema.appliedMigrations(database))
        }
        guard let row = facts.0 else { throw PostgreSQLFailure(.connectionLost, "no answer") }
        return PostgreSQLReport(
            name: connecting.address.name, version: row["version"], isPrimary: row["is_primary"],
            hasSynchronousStandby: row["has_standby"], isDurable: row["is_durable"],
            isLocal: connecting.address.isLocal, isEncrypted: connection.isEncrypted,
            isVerified: connecting.address.isVerified, isPooled: connection.backendProcess != row["process"],
            hearsCommits: try hearsCommits(connecting), bytes: row["bytes"], migrations: facts.1)
    }

    /// Whether a notice arrives that another connection sends.
    private static func hearsCommits(_ connecting: PostgreSQLConnecting) throws -> Bool {
        let channel = "viridian_check_\(String(UInt64.random(in: .min ... .max), radix: 16))"
        let listener = try connecting.connect()
        try listener.run(script: "LISTEN \(channel)")
        try connecting.connect().run(script: "NOTIFY \(channel)")
        let end = ContinuousClock.now + .seconds(2)
        while true {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else { return false }
            if try listener.waitForNotice(atMost: left) { return true }
        }
    }
}
