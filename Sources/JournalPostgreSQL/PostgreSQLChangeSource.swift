import Journal
import Synchronization

/// Learns of commits by LISTEN, on a connection of its own.
///
/// A notice does not come through a pooler that gives each transaction another session, and is lost while there is no connection. Nothing depends
/// on one: whoever watches a journal reads every few seconds too.
final class PostgreSQLChangeSource: ChangeSource {
    private let connecting: PostgreSQLConnecting
    /// Used by one thread at a time; nobody waits for the lock.
    private let connection: Mutex<PostgreSQLConnection>
    private let wakeUp = WakeUp()

    init(_ connecting: PostgreSQLConnecting) throws(PostgreSQLFailure) {
        self.connecting = connecting
        let connection = try connecting.connect()
        // A server that has no such thing is no error.
        _ = try? connection.run(script: "LISTEN \(PostgreSQLSchema.channel)")
        self.connection = Mutex(connection)
    }

    func wait(atMost limit: Duration) throws(JournalError) {
        let end = wakeUp.descriptor
        try connecting.journalResult {
            _ = try connection.withLock { try $0.waitForNotice(atMost: limit, or: end) }
        }.get()
    }

    func read<Value: Sendable>(_ body: @Sendable (any DatabaseConnection) throws -> Value) throws(JournalError) -> Value
    {
        let limits = connecting.limits
        return try connecting.journalResult {
            try connection.withLock { try $0.read(limits, body) }
        }.get()
    }

    func stop() { wakeUp() }
}
