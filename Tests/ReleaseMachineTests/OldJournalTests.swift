import Foundation
import ReleaseMachine
import Testing

/// Releases that the simulator ran with the state machine before editions. Their outcome must not change: otherwise an upgrade finds
/// releases running that ended long ago.
@Suite("Journals of earlier versions")
struct OldJournalTests {
    private struct OldRelease: Decodable {
        /// The simulator's seed and the release's number.
        var release: String
        var state: Release.State
        var needRepair: [String]
        var events: [RecordedEvent]
    }

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Journals/before-editions.jsonl")

    @Test("a release from before editions still ends as it did")
    func beforeEditions() throws {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count > 20)
        for line in lines {
            let old = try JSONDecoder().decode(OldRelease.self, from: Data(line.utf8))
            let release = try #require(Release(folding: old.events))
            #expect(release.order.rules.edition == nil)
            #expect(release.state == old.state, "\(old.release)")
            #expect(release.needRepair.map(\.node).sorted() == old.needRepair, "\(old.release)")
        }
    }

    @Test("a new release has an edition")
    func edition() {
        #expect(Rules().edition == 1)
    }
}
