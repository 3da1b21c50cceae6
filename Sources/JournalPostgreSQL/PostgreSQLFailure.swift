import Journal

/// What went wrong with a server, a connection or a statement.
struct PostgreSQLFailure: Error, Equatable {
    enum Cause: Equatable {
        /// There is no libpq.
        case missingLibrary
        /// The journal's address cannot be read.
        case address
        /// No connection came about, for a reason that may pass: no such machine, nothing listens, not the primary, no answer.
        case noConnection
        /// A password is needed, and none is there.
        case noPassword
        /// The URI wants TLS with a server that is checked, and that did not come about. Says what to do.
        case untrusted(advice: String)
        /// The connection broke, or the server did not answer in time.
        case connectionLost
        /// The server refuses: its SQLSTATE (PostgreSQL's manual, appendix A), and the name of the constraint that was violated.
        case refused(state: String, constraint: String?)
    }

    var cause: Cause
    var message: String

    init(_ cause: Cause, _ message: String) {
        self.cause = cause
        self.message = message
    }

    var state: String? {
        if case .refused(let state, _) = cause { state } else { nil }
    }

    /// It may pass by itself, and nothing of the transaction has been written: it can be run again on another connection.
    var isPassing: Bool {
        switch cause {
        case .noConnection, .connectionLost: true
        case .missingLibrary, .address, .noPassword, .untrusted: false
        case .refused(let state, _): Self.passing.contains(state) || state.hasPrefix("08")
        }
    }

    private static let passing: Set<String> = [
        "25006",  // read_only_sql_transaction: the server is not the primary any more
        "40001",  // serialization_failure
        "40P01",  // deadlock_detected
        "53300",  // too_many_connections
        "57P01",  // admin_shutdown
        "57P02",  // crash_shutdown
        "57P03",  // cannot_connect_now: it starts, stops, or recovers
        "57P05",  // idle_session_timeout
    ]
}

extension JournalError.Kind {
    init(_ failure: PostgreSQLFailure) {
        let message = failure.message
        self =
            switch failure.cause {
            case .missingLibrary, .address: .unusable(message)
            case .noConnection, .connectionLost: .unreachable(message)
            case .noPassword:
                .unusable("a password is needed (\(message)): it is taken from the URI, PGPASSWORD or ~/.pgpass")
            case .untrusted(let advice): .unusable("\(message): \(advice)")
            case .refused(let state, let constraint): Self(state: state, constraint: constraint, message)
            }
    }

    private init(state: String, constraint: String?, _ message: String) {
        switch state {
        // unique_violation. As in SQLite, only a number that is taken is a conflict.
        case "23505" where constraint?.hasSuffix("_pkey") == true: self = .conflict
        case "53100": self = .unusable("its disk is full")
        case "3D000": self = .unusable("\(message): create it (createdb), or name one that is there")
        case "42501":
            self = .unusable("\(message): its user has to own the database, or the schema and its tables")
        case "28000", "28P01":
            self = .unusable("\(message): check the user, the password, and the server's pg_hba.conf")
        case "55P03":
            self = .unreachable(
                "another transaction keeps it locked; a synchronous standby that does not answer holds every write up")
        case "57014": self = .unreachable("\(message): the server is too slow")
        // data_corrupted, index_corrupted
        case "XX001", "XX002": self = .corrupt(message)
        default:
            self =
                PostgreSQLFailure(.refused(state: state, constraint: nil), message).isPassing
                ? .unreachable(message) : .unusable(message)
        }
    }
}
