import Foundation
import Glibc
import Journal

/// A journal in a database of a PostgreSQL server, which servers of Viridian on several machines may use at the same time.
struct PostgreSQLDatabase: JournalDatabase {
    private let connecting: PostgreSQLConnecting
    /// The lock that each write takes lets only one through at a time anyway.
    private let writer = ConnectionThreads(1)
    private let readers = ConnectionThreads(4)
    private let writing = Outage()
    private let reading = Outage()

    init(_ connecting: PostgreSQLConnecting) { self.connecting = connecting }

    var name: String { connecting.address.name }
    var isShared: Bool { true }
    var senderLock: String? { nil }

    func read<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    {
        try await run(on: readers, reading) { [connecting] kept in
            try connecting.retrying(&kept) { try $0.read(connecting.limits, body) }
        }
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    {
        try await run(on: writer, writing) { [connecting] kept in
            try connecting.write(&kept, isAnnounced: true, body)
        }
    }

    /// Writes the transaction's own row: nothing else tells whether there is space, and whether the synchronous standby answers.
    func checkWritable() async throws(JournalError) {
        try await run(on: writer, writing) { [connecting] kept in
            try connecting.write(&kept, isAnnounced: false) { try PostgreSQLSchema.checkIsComplete($0) }
        }
    }

    private func run<Value: Sendable>(
        on threads: ConnectionThreads, _ outage: Outage,
        _ transaction: @escaping @Sendable (inout PostgreSQLConnection?) throws -> Value
    ) async throws(JournalError) -> Value {
        let asked = ContinuousClock.now
        let result = await threads.run { [connecting] kept -> Result<Value, JournalError> in
            if asked.duration(to: .now) > connecting.limits.retries, let problem = outage.problem(since: asked) {
                return .failure(JournalError(journal: connecting.address.name, kind: .unreachable(problem)))
            }
            let result = connecting.journalResult { try transaction(&kept) }
            outage.note(result)
            return result
        }
        return try result.get()
    }

    func openChangeSource() throws(JournalError) -> any ChangeSource {
        try connecting.journalResult { try PostgreSQLChangeSource(connecting) }.get()
    }
}

extension PostgreSQLConnecting {
    func journalResult<Value>(_ body: () throws -> Value) -> Result<Value, JournalError> {
        Result(catching: body).mapError { error in
            switch error {
            case let failure as PostgreSQLFailure: JournalError(journal: address.name, kind: .init(failure))
            case let rejection as PostgreSQLSchema.Rejection:
                JournalError(journal: address.name, kind: .init(rejection))
            default: JournalError(journal: address.name, error)
            }
        }
    }

    /// Runs `attempt` with the connection that is kept, or with a new one; when that fails because of what may pass, again with new ones
    /// until `limit` is over, and at least once: of a connection that was kept nobody knows how long its network has been cut.
    func retrying<Value>(
        _ kept: inout PostgreSQLConnection?, for limit: Duration? = nil,
        _ attempt: (PostgreSQLConnection) throws -> Value
    ) throws -> Value {
        let end = ContinuousClock.now + (limit ?? limits.retries)
        var pause = Duration.zero
        while true {
            var new: PostgreSQLConnection?
            do {
                let connection = try usable(&kept, &new)
                defer { if connection.isBroken { kept = nil } }
                return try attempt(connection)
            } catch let failure as PostgreSQLFailure
                where failure.isPassing && (pause == .zero || ContinuousClock.now < end)
            {
                // The server may be another one now.
                kept = nil
                if let new { passOver(new) }
                // On the thread of this connection, which nothing else needs meanwhile.
                usleep(UInt32(pause.wholeMilliseconds) * 1000)
                pause = min(max(pause * 2, .milliseconds(50)), .milliseconds(500))
            }
        }
    }

    private func usable(_ kept: inout PostgreSQLConnection?, _ new: inout PostgreSQLConnection?)
        throws(PostgreSQLFailure) -> PostgreSQLConnection
    {
        if let connection = kept, connection.isUsable() { return connection }
        kept = nil
        let connection = try connect()
        (kept, new) = (connection, connection)
        return connection
    }

    /// Runs a transaction that writes, and again when it was surely not committed.
    func write<Value>(
        _ kept: inout PostgreSQLConnection?, isAnnounced: Bool, _ body: (any DatabaseConnection) throws -> Value
    ) throws -> Value {
        var lost: PostgreSQLFailure?
        for _ in 1...3 {
            let commit = CommitID()
            let outcome = try retrying(&kept) {
                try $0.write(commit: commit, limits, isAnnounced: isAnnounced, body)
            }
            switch outcome {
            case .committed(let value): return value
            case .answerLost(let value, let failure):
                if try isCommitted(commit, &kept, failure) { return value }
                lost = failure
            }
        }
        throw lost ?? PostgreSQLFailure(.connectionLost, "the connection broke")
    }

    /// Whether a transaction was committed whose answer was lost.
    ///
    /// As long as it may still be committed it has the lock: whoever has it now sees what became of it. That it is there counts only once this
    /// transaction has been committed too: then the synchronous standby has both. (txid_status would not do: a standby that lost the end of
    /// its log gives the same numbers again.)
    private func isCommitted(
        _ commit: CommitID, _ kept: inout PostgreSQLConnection?, _ lost: PostgreSQLFailure
    ) throws(JournalError) -> Bool {
        do {
            let end = ContinuousClock.now + limits.readBack
            while true {
                let outcome = try retrying(&kept, for: ContinuousClock.now.duration(to: end)) { connection in
                    try connection.write(commit: CommitID(), limits, isAnnounced: false) {
                        try $0.value(
                            Bool.self, sql: "SELECT EXISTS (SELECT 1 FROM commits WHERE id = ?)",
                            arguments: [commit.text]) ?? false
                    }
                }
                switch outcome {
                case .committed(let isThere): return isThere
                // Nobody can commit it any more.
                case .answerLost(false, _): return false
                case .answerLost(true, let failure): if ContinuousClock.now > end { throw failure }
                }
            }
        } catch {
            let reason = (error as? PostgreSQLFailure)?.message ?? String(describing: error)
            throw JournalError(
                journal: address.name,
                kind: .unknown(reason == lost.message ? reason : "\(lost.message); then: \(reason)"))
        }
    }
}
