import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Pages about images of one tag")
struct RollbackPageTests {
    private typealias Visitor = PagesTests.Visitor

    /// Releases an image of `latest`.
    private func release(
        _ digest: Character, _ number: Int, _ server: TestServer, more: String = "", in state: Release.State = .live
    ) async throws {
        try await server.journal.note(
            PushedVersion(
                app: "blog", version: "latest", digest: AdmissionTesting.digest(digest),
                pushedAt: Timestamp(milliseconds: Int64(number)), sender: "registry"))
        let begun = try await server.deploy("latest", more: more)
        #expect(begun.json["digest"].string == AdmissionTesting.digest(digest), "\(begun)")
        _ = try await server.release(number, in: state)
    }

    @Test("the rollback's page names each by its digest, and brings back the one that is chosen")
    func rollback() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: server.admin)
            for (index, digest) in ["a", "b", "c"].enumerated() {
                try await release(Character(digest), index + 1, server)
            }
            let app = Outline(try await visitor.get("/apps/blog").text).text
            #expect(app.contains("Roll back to latest (sha256:bbbbbbbb…)"), "\(app)")
            let path = "/apps/blog/rollback"
            let page = try await visitor.get(path).text
            for digest: Character in ["a", "b"] {
                #expect(page.contains("value=\"latest@\(AdmissionTesting.digest(digest))\""), "\(page)")
            }
            #expect(!page.contains("latest@sha256:cccc"), "\(page)")
            let answer = try await visitor.send(
                path, ["to": "latest@\(AdmissionTesting.digest("a"))"], from: path)
            #expect(answer.status == 303, "\(answer)")
            #expect(try await server.release(4, in: .live).order.digest == AdmissionTesting.digest("a"))
            let bad = try await server.post("/api/v1/apps/blog/rollback", #"{"to": "latest@sha256:aa"}"#)
            #expect(bad.status == 422 && bad.field == "to", "\(bad)")
            let back = try await server.post("/api/v1/apps/blog/rollback", #"{"to": "latest@sha256:cccccccc"}"#)
            #expect(back.status == 202 && back.json["digest"].string == AdmissionTesting.digest("c"), "\(back)")
            _ = try await server.release(5, in: .live)
        }
    }

    @Test("promote and abort name both images")
    func confirmations() async throws {
        try await withServer { server in
            let visitor = try await Visitor(server, token: server.admin)
            try await release("a", 1, server)
            try await release("b", 2, server, more: #", "verify": true"#, in: .paused)
            let promote = Outline(try await visitor.get("/apps/blog/releases/2/promote").text).text
            #expect(promote.contains("visitors get latest (sha256:bbbbbbbb…)"), "\(promote)")
            #expect(promote.contains("latest (sha256:aaaaaaaa…) on "), "\(promote)")
            let abort = Outline(try await visitor.get("/apps/blog/releases/2/abort").text).text
            #expect(abort.contains("The pods of latest (sha256:bbbbbbbb…)"), "\(abort)")
            #expect(abort.contains("visitors get latest (sha256:aaaaaaaa…)"), "\(abort)")
        }
    }
}
