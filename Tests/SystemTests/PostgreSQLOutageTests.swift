import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

extension Releases {
    @Suite("Servers whose PostgreSQL goes away", .needsPostgreSQL)
    struct PostgreSQLOutageTests {
        @Test(
            "killed in the middle of a release and started again: the release goes on, and who wants something meanwhile is told that nothing was written"
        )
        func killed() async throws {
            try await KilledDatabase.survive([.paused, .oneNodeSwitched])
        }

        @Test("readiness is true: of a database that is gone, of tables of a newer version and of an older one")
        func readiness() async throws {
            try await PostgreSQLServer.withServer { database in
                let uri = try await database.createDatabase()
                try await withWorld(runningNginx: false) { world in
                    try world.keepJournal(at: uri)
                    try await world.serving { server in
                        try await server.expectReady(200, journal: "ok")
                        // While servers are replaced by a newer version, this one goes on.
                        try await PostgreSQLServer.psql(uri, "INSERT INTO schema_migrations VALUES ('99: newer', 0)")
                        try await server.expectReady(200, journal: "ok")
                        try await PostgreSQLServer.psql(uri, "DELETE FROM schema_migrations WHERE name LIKE '2: %'")
                        try await server.expectReady(503, journal: "has the tables of an older version")
                        try await database.kill()
                        try await server.expectReady(503, journal: "cannot be reached")
                        #expect(try await server.get("/healthz", token: nil).status == 200)
                        try await database.start()
                        try await PostgreSQLServer.psql(uri, "INSERT INTO schema_migrations VALUES ('2: servers', 0)")
                        try await server.expectReady(200, journal: "ok")
                    }
                }
            }
        }

        @Test(
            "the primary dies in the middle of a release: it goes on at the synchronous standby, and no visitor notices"
        )
        func failover() async throws {
            try await withSynchronousStandby { primary, standby in
                let uri = try await primary.createDatabase()
                let both = "host=\(primary.directory),\(standby.directory)"
                try await failOver(primary, standby, uri, uri.replacing("host=\(primary.directory)", with: both))
            }
        }

        @Test("the same with a connection pooler before each of them", .needs("pgbouncer"))
        func poolers() async throws {
            try await withSynchronousStandby { primary, standby in
                let uri = try await primary.createDatabase()
                let poolers = [try await PgBouncer.start(before: primary), try await PgBouncer.start(before: standby)]
                let hosts = [poolers[0].uri(uri, of: primary), poolers[1].uri(standby.uri("x"), of: standby)]
                    .compactMap { $0.firstMatch(of: #/host=([^&]+)/#).map { String($0.1) } }
                let both = "host=\(hosts.joined(separator: ","))&port=6432"
                do {
                    try await failOver(primary, standby, uri, uri.replacing("host=\(primary.directory)", with: both))
                } catch {
                    for pooler in poolers { await pooler.stop() }
                    throw error
                }
                for pooler in poolers { await pooler.stop() }
            }
        }

        private func withSynchronousStandby(
            _ test: (_ primary: PostgreSQLServer, _ standby: PostgreSQLServer) async throws -> Void
        ) async throws {
            try await PostgreSQLServer.withServer { primary in
                let standby = try await primary.startStandby()
                do {
                    _ = try await primary.value("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
                    _ = try await primary.value("SELECT pg_reload_conf()")
                    let isSynchronous = try await eventually(within: .seconds(600)) {
                        try await primary.value("SELECT sync_state FROM pg_stat_replication") == "sync"
                    }
                    #expect(isSynchronous)
                    try await test(primary, standby)
                } catch {
                    await standby.stop()
                    throw error
                }
                await standby.stop()
            }
        }

        /// A release during which the primary dies and the standby takes over. `both` names them for Viridian, `uri` is the primary's for the
        /// test.
        private func failOver(
            _ primary: PostgreSQLServer, _ standby: PostgreSQLServer, _ uri: String, _ both: String
        ) async throws {
            let database = uri.replacing("host=\(primary.directory)", with: "host=\(standby.directory)")
            try await withWorld { world in
                try world.keepJournal(at: both)
                try await world.release("v1")
                let token = try await world.token()
                let hold = try await JournalHold(uri)
                let (_, watched) = try await world.watched {
                    try await world.serving { server in
                        try await hold.begin(at: .oneNodeSwitched, of: 2)
                        let body = #"{"version": "v2"}"#
                        let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token)
                        #expect(answer.status == 201)
                        try await hold.waitUntilReached()
                        try await primary.kill()
                        try await standby.promote()
                        try await server.waitLong(for: "live", of: 2, token)
                    }
                }
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                JournalLine.expectOnce(try await JournalLine.all(of: 2, in: database), takenUp: 0)
                try await world.expectLive("v2", on: "green", release: 2)
            }
        }
    }
}

extension Serving {
    fileprivate func expectReady(
        _ status: Int, journal: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await get("/readyz", token: nil)
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(answer.status == status, "\(text)", sourceLocation: sourceLocation)
        #expect(try JSON(parsing: answer.body)["journal"]?.string == journal, "\(text)", sourceLocation: sourceLocation)
    }
}

/// Two servers whose database is killed and started again in the middle of releases.
struct KilledDatabase: Sendable {
    private let world: World
    private let database: PostgreSQLServer
    private let uri: String
    private let hold: JournalHold
    private let token: String

    static func survive(_ moments: [ReleaseMoment]) async throws {
        try await PostgreSQLServer.withServer { database in
            let uri = try await database.createDatabase()
            try await withWorld { world in
                try world.keepJournal(at: uri)
                try await world.release("v1")
                let test = KilledDatabase(
                    world: world, database: database, uri: uri, hold: try await JournalHold(uri),
                    token: try await world.token())
                let (standstills, watched) = try await world.watched { try await test.run(moments) }
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                let most = standstills.max() ?? 0
                print(
                    "outages: \(moments.count) releases, each with PostgreSQL killed; \(watched.sent) requests, "
                        + "\(watched.failures.count) failed; the next event at most \(most.text) s after PostgreSQL was back"
                )
            }
        }
    }

    private func run(_ moments: [ReleaseMoment]) async throws -> [Double] {
        try await world.withServers { servers in
            let both = [try await servers.start().serving, try await servers.start().serving]
            var standstills: [Double] = []
            for (index, moment) in moments.enumerated() {
                standstills.append(
                    try await release(index + 2, killedAt: moment, at: both[index % 2], other: both[(index + 1) % 2]))
            }
            return standstills
        }
    }

    /// - Returns: how many seconds after PostgreSQL was there again the next event was written.
    private func release(
        _ number: Int, killedAt moment: ReleaseMoment, at server: Serving, other: Serving
    ) async throws -> Double {
        let reloads = try world.reloads()
        if moment != .paused { try await hold.begin(at: moment, of: number) }
        let body = #"{"version": "v\#(number)", "verify": \#(moment == .paused)}"#
        let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token)
        #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        if moment == .paused {
            try await server.waitLong(for: "paused", of: number, token)
        } else {
            try await hold.waitUntilReached()
        }
        let written = moment == .paused ? try await JournalLine.all(of: number, in: uri).count : nil
        try await database.kill()
        try await expectRefused(moment == .paused ? "promote" : "abort", number, other)
        try await database.start()
        let back = Date()
        if let written {
            // Nothing is half done: it is as it was.
            let now = try await JournalLine.all(of: number, in: uri)
            let state = try await server.state(of: number, token)
            #expect(now.count == written && state == "paused", "\(now)")
            let path = "/api/v1/apps/blog/releases/\(number)/promote"
            #expect(try await other.post(path, "{}", token: token).status == 202)
        }
        try await server.waitLong(for: "live", of: number, token)
        let lines = try await JournalLine.all(of: number, in: uri)
        JournalLine.expectOnce(lines, takenUp: 0, promoted: moment == .paused ? 1 : 0)
        #expect(try await world.served() == ["v\(number)", "v\(number)"])
        #expect(try world.reloads() == reloads.map { $0 + 1 }, "\(moment)")
        // What was only to be written when PostgreSQL came back happened before that.
        return lines.first { $0.at > back }?.at.timeIntervalSince(back) ?? 0
    }

    /// What a person wants while the database is away: through a server, by the command line through a server, and without one.
    private func expectRefused(_ verb: String, _ number: Int, _ server: Serving) async throws {
        let answer = try await server.post("/api/v1/apps/blog/releases/\(number)/\(verb)", "{}", token: token)
        let error = try JSON(parsing: answer.body)[at: "error.message"]?.string ?? ""
        #expect(answer.status == 503 && error.contains("cannot be reached"), "\(answer.status) \(error)")
        #expect(error.contains("Nothing was written; what is live stays live"), "\(error)")
        for environment in [[:], ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token]] {
            let said = try await world.viridian.run([verb, "blog"], environment: environment)
            #expect(said.status == 1 && said.errorLines.count == 1, "\(said)")
            #expect(said.error.contains("Nothing was written"), "\(said)")
        }
        #expect(try await server.get("/readyz", token: nil).status == 503)
        let metrics = try await server.get("/metrics", token: nil)
        #expect(metrics.status == 200)
        #expect(String(decoding: metrics.body, as: UTF8.self).contains("viridian_journal_writable 0\n"))
    }
}
