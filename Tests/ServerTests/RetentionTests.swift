import Foundation
import Journal
import JournalSQLite
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Controller
@testable import Server

@Suite("A server with `keep`")
struct RetentionTests {
    private static let day = Duration.seconds(86_400)

    /// Releases that were aborted so many days ago.
    private func add(_ journal: Journal, _ numbers: ClosedRange<Int>, daysAgo days: Int) async throws {
        let survey = Survey(
            live: LiveVersion(color: .blue, version: "v0"), candidate: .green, replicas: 1, nodes: ["10.122.43.70"])
        let story: [Event] = [
            .discovered(survey), .abortRequested(by: "anna", reason: nil),
            .readBack([NodeReading(node: "10.122.43.70", color: .blue)]), .candidateRemoved,
        ]
        for number in numbers {
            let order = Order(
                app: "blog", number: number, version: "v\(number)", image: "registry.local:5000/blog:v\(number)",
                requestedBy: "anna")
            let at = SystemClock().now + (.zero - Self.day * days)
            let events = ([.requested(order)] + story).enumerated().map {
                RecordedEvent(sequence: $0 + 1, at: at, event: $1)
            }
            #expect(Release(folding: events)?.state.hasEnded == true)
            try await journal.append(events, app: "blog", number: number)
        }
    }

    @Test("deletes what is older when it starts, and says so where somebody asks for it; the rest is as before")
    func deletes() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        try await add(journal, 1...60, daysAgo: 500)
        try await withServer(folder: folder, settings: { $0.keep = Self.day * 400 }) { server in
            let deleted = try #require(
                try await eventually { try await server.journal.deletedRelease(app: "blog", number: 10) })
            let visitor = try await PagesTests.Visitor(server, token: server.admin)
            let path = "apps/blog/releases"
            for place in ["10", "10/log.txt", "10/abort"] {
                let page = try await visitor.get("/\(path)/\(place)")
                #expect(page.status == 404 && page.text.contains(deleted.description), "\(place): \(page)")
            }
            for place in ["10", "10/events"] {
                let answer = try await server.get("/api/v1/\(path)/\(place)")
                #expect(answer.status == 404 && answer.code == "not_found" && answer.message == deleted.description)
            }
            let never = try await server.get("/api/v1/\(path)/61")
            #expect(never.status == 404 && never.message == "there is no release blog/61")
            // What was there before the server read it, and what is listed.
            let list = try await server.get("/api/v1/\(path)?limit=200")
            let numbers = list.json["releases"].array.compactMap { $0["number"].integer }
            #expect(numbers == (11...60).reversed() && list.json["next"].integer == nil)
            let older = try await visitor.get("/apps/blog?before=12")
            #expect(older.text.contains("/apps/blog/releases/11") && !older.text.contains("/apps/blog/releases/10"))
            let kept = try await server.get("/api/v1/\(path)/11")
            #expect(kept.status == 200)
            let next = try await server.deploy()
            #expect(next.json["number"].integer == 61, "\(next)")
        }
    }

    @Test("without it nothing is deleted")
    func keepsAll() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        try await add(journal, 1...51, daysAgo: 5000)
        try await withServer(folder: folder) { server in
            await server.services.retentionWork()
            let numbers = try await server.journal.numbers(app: "blog", limit: 100)
            #expect(numbers.count == 51)
        }
    }

    @Test("one of two servers on a journal does it for both")
    func two() async throws {
        let folder = try TestFolder()
        try await withServer(folder: folder, settings: { $0.keep = Self.day * 400 }) { first in
            let duty = Claim(.duty, "retention")
            let holder = try await eventually { try await first.journal.holder(of: duty) }
            #expect(holder == first.services.presence.id)
            try await withServer(folder: folder, me: "server-2", hasToken: false) { second in
                let isHeld = await JournalLease("retention", second.services.presence).isHeld()
                #expect(!isHeld)
            }
        }
    }
}
