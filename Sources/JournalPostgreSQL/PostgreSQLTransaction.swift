import Journal

/// A connection inside a transaction.
final class PostgreSQLTransaction: DatabaseConnection {
    private let connection: PostgreSQLConnection
    /// The first statement that failed. The server refuses everything after it, and a COMMIT is then a ROLLBACK.
    private(set) var failure: PostgreSQLFailure?

    init(_ connection: PostgreSQLConnection) { self.connection = connection }

    func rows(sql: String, arguments: StatementArguments) throws -> [Row] { try run(sql, arguments).rows }

    @discardableResult
    func execute(sql: String, arguments: StatementArguments) throws -> Int { try run(sql, arguments).count }

    /// Runs statements without arguments, separated by semicolons.
    func run(script: String) throws {
        do throws(PostgreSQLFailure) {
            try connection.run(script: script)
        } catch {
            failure = failure ?? error
            throw error
        }
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws -> PostgreSQLResult {
        do throws(PostgreSQLFailure) {
            return try connection.run(Self.numbered(sql), arguments.values)
        } catch {
            failure = failure ?? error
            throw error
        }
    }

    /// PostgreSQL's `$1`, `$2`, … instead of `?`, except in quotes.
    static func numbered(_ sql: String) -> String {
        var text = ""
        var count = 0
        var quote: Character?
        for character in sql {
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "?" {
                count += 1
                text += "$\(count)"
                continue
            }
            text.append(character)
        }
        return text
    }
}

/// How a transaction that writes ended.
enum WriteOutcome<Value> {
    case committed(Value)
    /// Whether it was committed is not known.
    case answerLost(Value, PostgreSQLFailure)
}

extension PostgreSQLConnection {
    /// Runs a transaction that has the journal for itself.
    ///
    /// All programs' writes take the same lock first, so they come one after the other: what `body` reads stays so until it is committed, and
    /// positions are committed in their order. Settings and lock end with the transaction, whoever else uses the session then.
    ///
    /// `commit` is written with it, so that whether it was committed can be read; `nil` where the table for it is not there yet. With
    /// `isAnnounced`, whoever watches the journal is told.
    func write<Value>(
        commit: CommitID?, _ limits: PostgreSQLLimits, isAnnounced: Bool = true,
        _ body: (PostgreSQLTransaction) throws -> Value
    ) throws -> WriteOutcome<Value> {
        let value = try inTransaction(
            """
            BEGIN ISOLATION LEVEL READ COMMITTED;
            \(settings(limits)) SET LOCAL lock_timeout = \(limits.lock.wholeMilliseconds);
            SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local');
            SELECT pg_advisory_xact_lock(\(PostgreSQLSchema.lock));
            \(commit?.statements ?? "")
            \(isAnnounced ? "NOTIFY \(PostgreSQLSchema.channel);" : "")
            """, body)
        let before = warnings
        do throws(PostgreSQLFailure) {
            // A transaction in which something failed is ended by COMMIT too, but not committed.
            let status = try run(script: "COMMIT")
            guard status == "COMMIT" else { throw PostgreSQLFailure(.refused(state: "25P02", constraint: nil), status) }
        } catch {
            guard isBroken else { throw error }
            return .answerLost(value, error)
        }
        // It is committed, but a person ended the wait for the synchronous standby, which may not have it (SyncRepWaitForLSN).
        guard warnings == before else {
            return .answerLost(
                value, PostgreSQLFailure(.connectionLost, "the wait for the synchronous standby was ended"))
        }
        return .committed(value)
    }

    /// Runs a transaction that sees one state of the journal.
    func read<Value>(_ limits: PostgreSQLLimits, _ body: (PostgreSQLTransaction) throws -> Value) throws -> Value {
        let value = try inTransaction(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \(settings(limits))", body)
        // What was read is good, whatever becomes of the connection: nobody waits for the end.
        send(script: "COMMIT")
        return value
    }

    private func settings(_ limits: PostgreSQLLimits) -> String {
        """
        SET LOCAL statement_timeout = \(limits.statement.wholeMilliseconds); SET LOCAL bytea_output = 'hex'; \
        SET LOCAL idle_in_transaction_session_timeout = \(limits.idle.wholeMilliseconds);
        """
    }

    /// Begins a transaction and runs `body` in it; ends it when something fails.
    private func inTransaction<Value>(_ begin: String, _ body: (PostgreSQLTransaction) throws -> Value) throws -> Value
    {
        do {
            try run(script: begin)
            let transaction = PostgreSQLTransaction(self)
            let value = try body(transaction)
            if let failure = transaction.failure { throw failure }
            return value
        } catch {
            if !isBroken {
                // A connection that cannot even end its transaction is dropped.
                do throws(PostgreSQLFailure) { try run(script: "ROLLBACK") } catch { drop() }
            }
            throw error
        }
    }
}

/// What tells a transaction from all others.
struct CommitID: Sendable {
    let text: String

    init() {
        text = [UInt64.random(in: .min ... .max), .random(in: .min ... .max)].map { String($0, radix: 16) }
            .joined(separator: "-")
    }

    /// Writes it down; now and then, what is older than a day goes.
    fileprivate var statements: String {
        let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        let cleaning = "DELETE FROM commits WHERE at < \(now) - 86400000;"
        let isCleaning = Int.random(in: 0..<200) == 0
        return "\(isCleaning ? cleaning : "") INSERT INTO commits (id, at) VALUES ('\(text)', \(now));"
    }
}
