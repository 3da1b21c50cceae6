import CPostgreSQL
import Foundation
import Glibc
import Journal
import Synchronization

/// Connects to the servers of an address, one after the other, until one of them is the right one.
///
/// libpq does that too, but keeps to the order of the URI: while the first machine is down, each connection would wait for it. Here the server
/// that was the right one last is tried first.
final class PostgreSQLConnecting: Sendable {
    let address: PostgreSQLAddress
    let limits: PostgreSQLLimits
    /// The place of the server that was the right one last.
    private let preferred = Mutex(0)

    init(_ address: PostgreSQLAddress, _ limits: PostgreSQLLimits) {
        self.address = address
        self.limits = limits
    }

    func connect() throws(PostgreSQLFailure) -> PostgreSQLConnection {
        let pq = try LibPQ.open()
        let first = preferred.withLock { $0 }
        var failures: [(server: PostgreSQLAddress.Server, failure: PostgreSQLFailure)] = []
        for index in [first] + address.servers.indices.filter({ $0 != first }) {
            let server = address.servers[index]
            do throws(PostgreSQLFailure) {
                let connection = try connect(pq, server, index)
                preferred.withLock { $0 = index }
                return connection
            } catch {
                failures.append((server, error))
            }
        }
        // What a person has to see to comes before what may pass.
        if let other = failures.first(where: { !$0.failure.isPassing }) { throw other.failure }
        guard failures.count > 1 else { throw failures[0].failure }
        throw PostgreSQLFailure(
            .noConnection, failures.map { "\($0.server.name): \($0.failure.message)" }.joined(separator: "; "))
    }

    /// A new connection was of no use. A pooler lets programs connect also while the server behind it is gone: from now on the next server of
    /// the address is tried before this one.
    func passOver(_ connection: PostgreSQLConnection) {
        preferred.withLock {
            if $0 == connection.place { $0 = (connection.place + 1) % address.servers.count }
        }
    }

    private func connect(_ pq: libpq, _ server: PostgreSQLAddress.Server, _ place: Int) throws(PostgreSQLFailure)
        -> PostgreSQLConnection
    {
        let parameters = address.parameters(of: server)
        let end: [[CChar]?] = [nil]
        // Names are looked up here, for as long as the system's resolver takes.
        let started = withCStrings(parameters.map { Array($0.keyword.utf8CString) } + end) { keywords in
            withCStrings(parameters.map { Array($0.value.utf8CString) } + end) { values in
                pq.connectStartParams(keywords, values, 1)
            }
        }
        guard let handle = started else { throw PostgreSQLFailure(.noConnection, "no memory") }
        do throws(PostgreSQLFailure) {
            // So that what the server refuses is told with its code, whatever language it speaks.
            _ = pq.setErrorVerbosity(handle, Int32(pq_errors_verbose))
            try finish(pq, handle)
            _ = pq.setErrorVerbosity(handle, Int32(pq_errors_default))
        } catch {
            pq.finish(handle)
            throw error
        }
        let connection = try PostgreSQLConnection(pq, handle, at: place, answerLimit: limits.answer)
        if address.wantsPrimary, try connection.isReadOnly() {
            throw PostgreSQLFailure(.noConnection, "\(server.name) is read-only: it is not the primary")
        }
        return connection
    }

    private func finish(_ pq: libpq, _ handle: OpaquePointer) throws(PostgreSQLFailure) {
        let deadline = ContinuousClock.now + address.connectTimeout
        var state = Int32(pq_polling_writing)
        // Before the first call, as if it had said that it wants to write.
        if pq.status(handle) == pq_connection_bad { state = Int32(pq_polling_failed) }
        while state != Int32(pq_polling_ok) {
            guard state != Int32(pq_polling_failed) else { throw failure(pq, handle) }
            let events = state == Int32(pq_polling_reading) ? POLLIN : POLLOUT
            var descriptor = pollfd(fd: pq.socket(handle), events: Int16(events), revents: 0)
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero, poll(&descriptor, 1, max(left.wholeMilliseconds, 1)) != 0 else {
                throw PostgreSQLFailure(.noConnection, "no answer within \(address.connectTimeout)")
            }
            state = pq.connectPoll(handle)
        }
    }

    private func failure(_ pq: libpq, _ handle: OpaquePointer) -> PostgreSQLFailure {
        let message = String(libpq: pq.errorMessage(handle))
        if pq.connectionNeedsPassword(handle) != 0 { return PostgreSQLFailure(.noPassword, Self.oneLine(message)) }
        // "FATAL:  28P01: password authentication failed", where "FATAL" may be in another language.
        if let found = message.firstMatch(of: #/:  ([0-9A-Z]{5}): /#) {
            let words = message.replacingOccurrences(of: " \(found.1): ", with: "")
            return PostgreSQLFailure(.refused(state: String(found.1), constraint: nil), Self.oneLine(words))
        }
        let words = Self.oneLine(message)
        if let problem = unusableOption(words) { return PostgreSQLAddress.unreadable(problem) }
        if let refusal = TLSRefusal(words) {
            return PostgreSQLFailure(.untrusted(advice: refusal.advice), refusal.message)
        }
        return PostgreSQLFailure(.noConnection, words)
    }

    /// What libpq says of a value in the URI that cannot be (fe-connect.c): waiting does not help. It quotes the value, which may be a part of
    /// the password.
    private func unusableOption(_ words: String) -> String? {
        // For most options it is found only when a server is asked.
        let said = words.range(of: " failed: ").map { String(words[$0.upperBound...]) } ?? words
        let kinds = #/^(invalid (integer value|port number|\w+ value)|could not match \d+ .*)/#
        guard let kind = said.firstMatch(of: kinds) else { return nil }
        let option = said.firstMatch(of: #/ for connection option "\w+"$/#).map { String($0.0) } ?? ""
        return String(kind.1) + option
    }

    /// A message of several lines as one; where in the server's sources it comes from does not help.
    static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline)
            .filter { $0.firstMatch(of: /^[^:]+:  \w+, \w+\.c:\d+$/) == nil }
            .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "; ")
            .trimmingCharacters(in: CharacterSet(charactersIn: "."))
    }
}
