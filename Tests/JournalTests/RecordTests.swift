import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("Beside the events: heads, audit, tokens, sessions, keys")
    struct RecordTests {
        private let start = Timestamp(milliseconds: 1_445_783_643_000)

        @Test(
            "heads move with every event, also of an older release, and tell what came after a position",
            arguments: Backend.here)
        func heads(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.add(1, lines: 2)
            try await journal.add(1, app: "shop")
            let before = try #require(try await journal.heads().last?.position)
            #expect(try await journal.heads(after: before) == [])
            try await journal.add(2)
            let second = try #require(try await journal.heads(after: before).first)
            #expect(second.app == "blog" && second.number == 2 && second.sequence == 1)
            try await journal.append([Sample.recorded(4, .replaced(by: 2, rolledBack: false))], app: "blog", number: 1)
            let third = try #require(try await journal.heads(after: second.position).first)
            #expect(third.number == 2 && third.sequence == 1, "the newest release stays the newest")
        }

        @Test("a request and its entry in the audit log are written together, or not at all", arguments: Backend.here)
        func audit(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let event = Sample.request(1)
            let entry = try #require(AuditEntry(event, app: "blog", number: 1, origin: "10.0.0.1"))
            let request = KeyedRequest(owner: "tok_1", key: "k", hash: [1, 2])
            try await journal.append([event], app: "blog", number: 1, audit: [entry], request: request)
            await #expect(throws: JournalError.self) {
                try await journal.append([event], app: "blog", number: 1, audit: [entry])
            }
            let entries = try await journal.audit(limit: 10)
            #expect(
                entries.count == 1 && entries[0].who == "anna" && entries[0].action == "deploy" && entries[0].id > 0)
            #expect(
                entries[0].origin == "10.0.0.1" && entries[0].release == 1 && entries[0].detail == "20151025.143403")
            let answered = try #require(try await journal.answered(owner: "tok_1", key: "k"))
            #expect(answered.app == "blog" && answered.number == 1 && answered.hash == [1, 2])
            #expect(try await journal.answered(owner: "tok_2", key: "k") == nil)
            #expect(AuditEntry(Sample.recorded(2, .podsReady), app: "blog", number: 1, origin: "x") == nil)
        }

        @Test(
            "the audit log can be read in pages and for some apps, and cannot be changed or shortened",
            arguments: Backend.here)
        func auditPages(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            for number in 1...5 {
                try await journal.note(
                    AuditEntry(
                        at: start, who: "anna", action: "repair", app: number % 2 == 0 ? "shop" : "blog", origin: "cli",
                        reason: "'; DROP TABLE audit --"))
            }
            let newest = try await journal.audit(limit: 2)
            #expect(newest.map(\.app) == ["blog", "shop"])
            #expect(try await journal.audit(limit: 10, before: newest[1].id).count == 3)
            #expect(try await journal.audit(limit: 10, apps: ["shop"]).count == 2)
            #expect(try await journal.audit(limit: 10, apps: []) == [])
            for sql in ["UPDATE audit SET who = 'eve'", "DELETE FROM audit"] {
                let refusal = await place.refusal(of: sql)
                #expect(refusal?.contains("the audit log is never ") == true)
            }
        }

        @Test("a token is known by its hash, until it expires or is revoked", arguments: Backend.here)
        func tokens(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let entry = AuditEntry(at: start, who: "anna", action: "token.create", origin: "cli")
            let token = TokenRecord(
                id: "tok_1", name: "ci", role: .deployer, apps: ["blog", "shop"], createdAt: start, createdBy: "anna",
                expiresAt: start + .seconds(60))
            try await journal.add(token, hash: [1, 2, 3], audit: entry)
            #expect(try await journal.token(hash: [1, 2, 3]) == token)
            #expect(try await journal.token(hash: [1, 2]) == nil)
            #expect(token.isGood(at: start) && !token.isGood(at: start + .seconds(60)))
            try await journal.noteUse(ofToken: "tok_1", at: start + .seconds(5))
            try await journal.noteUse(ofToken: "tok_1", at: start + .seconds(4))
            #expect(try await journal.token(id: "tok_1")?.usedAt == start + .seconds(5))
            let session = SessionRecord(token: "tok_1", csrf: "c", createdAt: start, seenAt: start)
            try await journal.add(session, hash: [9])
            #expect(try await journal.session(hash: [9]) == session)
            #expect(try await journal.revokeToken(id: "tok_1", at: start, audit: entry))
            #expect(try await !journal.revokeToken(id: "tok_1", at: start, audit: entry))
            #expect(try await journal.token(id: "tok_1")?.isGood(at: start) == false)
            #expect(try await journal.session(hash: [9]) == nil)
            #expect(try await journal.audit(limit: 10).count == 2)
        }

        @Test("sessions that were idle for too long, or are too old, are deleted", arguments: Backend.here)
        func sessions(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            func add(_ hash: UInt8, created: Int, seen: Int) async throws {
                let session = SessionRecord(
                    token: "t", csrf: "c", createdAt: start + .seconds(created), seenAt: start + .seconds(seen))
                try await journal.add(session, hash: [hash])
            }
            try await add(1, created: 0, seen: 100)
            try await add(2, created: 50, seen: 60)
            try await add(3, created: 50, seen: 100)
            try await journal.forgetSessions(notSeenSince: start + .seconds(90), begunBefore: start + .seconds(10))
            #expect(try await journal.session(hash: [1]) == nil)
            #expect(try await journal.session(hash: [2]) == nil)
            try await journal.noteVisit(ofSession: [3], at: start + .seconds(200))
            #expect(try await journal.session(hash: [3])?.seenAt == start + .seconds(200))
            try await journal.endSession(hash: [3])
            #expect(try await journal.session(hash: [3]) == nil)
        }

        @Test("a role includes the roles below it")
        func roles() {
            #expect(Role.viewer < .deployer && .deployer < .admin)
        }
    }
}
