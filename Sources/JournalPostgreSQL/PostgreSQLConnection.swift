import CPostgreSQL
import Glibc
import Journal

/// A connection to a server. Used by one thread at a time, which its calls block, none of them for longer than `answerLimit` without a sign of
/// the server.
///
/// It leaves nothing in its session that a later transaction needs (no prepared statement, no setting, no lock), so a connection pooler may
/// give each transaction another session.
final class PostgreSQLConnection {
    private let pq: libpq
    private let handle: OpaquePointer
    /// Which of the address's servers it is with.
    let place: Int
    private let warningCount: UnsafeMutablePointer<Int32>
    /// How long the server may be silent in the middle of a statement.
    private let answerLimit: Duration
    /// The connection broke, or its server did not answer in time: it is to be dropped.
    private(set) var isBroken = false
    /// Something was sent whose answer nobody has waited for.
    private var isAnswerDue = false

    /// A connection that has come about.
    init(_ pq: libpq, _ handle: OpaquePointer, at place: Int, answerLimit: Duration) throws(PostgreSQLFailure) {
        self.pq = pq
        self.place = place
        self.handle = handle
        self.answerLimit = answerLimit
        warningCount = .allocate(capacity: 1)
        warningCount.initialize(to: 0)
        viridian_count_warnings(handle, warningCount)
        guard pq.setnonblocking(handle, 1) == 0 else { throw lost() }
    }

    deinit {
        pq.finish(handle)
        warningCount.deallocate()
    }

    /// How many warnings the server has sent.
    var warnings: Int { Int(warningCount.pointee) }
    var socket: Int32 { pq.socket(handle) }
    var isEncrypted: Bool { pq.sslInUse(handle) != 0 }
    /// The server's process, as whoever the connection is made with says: a pooler makes one up.
    var backendProcess: Int { Int(pq.backendPID(handle)) }

    /// Whether it can be used after a time in which it was not: a server that has ended its side is noticed.
    func isUsable() -> Bool {
        guard !isBroken else { return false }
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, 0) > 0 else { return true }
        // A notice, or the end.
        guard pq.consumeInput(handle) != 0, pq.status(handle) == Int32(pq_connection_ok) else {
            isBroken = true
            return false
        }
        return true
    }

    func drop() { isBroken = true }

    /// Whether the server takes no writes: a standby.
    func isReadOnly() throws(PostgreSQLFailure) -> Bool {
        let row = try run("SELECT current_setting('transaction_read_only') AS setting").rows.first
        let setting: String? = row?["setting"]
        return setting != "off"
    }

    // MARK: Statements

    /// Runs statements without arguments, separated by semicolons, in one round trip.
    /// - Returns: what the server calls the last one: `COMMIT`.
    @discardableResult
    func run(script: String) throws(PostgreSQLFailure) -> String {
        try awaitAnswer()
        guard pq.sendQuery(handle, script) != 0 else { throw lost() }
        let result = try lastResult()
        return String(libpq: result.functions.cmdStatus(result.handle))
    }

    /// Runs one statement, with `$1`, `$2`, … for its arguments.
    func run(_ sql: String, _ arguments: [DatabaseValue] = []) throws(PostgreSQLFailure) -> PostgreSQLResult {
        try awaitAnswer()
        let parameters = arguments.map(StatementParameter.init)
        let types = parameters.map(\.type)
        let isSent = withCStrings(parameters.map(\.text)) { values in
            pq.sendQueryParams(handle, sql, Int32(values.count), types, values, nil, nil, 0)
        }
        guard isSent != 0 else { throw lost() }
        return try lastResult()
    }

    /// Runs statements whose answer is of no use: whoever uses the connection next waits for it.
    func send(script: String) {
        do throws(PostgreSQLFailure) {
            try awaitAnswer()
            guard pq.sendQuery(handle, script) != 0, pq.flush(handle) >= 0 else { throw lost() }
            isAnswerDue = true
        } catch {
            drop()
        }
    }

    private func awaitAnswer() throws(PostgreSQLFailure) {
        guard isAnswerDue else { return }
        isAnswerDue = false
        do throws(PostgreSQLFailure) {
            _ = try lastResult()
        } catch {
            drop()
            throw PostgreSQLFailure(.connectionLost, error.message)
        }
    }

    /// The result of the last of the statements that were sent. The first that fails ends them.
    private func lastResult() throws(PostgreSQLFailure) -> PostgreSQLResult {
        let deadline = ContinuousClock.now + answerLimit
        while true {
            let rest = pq.flush(handle)
            if rest == 0 { break }
            guard rest > 0 else { throw lost() }
            try wait(for: POLLIN | POLLOUT, until: deadline)
            // The server may have to be rid of what it says before it reads on.
            guard pq.consumeInput(handle) != 0 else { throw lost() }
        }
        var last: PostgreSQLResult?
        var failure: PostgreSQLFailure?
        while true {
            while pq.isBusy(handle) != 0 {
                try wait(for: POLLIN, until: deadline)
                // A server that ends the connection says why first.
                guard pq.consumeInput(handle) != 0 else { throw lost(because: failure) }
            }
            guard let handle = pq.getResult(handle) else { break }
            let result = PostgreSQLResult(pq, handle)
            last = result
            failure = failure ?? result.failure
        }
        guard pq.status(handle) == Int32(pq_connection_ok) else { throw lost(because: failure) }
        if let failure { throw failure }
        guard let last else { throw lost() }
        return last
    }

    // MARK: Notices

    /// Waits until a notice has come, or the other descriptor becomes readable, or `limit` has passed; it may also return for nothing.
    /// - Returns: whether one or several have come since the last call.
    func waitForNotice(atMost limit: Duration, or other: Int32 = -1) throws(PostgreSQLFailure) -> Bool {
        try awaitAnswer()
        // One may have come with an answer.
        if takeNotices() { return true }
        // poll(2) ignores what is negative.
        var descriptors = [socket, other].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&descriptors, 2, limit.wholeMilliseconds) > 0, descriptors[0].revents != 0 else { return false }
        guard pq.consumeInput(handle) != 0, pq.status(handle) == Int32(pq_connection_ok) else { throw lost() }
        return takeNotices()
    }

    private func takeNotices() -> Bool {
        var hadAny = false
        while let notice = pq.notifies(handle) {
            hadAny = true
            pq.freemem(notice)
        }
        return hadAny
    }

    // MARK: Waiting

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(PostgreSQLFailure) {
        var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else {
                isBroken = true
                throw PostgreSQLFailure(.connectionLost, "the server has not answered for \(answerLimit)")
            }
            let count = poll(&descriptor, 1, max(left.wholeMilliseconds, 1))
            if count > 0 { return }
            if count < 0 && errno != EINTR { throw lost() }
        }
    }

    private var message: String { PostgreSQLConnecting.oneLine(String(libpq: pq.errorMessage(handle))) }

    private func lost(because failure: PostgreSQLFailure? = nil) -> PostgreSQLFailure {
        isBroken = true
        return PostgreSQLFailure(.connectionLost, failure?.message ?? message)
    }
}

/// An argument in the text format of its type.
private struct StatementParameter {
    /// The type's number in pg_type; 0: what the statement needs.
    var type: UInt32
    var text: [CChar]?

    init(_ value: DatabaseValue) {
        switch value {
        case .null: (type, text) = (0, nil)
        case .integer(let number): (type, text) = (PostgreSQLType.int8, Array(String(number).utf8CString))
        // PostgreSQL's text holds any character but this one.
        case .text(let string):
            let text = string.utf8.contains(0) ? string.replacing("\0", with: "\u{FFFD}") : string
            (type, self.text) = (PostgreSQLType.text, Array(text.utf8CString))
        case .bytes(let bytes):
            (type, text) = (PostgreSQLType.bytea, Array(("\\x" + bytes.map(\.hexadecimal).joined()).utf8CString))
        }
    }
}

extension UInt8 {
    fileprivate var hexadecimal: String {
        let digits = String(self, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }
}

/// Calls `body` with pointers to C strings, which it may use until it returns.
func withCStrings<Result>(_ strings: [[CChar]?], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    let copies = strings.map { text -> UnsafeMutablePointer<CChar>? in
        guard let text else { return nil }
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
        copy.initialize(from: text, count: text.count)
        return copy
    }
    defer { for copy in copies { copy?.deallocate() } }
    return body(copies.map { $0.map { UnsafePointer($0) } })
}
