import ArgumentParser
import Foundation
import Journal
import JournalSQLite
import ReleaseMachine
import Testing

@testable import Commands
@testable import Controller

@Suite("viridian journal accept, export and check")
struct JournalVerbTests {
    @Test(
        "what is typed wrong is a usage error, before anything is read",
        arguments: [
            ["accept", "blog", "--reason", ""], ["accept", "blog", "--reason", "  "],
            ["export", "--since", "yesterday"], ["export", "--since", "0d"], ["prune", "--older-than", "10d"],
        ])
    func usage(_ words: [String]) throws {
        do {
            _ = try Viridian.parseAsRoot(["journal"] + words)
            Issue.record("\(words) is accepted")
        } catch {
            #expect(Viridian.exitCode(for: error).rawValue == 64)
            #expect(Viridian.message(for: error).contains("takes"))
        }
    }

    @Test("a usage error that is found later ends with the same status")
    func lateUsage() {
        #expect(ErrorReport(ValidationError("viridian journal backup takes no --server")).status == .usage)
    }

    @Test("an export of an app that is neither in the journal nor configured is refused, with those that are there")
    func export() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "export-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder + "/apps", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("nodes: {inventory: static, static: [10.122.43.70]}\n".utf8)
            .write(to: URL(filePath: folder + "/viridian.yaml"))
        let app = "app: wiki\nimage: registry.local:5000/wiki\nports: {container: 9000, blue: 30000, green: 30001}\n"
        try Data(app.utf8).write(to: URL(filePath: folder + "/apps/wiki.yaml"))
        let journal = try Journal(path: folder + "/viridian.sqlite")
        func export(_ words: String...) async throws -> Bool {
            let all = ["journal", "export", "--config", folder + "/viridian.yaml"] + words
            return try await #require(try Viridian.parseAsRoot(all) as? JournalExportCommand).perform() == .done
        }
        let empty = await #expect(throws: Refusal.self) { try await export("--app", "nope") }
        #expect(empty?.message == "there is no app nope in the journal: no app has a release in it")
        let order = Order(app: "blog", number: 1, version: "v1", image: "i:v1", requestedBy: "anna")
        let at = Timestamp(milliseconds: 1_445_754_600_000)
        try await journal.append(
            [RecordedEvent(sequence: 1, at: at, event: .requested(order))], app: "blog", number: 1)
        try await journal.note(AuditEntry(at: at, who: "anna", action: "lock", app: "shop", origin: "cli"))
        let unknown = await #expect(throws: Refusal.self) { try await export("--app", "nope", "--since", "1d") }
        #expect(unknown?.message == "there is no app nope in the journal: it has releases of blog")
        for known in ["blog", "shop", "wiki"] {
            let isDone = try await export("--app", known, "--since", "1d")
            #expect(isDone)
        }
    }
}
