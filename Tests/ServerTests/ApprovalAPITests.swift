import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Approvals, in the API")
struct ApprovalAPITests {
    private static let promote = "/api/v1/apps/blog/releases/1/promote"

    private static func twoOthers(_ app: inout AppConfiguration) {
        app.verify = .init(timeout: testLimit, approvals: 2, by: .others)
    }

    /// A server with a release of mike's that is paused.
    private func withPaused(
        _ configure: @escaping @Sendable (inout AppConfiguration) -> Void = twoOthers,
        _ body: @escaping @Sendable (TestServer, _ mike: String, _ ann: String, _ bob: String) async throws -> Void
    ) async throws {
        try await withServer(configure: configure) { server in
            var people: [String] = []
            for name in ["mike", "ann", "bob"] { people.append(try await server.token(.deployer, name: name)) }
            let begun = try await server.post(
                "/api/v1/apps/blog/releases", #"{"version": "v2"}"#, token: people[0])
            #expect(begun.status == 201, "\(begun)")
            _ = try await server.release(1, in: .paused)
            try await body(server, people[0], people[1], people[2])
        }
    }

    @Test("each promote is an approval; the release moves with the last one, and says who approved when")
    func counted() async throws {
        try await withPaused { server, _, ann, bob in
            let paused = try await server.get("/api/v1/apps/blog/releases/1")
            #expect(paused.json["approvalsNeeded"].integer == 2 && paused.json["approvers"].string == "others")
            #expect(paused.json["approvals"].isNull && paused.json["awaiting"].string == "promote")
            let approved = try await server.post(Self.promote, token: ann)
            #expect(approved.status == 202, "\(approved)")
            #expect(approved.json["state"].string == "paused" && approved.json["promotedBy"].isNull)
            #expect(approved.json["approvals"].array.map { $0["by"].string } == ["ann"])
            #expect(approved.json["approvals"][0]["at"].string?.hasSuffix("Z") == true)
            let promoted = try await server.post(Self.promote, token: bob)
            #expect(promoted.status == 202 && promoted.json["phase"].string == "switching", "\(promoted)")
            let live = try await server.release(1, in: .live)
            #expect(live.approvals.map(\.by) == ["ann", "bob"] && live.promotedBy == "bob")
            let audit = try await server.journal.audit(limit: 20).filter { ["approve", "promote"].contains($0.action) }
            #expect(audit.map { "\($0.who) \($0.action)" } == ["bob promote", "ann approve"])
            let late = try await server.post(Self.promote, token: ann)
            #expect(late.status == 409 && late.message.hasPrefix("blog/1 was promoted by bob already ("), "\(late)")
            #expect(late.message.hasSuffix("), and is live"))
        }
    }

    @Test("who requested it, and who has approved it before, are refused with why; the audit log has it")
    func refused() async throws {
        try await withPaused { server, mike, ann, _ in
            let own = try await server.post(Self.promote, token: mike)
            #expect(own.status == 409 && own.code == "not_applicable", "\(own)")
            #expect(own.message == "blog/1 was requested by mike: 2 people other than mike have to promote it")
            #expect(try await server.post(Self.promote, token: ann).status == 202)
            let again = try await server.post(Self.promote, token: ann)
            #expect(again.status == 409)
            #expect(
                again.message
                    == "ann has approved blog/1 already, 1 of 2: another person than mike and ann has to promote it")
            // A second token of hers is no second person.
            let other = try await server.token(.admin, name: "Ann")
            #expect(try await server.post(Self.promote, token: other).status == 409)
            let audit = try await server.journal.audit(limit: 20).filter { $0.outcome == .refused }
            #expect(audit.map(\.who) == ["Ann", "ann", "mike"] && audit.allSatisfy { $0.action == "promote" })
            #expect(try await server.get("/api/v1/apps/blog").json["release"]["state"].string == "paused")
        }
    }

    @Test("one abort ends it, also by who requested it")
    func aborted() async throws {
        try await withPaused { server, mike, ann, bob in
            #expect(try await server.post(Self.promote, token: ann).status == 202)
            let abort = try await server.post(
                "/api/v1/apps/blog/releases/1/abort", #"{"reason": "the font"}"#, token: mike)
            #expect(abort.status == 202)
            let late = try await server.post(Self.promote, token: bob)
            #expect(late.status == 409 && late.message.hasPrefix("blog/1 was aborted by mike ("), "\(late)")
            #expect(late.message.contains("): the font"))
            #expect(try await server.release(1, in: .aborted).approvals.map(\.by) == ["ann"])
        }
    }

    @Test("two people at once: exactly one of them promotes it, and the other is told who", arguments: 1...3)
    func race(_ round: Int) async throws {
        try await withPaused({ $0.verify = .init(required: true, timeout: testLimit) }) { server, _, ann, bob in
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for token in [ann, bob] { group.addTask { try await server.post(Self.promote, token: token) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.map(\.status).sorted() == [202, 409], "\(answers)")
            let live = try await server.release(1, in: .live)
            let first = try #require(live.promotedBy)
            let second = answers.first { $0.status == 409 }?.message ?? ""
            #expect(second.hasPrefix("blog/1 was promoted by \(first) already ("), "\(second)")
        }
    }

    // MARK: Without them

    @Test("an admin promotes without the approvals that are missing, with a reason that the audit log has")
    func forced() async throws {
        try await withPaused { server, mike, _, _ in
            let body = #"{"override": true, "reason": "prices are wrong"}"#
            let deployer = try await server.post(Self.promote, body, token: mike)
            #expect(deployer.status == 403, "\(deployer)")
            for body in [#"{"override": true}"#, #"{"override": true, "reason": " "}"#, #"{"reason": "x"}"#] {
                let answer = try await server.post(Self.promote, body)
                #expect(answer.status == 422 && answer.field == "reason", "\(answer)")
            }
            let forced = try await server.post(Self.promote, body)
            #expect(forced.status == 202 && forced.json["forcedReason"].string == "prices are wrong", "\(forced)")
            #expect(forced.json["promotedBy"].string == "anna")
            #expect(forced.json["approvals"].isNull && forced.json["approvalsNeeded"].integer == 2)
            #expect(try await server.release(1, in: .live).state == .live)
            let entry = try #require(
                try await server.journal.audit(limit: 20).first { $0.outcome == .done && $0.who == "anna" })
            #expect(entry.action == "promote" && entry.reason == "prices are wrong")
            #expect(entry.detail == "without the approvals that it needed")
        }
    }

    @Test("an admin whose approval is the last one that is missing forces nothing")
    func notForced() async throws {
        try await withPaused { server, _, ann, _ in
            #expect(try await server.post(Self.promote, token: ann).status == 202)
            let last = try await server.post(Self.promote, #"{"override": true, "reason": "prices"}"#)
            #expect(last.status == 202 && last.json["forcedReason"].isNull, "\(last)")
            #expect(last.json["approvals"].array.map { $0["by"].string } == ["ann", "anna"])
        }
    }

    @Test("a release that is not to pause is refused; an admin may override that, with a reason")
    func noVerify() async throws {
        try await withServer(configure: Self.twoOthers) { server in
            let deployer = try await server.token(.deployer, name: "mike")
            let path = "/api/v1/apps/blog/releases"
            let refused = try await server.post(path, #"{"version": "v2", "verify": false}"#, token: deployer)
            #expect(
                refused.status == 409 && refused.code == "approvals_needed" && refused.field == "verify", "\(refused)")
            #expect(refused.message.hasPrefix("releases of blog need approvals: 2 people other than their requester"))
            #expect(try await server.journal.audit(limit: 1).first?.outcome == .refused)
            let body = #"{"version": "v2", "verify": false, "override": true, "reason": "prices"}"#
            #expect(try await server.post(path, body, token: deployer).status == 403)
            let begun = try await server.post(path, body)
            #expect(begun.status == 201, "\(begun)")
            #expect(begun.json["overrode"].string?.hasPrefix("releases of blog need approvals") == true)
            #expect(begun.json["approvalsNeeded"].isNull)
            let entry = try #require(try await server.journal.audit(limit: 1).first)
            #expect(entry.detail?.contains("in spite of: releases of blog need approvals") == true)
            #expect(try await server.release(1, in: .live).state == .live)
            // The way back asks nobody.
            let back = try await server.post("/api/v1/apps/blog/rollback", #"{"reason": "slow"}"#, token: deployer)
            #expect(back.status == 202, "\(back)")
            #expect(try await server.release(2, in: .live).state == .live)
        }
    }

    @Test("what a hook or a script starts pauses too, and the person whom it names does not count")
    func script() async throws {
        try await withServer(configure: Self.twoOthers) { server in
            let ci = try await server.token(.deployer, name: "ci")
            let call = #"{"app": "blog", "version": "v2", "image": "registry.local:5000/blog:v2"}"#
            let told = try await server.post("/hooks/deploy", call, token: ci)
            #expect(told.status == 202, "\(told)")
            let paused = try await server.release(1, in: .paused)
            #expect(paused.requester == "ci" && paused.needsApprovals)
            #expect(try await server.post(Self.promote, token: ci).status == 409)
        }
    }
}
