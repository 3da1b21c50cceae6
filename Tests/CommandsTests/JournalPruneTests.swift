import ArgumentParser
import Foundation
import Journal
import JournalSQLite
import ReleaseMachine
import Testing

@testable import Commands
@testable import Controller

@Suite("viridian journal prune")
struct JournalPruneTests {
    /// An installation whose journal has 51 releases that ended two years ago.
    private func withInstallation(_ more: String = "", _ body: (String, Journal) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "prune-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder + "/apps", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("nodes: {inventory: static, static: [10.122.43.70]}\n\(more)".utf8)
            .write(to: URL(filePath: folder + "/viridian.yaml"))
        let app = "app: blog\nimage: registry.local:5000/blog\nports: {container: 9000, blue: 30000, green: 30001}\n"
        try Data(app.utf8).write(to: URL(filePath: folder + "/apps/blog.yaml"))
        let journal = try Journal(path: folder + "/viridian.sqlite")
        let at = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) - 730 * 86_400_000)
        let survey = Survey(live: nil, candidate: .blue, replicas: 1, nodes: ["10.122.43.70"])
        let story: [Event] = [
            .discovered(survey), .abortRequested(by: "anna", reason: nil),
            .readBack([NodeReading(node: "10.122.43.70", color: nil)]), .candidateRemoved,
        ]
        for number in 1...51 {
            let order = Order(app: "blog", number: number, version: "v1", image: "i:v1", requestedBy: "anna")
            let events = ([.requested(order)] + story).enumerated().map {
                RecordedEvent(sequence: $0 + 1, at: at, event: $1)
            }
            #expect(Release(folding: events)?.state.hasEnded == true)
            try await journal.append(events, app: "blog", number: number)
        }
        try await body(folder + "/viridian.yaml", journal)
    }

    @Test("deletes what is older than keep, or than asked; with --dry-run nothing")
    func deletes() async throws {
        for (more, length) in [("keep: 400d\n", nil), ("", "400d")] as [(String, String?)] {
            try await withInstallation(more) { configuration, journal in
                let older = length.map { ["--older-than", $0] } ?? []
                for isDryRun in [true, false] {
                    let words =
                        ["journal", "prune", "--config", configuration] + older + (isDryRun ? ["--dry-run"] : [])
                    let command = try #require(try Viridian.parseAsRoot(words) as? JournalPruneCommand)
                    let status = try await command.perform()
                    let count = try await journal.numbers(app: "blog", limit: 100).count
                    #expect(status == .done && count == (isDryRun ? 51 : 50))
                }
            }
        }
    }

    @Test("without keep it has to be said how old; less than 90 days is refused")
    func refuses() async throws {
        try await withInstallation { configuration, journal in
            let words = ["journal", "prune", "--config", configuration]
            let command = try #require(try Viridian.parseAsRoot(words) as? JournalPruneCommand)
            let error = await #expect(throws: Refusal.self) { try await command.perform() }
            #expect(error?.description.contains("has no keep: everything is kept") == true)
            for wrong in ["89d", "400", "4000d", "x"] {
                #expect(throws: (any Error).self) { try Viridian.parseAsRoot(words + ["--older-than", wrong]) }
            }
            let count = try await journal.numbers(app: "blog", limit: 100).count
            #expect(count == 51)
        }
    }

    @Test("says every few seconds how far it is, and nothing when it is quick")
    func progress() {
        let start = ContinuousClock.now
        var report = PruningReport(since: start)
        func line(_ step: JournalPruning.Progress.Step, _ done: Int, _ seconds: Double) -> String? {
            report.line(.init(app: "blog", step: step, done: done, all: 8000), at: start + .seconds(seconds))
        }
        #expect(line(.reading, 1000, 2.9) == nil)
        #expect(line(.reading, 1200, 3) == "blog: 1200 of 8000 older releases read")
        #expect(line(.reading, 2000, 5) == nil)
        #expect(line(.deleting, 300, 6.5) == "blog: 300 of 8000 releases deleted")
    }
}
