import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

extension Releases {
    /// PostgreSQL with a standby that is not synchronous: it is behind when the primary dies, and takes over all the same.
    @Suite("A failover that loses what was acknowledged", .needsPostgreSQL)
    struct LostJournalTests {
        /// A world whose journal is on both servers.
        private func withAsynchronousStandby(
            _ body:
                @escaping @Sendable (World, _ primary: PostgreSQLServer, _ standby: PostgreSQLServer) async throws
                -> Void
        ) async throws {
            try await PostgreSQLServer.withServer { primary in
                let standby = try await primary.startStandby()
                do {
                    let uri = try await primary.createDatabase()
                    let both = "host=\(primary.directory),\(standby.directory)"
                    try await withWorld { world in
                        try world.keepJournal(at: uri.replacing("host=\(primary.directory)", with: both))
                        try await body(world, primary, standby)
                    }
                } catch {
                    await standby.stop()
                    throw error
                }
                await standby.stop()
            }
        }

        /// The standby has all that was written, and gets nothing more.
        private func cut(_ standby: PostgreSQLServer, from primary: PostgreSQLServer) async throws {
            let end = try await primary.value("SELECT pg_current_wal_lsn()")
            let hasAll = "SELECT coalesce(pg_last_wal_replay_lsn() >= '\(end)'::pg_lsn, false)"
            let isThere = try await eventually(within: .seconds(600)) { try await standby.value(hasAll) == "t" }
            #expect(isThere)
            _ = try await standby.value("ALTER SYSTEM SET primary_conninfo = ''")
            _ = try await standby.value("SELECT pg_reload_conf()")
            let isCut = try await eventually(within: .seconds(600)) {
                let receivers = try await standby.value("SELECT count(*) FROM pg_stat_wal_receiver")
                let senders = try await primary.value("SELECT count(*) FROM pg_stat_replication")
                return receivers == "0" && senders == "0"
            }
            #expect(isCut)
        }

        private func journalInLease(_ world: World) async throws -> String? {
            try await world.client.get(.leases, "viridian", namespace: "blog")[at: "metadata.annotations"]?[
                "viridian.dev/journal"]?.string
        }

        @Test("an abort that was acknowledged is lost: the release does not go on, and can be ended by a person")
        func lostAbort() async throws {
            try await withAsynchronousStandby { world, primary, standby in
                try await world.release("v1")
                let paused = try await world.viridian(
                    "deploy", "blog", "--version", "v2", "--verify", "--wait", "paused")
                #expect(paused.status == 3, "\(paused)")
                try await cut(standby, from: primary)
                let aborted = try await world.viridian("abort", "blog")
                #expect(aborted.status == 0, "\(aborted)")
                let seen = try #require(try await journalInLease(world))
                try await primary.kill()
                try await standby.promote()

                // The journal says that it is paused.
                for words in [
                    ["promote", "blog"], ["deploy", "blog", "--version", "v2"], ["rollback", "blog", "--to", "v1"],
                ] {
                    let said = try await world.viridian.run(words)
                    #expect(said.status == 1, "\(said)")
                    #expect(said.error.contains("the journal has gone back: it had acknowledged event"), "\(said)")
                    #expect(said.error.contains("cluster: blue is live with v1"), "\(said)")
                    #expect(said.error.contains("viridian journal accept blog --reason"), "\(said)")
                }
                #expect(try await journalInLease(world) == seen)
                #expect(try await world.served() == ["v1", "v1"])
                #expect(try await world.workloads() == ["blog-blue"])

                let accepted = try await world.viridian("journal", "accept", "blog", "--reason", "db1 burned down")
                #expect(accepted.status == 0, "\(accepted)")
                #expect(accepted.lines.first == "blog/2 (v2) has ended: failed", "\(accepted)")
                let again = try await world.viridian("journal", "accept", "blog", "--reason", "db1 burned down")
                #expect(again.status == 1 && again.error.contains("nothing is to be accepted"), "\(again)")
                let audit = try await world.viridian("audit", "-o", "json").jsonLines
                #expect(audit.first?["action"]?.string == "journal.accept", "\(audit)")
                #expect(audit.first?["reason"]?.string == "db1 burned down", "\(audit)")
                let repaired = try await world.viridian("repair", "blog")
                #expect(repaired.status == 0, "\(repaired)")
                try await world.release("v3")
                try await world.expectLive("v3", on: "green", release: 3)
            }
        }

        @Test("a server that runs the release stops it, refuses the next one, and goes on after the loss was accepted")
        func atAServer() async throws {
            try await withAsynchronousStandby { world, primary, standby in
                try await world.release("v1")
                let token = try await world.token()
                try await world.serving { server in
                    try await cut(standby, from: primary)
                    let body = #"{"version": "v2", "verify": true}"#
                    let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token)
                    #expect(answer.status == 201)
                    try await server.wait(for: "paused", of: 2, token)
                    try await primary.kill()
                    try await standby.promote()
                    // It misses its own events, writes into the Lease what it had been told, and gives that up.
                    let hasStopped = try await eventually(within: .seconds(600)) {
                        let lease = try await world.client.get(.leases, "viridian", namespace: "blog")
                        return lease[at: "spec.holderIdentity"]?.string ?? "" == ""
                    }
                    #expect(hasStopped)
                    #expect(try await journalInLease(world)?.hasPrefix("2/") == true)
                    let next = #"{"version": "v3"}"#
                    let refused = try await server.post("/api/v1/apps/blog/releases", next, token: token)
                    let text = String(decoding: refused.body, as: UTF8.self)
                    #expect(
                        refused.status == 409 && text.contains("nothing of it: its newest release is blog/1"), "\(text)"
                    )
                    #expect(try await world.served() == ["v1", "v1"])

                    let accepted = try await world.viridian("journal", "accept", "blog", "--reason", "db1 is gone")
                    #expect(accepted.status == 0, "\(accepted)")
                    let isStarted = try await eventually(within: .seconds(600)) {
                        try await server.post("/api/v1/apps/blog/releases", next, token: token).status == 201
                    }
                    #expect(isStarted)
                    let isLive = try await eventually(within: .seconds(600)) {
                        try await server.state(of: 3, token) == "live"
                    }
                    #expect(isLive)
                }
                try await world.expectLive("v3", on: "green", release: 3)
            }
        }
    }
}
