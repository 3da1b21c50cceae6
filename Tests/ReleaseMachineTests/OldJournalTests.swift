import Foundation
import ReleaseMachine
import Testing

/// Releases that the simulator ran with the machine as it was before there were editions: what they came to they come to for ever, or
/// an upgrade finds releases running that have long ended.
@Suite("Journals of earlier versions")
struct OldJournalTests {
    private struct Told: Decodable {
        /// Seed and number, for whoever looks for it here.
        var release: String
        var state: Release.State
        var needRepair: [String]
        var events: [RecordedEvent]
    }

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Journals/before-editions.jsonl")

    @Test("a release that was begun before editions ends as it did")
    func beforeEditions() throws {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count > 20)
        for line in lines {
            let told = try JSONDecoder().decode(Told.self, from: Data(line.utf8))
            let release = try #require(Release(folding: told.events))
            #expect(release.order.rules.edition == nil)
            #expect(release.state == told.state, "\(told.release)")
            #expect(release.needRepair.map(\.node).sorted() == told.needRepair, "\(told.release)")
        }
    }

    @Test("and one that is begun now is told apart")
    func edition() {
        #expect(Rules().edition == 1)
    }
}
