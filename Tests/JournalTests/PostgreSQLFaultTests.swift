import Foundation
import ReleaseMachine
import Synchronization
import TestSupport
import Testing

@testable import Journal
@testable import JournalPostgreSQL

@Suite("A connection to PostgreSQL that breaks", .needsPostgreSQL, .postgreSQL)
struct PostgreSQLFaultTests {
    /// A journal behind a proxy, and the same one without.
    private func withJournals(
        _ limits: PostgreSQLLimits? = nil, _ options: String = "connect_timeout=5",
        _ test: @escaping @Sendable (_ proxied: Journal, _ direct: Journal, FaultyProxy) async throws -> Void
    ) async throws {
        let server = try #require(PostgreSQLServer.current)
        let uri = try await server.createDatabase()
        let direct = try Journal(postgreSQL: uri)
        try await withFaultyProxy(to: server.socket) { proxy in
            let place = uri.replacing("host=\(server.directory)", with: "host=127.0.0.1&port=\(proxy.port)")
            let address = try PostgreSQLAddress(place + "&" + options)
            let journal = Journal(PostgreSQLDatabase(PostgreSQLConnecting(address, limits ?? PostgreSQLLimits())))
            try await test(journal, direct, proxy)
        }
    }

    /// Counts how often a transaction's body is run.
    private final class Runs: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    private func session(_ journal: Journal, _ runs: Runs) async throws(JournalError) -> Int {
        try await journal.write { database in
            runs.add()
            try database.execute(
                sql: "INSERT INTO sessions (hash, token, csrf, created_at, seen_at) VALUES (?, 't', 'c', 0, 0)",
                arguments: [Data([UInt8(runs.count)])])
            return runs.count
        }
    }

    private func sessions(_ journal: Journal) async throws -> Int? {
        try await journal.read { try $0.value(Int.self, sql: "SELECT count(*) FROM sessions") }
    }

    /// What is done once, from the next COMMIT on: with it, and with what the server answers.
    private func once(_ commit: FaultyProxy.Action, answer: FaultyProxy.Action) -> FaultyProxy.Rule {
        let state = Mutex((isDone: false, isCommitting: false))
        return { side, bytes in
            state.withLock { state in
                if state.isDone { return .pass }
                if side == .client, bytes.contains(text: "COMMIT\0") {
                    state.isCommitting = true
                    if commit != .pass { state.isDone = true }
                    return commit
                }
                guard side == .server, state.isCommitting else { return .pass }
                state.isDone = true
                return answer
            }
        }
    }

    @Test("before the commit arrives: it is done again, once")
    func beforeCommit() async throws {
        try await withJournals { journal, direct, proxy in
            proxy.set(once(.cut, answer: .pass))
            let runs = Runs()
            let run = try await session(journal, runs)
            #expect(run == 2 && runs.count == 2)
            let written = try await sessions(direct)
            #expect(written == 1)
        }
    }

    @Test("after the commit, before its answer: it is read back, and not done again")
    func answerLost() async throws {
        try await withJournals { journal, direct, proxy in
            proxy.set(once(.pass, answer: .cut))
            let runs = Runs()
            let run = try await session(journal, runs)
            #expect(run == 1 && runs.count == 1)
            let written = try await sessions(direct)
            #expect(written == 1)
        }
    }

    @Test("in the middle of a transaction: it is done again")
    func inTheMiddle() async throws {
        try await withJournals { journal, direct, proxy in
            let isDone = Mutex(false)
            proxy.set { side, bytes in
                guard side == .client, bytes.contains(text: "INSERT INTO events") else { return .pass }
                return isDone.withLock { isDone in
                    defer { isDone = true }
                    return isDone ? .pass : .cut
                }
            }
            try await journal.add(1, lines: 2)
            #expect(try await direct.events(app: "blog", number: 1).count == 3)
        }
    }

    @Test("for good, once the commit was sent: nobody knows, and the error says so")
    func unknown() async throws {
        let limits = PostgreSQLLimits(retries: .milliseconds(200), readBack: .milliseconds(500))
        try await withJournals(limits) { journal, direct, proxy in
            let isCommitting = Mutex(false)
            proxy.set { side, bytes in
                isCommitting.withLock { isCommitting in
                    if isCommitting { return .cut }
                    isCommitting = side == .client && bytes.contains(text: "COMMIT\0")
                    return .pass
                }
            }
            let error = await #expect(throws: JournalError.self) { try await journal.add(1) }
            guard case .unknown = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.description.contains("look at the release's state before you repeat it") == true)
            // The same journal goes on once the server can be reached.
            proxy.set(nil)
            try await journal.add(2)
            #expect(try await direct.numbers(app: "blog", limit: 9).contains(2))
        }
    }

    @Test("for good, before: nothing was written, and the error says so; it goes on by itself")
    func unreachable() async throws {
        try await withJournals(PostgreSQLLimits(retries: .milliseconds(200))) { journal, direct, proxy in
            try await journal.add(1)
            proxy.set { _, _ in .cut }
            for _ in 1...2 {
                let error = await #expect(throws: JournalError.self) { try await journal.add(2) }
                guard case .unreachable = error?.kind else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(error?.description.contains("Nothing was written") == true)
            }
            await #expect(throws: JournalError.self) { try await journal.heads() }
            await #expect(throws: JournalError.self) { try await journal.checkWritable() }
            proxy.set(nil)
            try await journal.add(2)
            try await journal.checkWritable()
            #expect(try await direct.numbers(app: "blog", limit: 9) == [2, 1])
        }
    }

    @Test("a server that is silent is not waited for for ever")
    func silent() async throws {
        let limits = PostgreSQLLimits(retries: .milliseconds(200), readBack: .seconds(1), answer: .seconds(1))
        try await withJournals(limits) { journal, direct, proxy in
            // What is asked does not arrive.
            proxy.set { side, bytes in side == .client && bytes.contains(text: "INSERT INTO events") ? .swallow : .pass
            }
            let error = await #expect(throws: JournalError.self) { try await journal.add(1) }
            guard case .unreachable(let problem) = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(problem.contains("has not answered for"))
            // Nor does a connection that is new.
            proxy.set { side, _ in side == .server ? .swallow : .pass }
            await #expect(throws: JournalError.self) { try await journal.heads() }
            let numbers = try await direct.numbers(app: "blog", limit: 1)
            #expect(numbers == [])
        }
    }

    @Test("a pooler that lets programs connect, while no server is behind it, does not keep them from the next one")
    func pooler() async throws {
        let server = try #require(PostgreSQLServer.current)
        let uri = try await server.createDatabase()
        try await withFaultyProxy(to: server.socket) { proxy in
            let both = "host=127.0.0.1,\(server.directory)&port=\(proxy.port),5432"
            let journal = try Journal(postgreSQL: uri.replacing("host=\(server.directory)", with: both))
            try await journal.add(1)
            proxy.set { side, bytes in side == .client && bytes.contains(text: "BEGIN") ? .cut : .pass }
            try await journal.add(2)
            let numbers = try await journal.numbers(app: "blog", limit: 9)
            #expect(numbers == [2, 1])
        }
    }

    @Test("those who wait for their turn while nothing answers are all told soon, not one after the other")
    func manyWaiting() async throws {
        try await withJournals(PostgreSQLLimits(retries: .milliseconds(200)), "connect_timeout=1") {
            journal, _, proxy in
            let attempts = Runs()
            proxy.set { side, _ in
                if side == .client { attempts.add() }
                return .swallow
            }
            await withTaskGroup(of: Bool.self) { group in
                for number in 1...20 {
                    group.addTask {
                        do {
                            try await journal.add(number)
                            return false
                        } catch {
                            guard case .unreachable = (error as? JournalError)?.kind else { return false }
                            return true
                        }
                    }
                }
                for await isTold in group { #expect(isTold) }
            }
            // Two for each of those that tried.
            #expect(attempts.count < 20, "\(attempts.count)")
        }
    }

    @Test("another program that stops in the middle of a transaction keeps nobody waiting for long")
    func stopped() async throws {
        try await withJournals(PostgreSQLLimits(idle: .seconds(1))) { stopped, direct, proxy in
            // Its COMMIT never arrives: the server ends the transaction, which has the lock.
            proxy.set(once(.swallow, answer: .pass))
            async let first: Void = stopped.add(1)
            try await direct.add(2)
            // It learns that, and does it again.
            try await first
            #expect(try await direct.numbers(app: "blog", limit: 9) == [2, 1])
        }
    }

    @Test("the watch of changes connects again, and tells what came meanwhile")
    func watching() async throws {
        try await withJournals { journal, direct, proxy in
            var changes = journal.changes(of: "blog").makeAsyncIterator()
            await changes.next()
            proxy.set { _, _ in .cut }
            try await direct.add(1)
            proxy.set(nil)
            while (try? await journal.numbers(app: "blog", limit: 1)) != [1] { await changes.next() }
            try await direct.add(2)
            while try await journal.numbers(app: "blog", limit: 1) != [2] { await changes.next() }
        }
    }

    @Test("a disk that is full: the event is refused, those before it stay, and it goes on once there is space")
    func fullDisk() async throws {
        try await PostgreSQLServer.withServer { server in
            let uri = try await server.createDatabase()
            let journal = try Journal(postgreSQL: uri)
            try await journal.note(AuditEntry(at: Sample.start, who: "anna", action: "repair", origin: "cli"))
            // The file of the events is where nothing can be written (full(4)). Their first page is not made yet.
            let file =
                server.directory + "/data/"
                + (try await PostgreSQLServer.psql(uri, "SELECT pg_relation_filepath('events')"))
            try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
            try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "/dev/full")
            let fresh = try Journal(postgreSQL: uri)
            let error = await #expect(throws: JournalError.self) { try await fresh.add(1) }
            #expect(error?.kind == .unusable("its disk is full"))
            let heads = try await fresh.heads()
            let audit = try await fresh.audit(limit: 9).count
            #expect(heads.isEmpty && audit == 1)
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.moveItem(atPath: file + ".away", toPath: file)
            try await Journal(postgreSQL: uri).add(1)
        }
    }

    @Test("a password that is wrong or missing is said at once, with what to do")
    func password() async throws {
        try await PostgreSQLServer.withServer { server in
            _ = try await server.value("CREATE ROLE anna LOGIN PASSWORD 'right'")
            _ = try await server.value("CREATE DATABASE viridian OWNER anna")
            try await server.shutDown()
            // In place: the file has to stay the server's.
            let file = try FileHandle(forWritingTo: URL(filePath: server.directory + "/data/pg_hba.conf"))
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data("local all anna scram-sha-256\nlocal all all trust\n".utf8))
            try file.close()
            try await server.start()
            let uri = "postgresql://anna:%@/viridian?host=\(server.directory)"
            try await Journal(postgreSQL: uri.replacing("%", with: "right")).add(1)
            let wrong = #expect(throws: JournalError.self) {
                try Journal(postgreSQL: uri.replacing("%", with: "wr0ng"))
            }
            #expect(
                wrong?.description.contains("password authentication failed for user \"anna\": check the user") == true)
            #expect(wrong?.description.contains("wr0ng") == false)
            let missing = #expect(throws: JournalError.self) { try Journal(postgreSQL: uri.replacing(":%", with: "")) }
            #expect(missing?.description.contains("a password is needed") == true)
        }
    }
}

extension [UInt8] {
    fileprivate func contains(text: String) -> Bool { self.firstRange(of: Array(text.utf8)) != nil }
}
