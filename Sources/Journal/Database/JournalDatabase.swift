/// The database that a journal is kept in: where it is, and how its transactions run. One file with SQLite, or a PostgreSQL server.
///
/// The statements are the same for all: what SQLite and PostgreSQL both understand. `?` stands for an argument.
package protocol JournalDatabase: Sendable {
    /// What messages call it: the path of the file, or the servers and the database. Without a password.
    var name: String { get }

    /// Whether other machines can use it at the same time.
    var isShared: Bool { get }

    /// The file whose lock tells the processes that send messages of each other; `nil` where other machines may send.
    var senderLock: String? { get }

    /// Runs `body` on a thread that it may block, in a transaction that sees one state of the database. Not cut short when the task is
    /// cancelled.
    func read<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value

    /// Runs `body` on a thread that it may block, in a transaction that has the database for itself: all of it is written, and survives a
    /// power failure, or nothing. Not cut short when the task is cancelled.
    ///
    /// `body` may be run again where the connection broke before the transaction was committed.
    func write<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value

    /// Throws when nothing can be written: no permission, no space, a server that is not the primary, a file that is not at its path any
    /// more. Wakes nobody who watches the journal.
    func checkWritable() async throws(JournalError)

    /// Opens a connection that learns of what others commit. Blocks its thread.
    func openChangeSource() throws(JournalError) -> any ChangeSource
}

/// A connection that learns of what is committed to a journal, by whichever process. Used by one thread at a time, which it blocks.
package protocol ChangeSource: Sendable {
    /// Returns when something may have been committed since the last call, and at the latest after `limit`. Returns at once from the call
    /// of `stop` on.
    func wait(atMost limit: Duration) throws(JournalError)

    func read<Value: Sendable>(_ body: @Sendable (any DatabaseConnection) throws -> Value) throws(JournalError) -> Value

    /// Ends `wait`. From any thread.
    func stop()
}
