import Foundation
import Glibc
import ReleaseMachine
import Synchronization
import TestSupport
import Testing

@testable import Journal
@testable import JournalPostgreSQL

@Suite("PostgreSQL servers that die, and others that take over", .needsPostgreSQL)
struct PostgreSQLOutageTests {
    /// Appends to one release after the other's answer, as engines do, for as long as they are told to, and knows what was promised.
    private final class Writer: Sendable {
        let app: String
        private let journal: Journal
        private struct State {
            var isStopping = false
            /// The newest event that the journal said it has.
            var promised = 0
            var unknown = 0
        }
        private let state = Mutex(State())

        init(_ app: String, _ journal: Journal) {
            self.app = app
            self.journal = journal
        }

        var promised: Int { state.withLock { $0.promised } }
        var unknown: Int { state.withLock { $0.unknown } }
        func stop() { state.withLock { $0.isStopping = true } }

        func run() async throws {
            var sequence = 1
            while !state.withLock({ $0.isStopping }) {
                do throws(JournalError) {
                    let event =
                        sequence == 1 ? Sample.request(1, app: app) : Sample.recorded(sequence, .said(LogMessage("x")))
                    try await journal.append([event], app: app, number: 1)
                    state.withLock { [sequence] in $0.promised = sequence }
                    sequence += 1
                } catch {
                    switch error.kind {
                    // Nothing was written: the same number is free.
                    case .unreachable: continue
                    case .unknown:
                        state.withLock { $0.unknown += 1 }
                        while true {
                            guard let events = try? await journal.events(app: app, number: 1) else { continue }
                            sequence = (events.last?.sequence ?? 0) + 1
                            break
                        }
                    default: throw error
                    }
                }
            }
        }

        /// Everything that was promised is there, once.
        func check(_ journal: Journal) async throws {
            let sequences = try await journal.events(app: app, number: 1).map(\.sequence)
            #expect(sequences == Array(1...max(1, sequences.count)), "\(app)")
            #expect(sequences.count >= promised, "\(app): \(sequences.count) of \(promised)")
        }
    }

    /// Runs writers while `disturb` does its work, until each has written on after it, and checks that everything that was promised is there.
    private func withWriters(
        _ uri: String, _ count: Int = 3, _ disturb: @escaping @Sendable ([Writer]) async throws -> String
    ) async throws {
        let writers = try (1...count).map { Writer("app\($0)", try Journal(postgreSQL: uri)) }
        let after = try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in writers { group.addTask { try await writer.run() } }
            defer { for writer in writers { writer.stop() } }
            try await progress(writers)
            let after = try await disturb(writers)
            try await progress(writers)
            for writer in writers { writer.stop() }
            try await group.waitForAll()
            return after
        }
        let journal = try Journal(postgreSQL: after)
        for writer in writers { try await writer.check(journal) }
    }

    /// Waits until each has written five more events.
    private func progress(_ writers: [Writer]) async throws {
        let before = writers.map(\.promised)
        while zip(writers, before).contains(where: { $0.promised < $1 + 5 }) {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test(
        "one that is killed and started again, again and again: nothing that was promised is lost, nothing is there twice"
    )
    func killed() async throws {
        try await PostgreSQLServer.withServer { server in
            let uri = try await server.createDatabase()
            try await withWriters(uri) { writers in
                for _ in 1...4 {
                    try await server.kill()
                    try await server.start()
                    try await progress(writers)
                }
                return uri
            }
        }
    }

    @Test("the server's processes of connections that are killed, and ended by hand")
    func backends() async throws {
        try await PostgreSQLServer.withServer { server in
            let uri = try await server.createDatabase()
            try await withWriters(uri) { writers in
                let others = "application_name = 'viridian' AND pid <> pg_backend_pid()"
                for _ in 1...5 {
                    _ = try await server.value(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE \(others)")
                    try await progress(writers)
                }
                // One that is killed takes all others with it: the server recovers.
                let process = try await server.value("SELECT max(pid) FROM pg_stat_activity WHERE \(others)")
                if let process = Int32(process) { Glibc.kill(process, SIGKILL) }
                return uri
            }
        }
    }

    /// A primary with a synchronous standby that has taken up its work.
    private func withSynchronousStandby(
        _ test: (_ primary: PostgreSQLServer, _ standby: PostgreSQLServer) async throws -> Void
    ) async throws {
        try await PostgreSQLServer.withServer { primary in
            let standby = try await primary.startStandby()
            _ = try await primary.value("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            _ = try await primary.value("SELECT pg_reload_conf()")
            let state = "SELECT sync_state FROM pg_stat_replication"
            while try await primary.value(state) != "sync" { try await Task.sleep(for: .milliseconds(10)) }
            do { try await test(primary, standby) } catch {
                await standby.stop()
                throw error
            }
            await standby.stop()
        }
    }

    @Test(
        "a primary that dies, and its synchronous standby takes over: nothing that was promised is lost, nothing is there twice"
    )
    func failover() async throws {
        try await withSynchronousStandby { primary, standby in
            let uri = try await primary.createDatabase()
            let both = uri.replacing(
                "host=\(primary.directory)", with: "host=\(primary.directory),\(standby.directory)")
            #expect(try PostgreSQLReport.read(both).hasSynchronousStandby)
            try await withWriters(both) { _ in
                try await primary.kill()
                try await standby.promote()
                return both
            }
        }
    }

    @Test("a standby alone is not the primary, and the error says so")
    func standbyAlone() async throws {
        try await withSynchronousStandby { primary, standby in
            let uri = try await primary.createDatabase()
            try await Journal(postgreSQL: uri).add(1)
            try await primary.kill()
            let alone = uri.replacing(
                "host=\(primary.directory)", with: "host=\(primary.directory),\(standby.directory)")
            let error = #expect(throws: JournalError.self) {
                try Journal(postgreSQL: alone, PostgreSQLLimits(retries: .zero))
            }
            guard case .unreachable(let problem) = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(problem.contains("read-only"))
        }
    }

    @Test("a commit that the standby does not have is not promised, even if somebody ends the wait for it")
    func standbyGone() async throws {
        try await withSynchronousStandby { primary, standby in
            let uri = try await primary.createDatabase()
            let limits = PostgreSQLLimits(retries: .seconds(1), readBack: .seconds(2), answer: .seconds(2))
            try await Journal(postgreSQL: uri).add(1)
            let journal = Journal(PostgreSQLDatabase(PostgreSQLConnecting(try PostgreSQLAddress(uri), limits)))
            try await standby.shutDown()
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            async let outcome = Result { try await journal.add(2) }
            while try await primary.value(waiting) == "0" { try await Task.sleep(for: .milliseconds(10)) }
            // The server then says that it is committed, with a warning.
            _ = try await primary.value(
                "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            let result = await outcome
            let error = #expect(throws: JournalError.self) { try result.get() }
            guard case .unknown = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
            // Once it is there again, all goes on, and what was unknown is there.
            try await standby.start()
            let later = try Journal(postgreSQL: uri)
            try await later.add(3)
            #expect(try await later.numbers(app: "blog", limit: 9) == [3, 2, 1])
        }
    }

    @Test("a connection pooler that gives each transaction another session", .needs("pgbouncer"))
    func pooler() async throws {
        try await PostgreSQLServer.withServer { server in
            let pooler = try await PgBouncer.start(before: server)
            let direct = try await server.createDatabase()
            let uri = pooler.uri(direct, of: server)
            let watcher = try Journal(postgreSQL: uri)
            var changes = watcher.changes(of: "app1").makeAsyncIterator()
            await changes.next()
            try await withWriters(uri, 6) { _ in uri }
            // No notice comes through it: what is read every few seconds does.
            while try await watcher.numbers(app: "app1", limit: 1).isEmpty { await changes.next() }
            let report = try PostgreSQLReport.read(uri)
            #expect(report.isPooled && !report.hearsCommits)
            // Nothing of ours has stayed in the few sessions.
            let left = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            #expect(try await server.value(left) == "0")
            await pooler.stop()
        }
    }
}

extension Result where Failure == any Error, Success: Sendable {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
